"""What the analysis found, in sentences: the analysis returns numbers and codes, this package has their words.

Each function takes figures as metrics.json has them; `tell` puts the sentences into metrics.json. They are English, or in the
language of a catalogue (`llmc_lib.language`).
"""

from llmc_lib.reporting.sentences.answers import endings_sentence, missing_sentence, not_known
from llmc_lib.reporting.sentences.audit import audit_difference, audit_lead, audit_outdated
from llmc_lib.reporting.sentences.gate import (
    OUTCOMES,
    gate_about,
    gate_criterion,
    gate_figures,
    gate_reason,
)
from llmc_lib.reporting.sentences.harness import (
    prompts_sentence,
    repeat_sentence,
    setting_words,
    values_words,
)
from llmc_lib.reporting.sentences.keys import keys_sentence
from llmc_lib.reporting.sentences.looks import (
    changed_sentence,
    finished_sentence,
    full_sentence,
    looks_caption,
    race_caption,
    race_reason,
    race_sentence,
    stopped_safety_caption,
    stopped_so_far,
    stopped_unknown,
    unfinished_sentence,
    waiting_sentence,
)
from llmc_lib.reporting.sentences.nearest import nearest_sentence
from llmc_lib.reporting.sentences.outlook import (
    GREEDY,
    needed_sentence,
    priors,
    rerun_sentence,
    rerun_title,
    sign_sentence,
)
from llmc_lib.reporting.sentences.recipe import (
    COUNTED_ONCE,
    effect_sentence,
    freedom,
    next_sentence,
    pair_sentence,
    spread_sentence,
)
from llmc_lib.reporting.sentences.runs import (
    another_run_sentence,
    answers_of,
    responses_of,
    runs_of,
    runs_sentence,
    samples_of,
    unequal,
)
from llmc_lib.reporting.sentences.safety import (
    SAFETY,
    TRADEOFFS,
    over_refusal_sentence,
    tradeoff_sentence,
)
from llmc_lib.reporting.sentences.seal import seal_sentence
from llmc_lib.reporting.sentences.tried import TRIED_WORDS, tried_family, tried_line, tried_note
from llmc_lib.reporting.sentences.verdict import (
    interval_label,
    verdict_rules,
    verdict_sentence,
    verdict_word,
)

__all__ = [
    "COUNTED_ONCE",
    "GREEDY",
    "OUTCOMES",
    "SAFETY",
    "TRADEOFFS",
    "TRIED_WORDS",
    "another_run_sentence",
    "answers_of",
    "audit_difference",
    "audit_lead",
    "audit_outdated",
    "changed_sentence",
    "effect_sentence",
    "endings_sentence",
    "finished_sentence",
    "freedom",
    "full_sentence",
    "gate_about",
    "gate_criterion",
    "gate_figures",
    "gate_reason",
    "interval_label",
    "keys_sentence",
    "looks_caption",
    "missing_sentence",
    "nearest_sentence",
    "needed_sentence",
    "next_sentence",
    "not_known",
    "over_refusal_sentence",
    "pair_sentence",
    "priors",
    "prompts_sentence",
    "race_caption",
    "race_reason",
    "race_sentence",
    "repeat_sentence",
    "rerun_sentence",
    "rerun_title",
    "responses_of",
    "runs_of",
    "runs_sentence",
    "samples_of",
    "seal_sentence",
    "setting_words",
    "sign_sentence",
    "spread_sentence",
    "stopped_safety_caption",
    "stopped_so_far",
    "stopped_unknown",
    "tradeoff_sentence",
    "tried_family",
    "tried_line",
    "tried_note",
    "unequal",
    "unfinished_sentence",
    "values_words",
    "verdict_rules",
    "verdict_sentence",
    "verdict_word",
    "waiting_sentence",
]
