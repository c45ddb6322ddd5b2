"""What notebook 4 calls: one function a part of the page, each from a `Report` to a `Block`."""

from llmc_lib.reporting.sections.again import power, rerun
from llmc_lib.reporting.sections.audit import audit
from llmc_lib.reporting.sections.candidates import selection
from llmc_lib.reporting.sections.first_screen import accuracy_by_category, verdict
from llmc_lib.reporting.sections.harness import harness, prompts
from llmc_lib.reporting.sections.keys import keys
from llmc_lib.reporting.sections.lengths import calibration, lengths, several_tries
from llmc_lib.reporting.sections.looks import looks
from llmc_lib.reporting.sections.making import (
    composition,
    data_set_facts,
    training,
    training_curves,
    waterfall,
)
from llmc_lib.reporting.sections.models import (
    comparisons_table,
    differences,
    models_note,
    models_table,
    verdict_words,
)
from llmc_lib.reporting.sections.nearest import nearest
from llmc_lib.reporting.sections.preferences import preferences
from llmc_lib.reporting.sections.provenance import provenance
from llmc_lib.reporting.sections.recipes import recipes
from llmc_lib.reporting.sections.reinforced import reinforced
from llmc_lib.reporting.sections.safety import safety
from llmc_lib.reporting.sections.side_by_side import (
    false_claims,
    grading,
    outcome_table,
    shown_traces,
    side_by_side,
    side_by_side_note,
)

__all__ = [
    "accuracy_by_category", "audit", "calibration", "comparisons_table", "composition", "data_set_facts", "differences",
    "false_claims", "grading", "harness", "keys", "lengths", "looks", "models_note", "models_table", "nearest", "outcome_table", "power",
    "preferences", "prompts", "provenance", "recipes", "reinforced", "rerun", "safety", "selection", "several_tries", "shown_traces", "side_by_side",
    "side_by_side_note", "training", "training_curves", "verdict", "verdict_words", "waterfall",
]  # fmt: skip
