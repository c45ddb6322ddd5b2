"""The sentences in English. Each function takes figures as metrics.json has them, with the codes of the analysis."""

from llmc_lib.reporting.sentences.english.answers import (
    ending_sentence,
    missing_sentence,
    not_known,
)
from llmc_lib.reporting.sentences.english.gate import (
    OUTCOMES,
    gate_criterion,
    gate_figures,
    gate_reason,
)
from llmc_lib.reporting.sentences.english.outlook import (
    GREEDY,
    PRIORS,
    needed_sentence,
    rerun_sentence,
    rerun_title,
    sign_sentence,
)
from llmc_lib.reporting.sentences.english.safety import (
    SAFETY,
    TRADEOFFS,
    over_refusal_sentence,
    tradeoff_sentence,
)
from llmc_lib.reporting.sentences.english.seal import seal_sentence
from llmc_lib.reporting.sentences.english.tried import (
    TRIED_HEAD,
    TRIED_NOTE,
    TRIED_WORDS,
    tried_family,
    tried_line,
)
from llmc_lib.reporting.sentences.english.verdict import (
    interval_label,
    verdict_rules,
    verdict_sentence,
    verdict_word,
)

__all__ = [
    "GREEDY",
    "OUTCOMES",
    "PRIORS",
    "SAFETY",
    "TRADEOFFS",
    "TRIED_HEAD",
    "TRIED_NOTE",
    "TRIED_WORDS",
    "ending_sentence",
    "gate_criterion",
    "gate_figures",
    "gate_reason",
    "interval_label",
    "missing_sentence",
    "needed_sentence",
    "not_known",
    "over_refusal_sentence",
    "rerun_sentence",
    "rerun_title",
    "seal_sentence",
    "sign_sentence",
    "tradeoff_sentence",
    "tried_family",
    "tried_line",
    "verdict_rules",
    "verdict_sentence",
    "verdict_word",
]
