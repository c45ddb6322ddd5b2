"""The steps from the sources' rows to the mixture, in their order: one module a step, with its words.

Those of the first pass come first. "provenance" and "form" may take a completion alone from its problem;
the problem goes on, and leaves at "completions" if it has none by then.
"""

from llmc_lib.dataset.steps import (
    completions,
    decontamination,
    duplicates,
    form,
    level,
    mixture,
    pass_rate,
    provenance,
)
from llmc_lib.dataset.steps.step import Step

STEPS: tuple[Step, ...] = (
    level.STEP, provenance.STEP, form.STEP, decontamination.STEP,
    duplicates.STEP, pass_rate.STEP, completions.STEP, mixture.STEP,
)  # fmt: skip


def named(name: str) -> Step:
    """The step that a manifest calls so. Raises `KeyError` where there is none."""
    return {step.name: step for step in STEPS}[name]
