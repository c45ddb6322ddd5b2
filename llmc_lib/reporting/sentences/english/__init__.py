"""The sentences in English. Each function takes figures as metrics.json has them, with the codes of the analysis."""

from llmc_lib.reporting.sentences.english.answers import (
    ending_sentence,
    missing_sentence,
    not_known,
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
from llmc_lib.reporting.sentences.english.verdict import (
    interval_label,
    verdict_rules,
    verdict_sentence,
    verdict_word,
)

__all__ = [
    "GREEDY",
    "PRIORS",
    "SAFETY",
    "TRADEOFFS",
    "ending_sentence",
    "interval_label",
    "missing_sentence",
    "needed_sentence",
    "not_known",
    "over_refusal_sentence",
    "rerun_sentence",
    "rerun_title",
    "sign_sentence",
    "tradeoff_sentence",
    "verdict_rules",
    "verdict_sentence",
    "verdict_word",
]
