"""What a run leaves open: would a rerun have the same sign, and what would it take to know?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from llmc_lib.analysis.design import needed
from llmc_lib.analysis.power import power
from llmc_lib.analysis.rerun import Rerun
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.analysis.verdict import Thresholds

#: With fewer questions a rerun is not predicted: nothing here was shown to hold.
FEW_QUESTIONS = 20
#: A chance below it is called unlikely.
UNLIKELY = 0.02
#: With fewer questions that differ, how much answers vary is not known well enough to plan with: of 9 the variance has
#: a relative standard error of one third.
FEW_DIFFERING = 10
# More samples of a question than anyone draws.
_MOST_SAMPLES = 1024
# A difference below it is not planned for: a million questions do not show it.
_LEAST = 0.001


def of_block(block: dict[str, Any]) -> Rerun:
    """The `Rerun` of a comparison in metrics.json."""
    return Rerun(**{field.name: block[field.name] for field in fields(Rerun)})


def stable(found: Rerun) -> bool:
    """Would a rerun most likely have the same sign, even to a sceptic?"""
    chance = found.sign_flip_sceptical
    return bool(found.value) and chance is not None and max(chance, found.sign_flip or 0) < UNLIKELY


def samples_needed(
    difference: float, n: int, parts: VarianceParts, level: float, target: float
) -> int | None:
    """The fewest samples of each of n questions with which a true difference is found (two-sided test at `level`)
    with the chance `target`; None where more samples do not do it."""

    def enough(samples: int) -> bool:
        return power(difference, n, parts, samples, level) >= target

    if not enough(_MOST_SAMPLES):
        return None
    low, high = 0, _MOST_SAMPLES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def unknown(n: int, samples: int, parts: VarianceParts) -> bool:
    """Do n questions with so many samples each not say how much the models' answers to them vary?"""
    groups = round(n / parts.cluster_size)
    return groups < FEW_QUESTIONS or parts.of_mean(samples) < 1e-12


@dataclass(frozen=True)
class Design:
    """What finds a true difference of a size, with the power that is asked for."""

    size: float
    shrunken: bool  # the shrunken difference, not the smallest interesting one
    # With as many samples as there are; None: more samples of these questions are enough.
    questions: int | None
    #: With `questions` None so many of each; else, where the share of sampling in the noise is not known, the least number
    #: that would do if all of it were; None where more samples do not do it, or are the same again (temperature 0).
    samples: int | None


@dataclass(frozen=True)
class Needed:
    """The designs that find what this one does not."""

    designs: tuple[Design, ...]
    none_for_shrunken: bool  # the shrunken difference is almost 0, and no design finds it


def needed_designs(
    n: int,
    samples: int,
    parts: VarianceParts,
    thresholds: Thresholds,
    *,
    level: float,
    shrunken: float | None = None,
    differing: int | None = None,
    greedy: bool = False,
) -> Needed | None:
    """What it would take to find a difference of the smallest interesting size and, of several candidates, of
    the `shrunken` one; never of the one that was seen, which is too large where it was noticed for its size.

    None where this design finds both, and where too few questions (clusters), differences that are the same on all of
    them (`unknown`), or too few questions that tell the models apart (`differing`; None: enough) do not say how much
    their answers vary. `greedy`: sampled at temperature 0, where further samples are the same again. `level` is that of
    the test of one candidate. With several samples: how many of these questions are enough,
    or how many questions where none are. With one, what further samples buy is not known: the number of
    questions, and the least number of samples, should all noise be sampling.
    """
    few = differing is not None and differing < FEW_DIFFERING
    if few or unknown(n, samples, parts):
        return None
    sizes = {thresholds.smallest_interesting: False}
    if shrunken is not None and _LEAST <= abs(shrunken) < thresholds.smallest_interesting:
        sizes[float(f"{abs(shrunken):.2g}")] = True
    target = thresholds.power
    designs = tuple(
        Design(size, is_shrunken, *_design(size, n, samples, parts, level, target, greedy=greedy))
        for size, is_shrunken in sizes.items()
        if power(size, n, parts, samples, level) < target
    )
    if not designs:
        return None
    return Needed(designs, shrunken is not None and abs(shrunken) < _LEAST)


def _design(
    size: float,
    n: int,
    samples: int,
    parts: VarianceParts,
    level: float,
    target: float,
    *,
    greedy: bool,
) -> tuple[int | None, int | None]:
    """Questions and samples that find a true difference of this size."""
    if parts.within is not None:
        k = samples_needed(size, n, parts, level, target)
        if k is not None and k > samples:
            return None, k
    table = needed(size, parts, (samples,), alpha=level, target=target)
    questions = int(table["questions"].iloc[0])
    if greedy or parts.within is not None:
        return questions, None
    all_sampling = VarianceParts(parts.total, parts.total, parts.cluster_size)
    least = samples_needed(size, n, all_sampling, level, target)
    return questions, None if least is None else max(least, 2)
