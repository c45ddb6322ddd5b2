"""What a run leaves open, in sentences: what a rerun would show, and what it would take to know."""

from __future__ import annotations

from llmc_lib.analysis.design import needed
from llmc_lib.analysis.power import power
from llmc_lib.analysis.rerun import Rerun
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.analysis.verdict import ALPHA, Thresholds
from llmc_lib.words import as_chance, as_count, as_points

# More samples of a question than anyone draws.
_MOST_SAMPLES = 1024


def sign_sentence(found: Rerun) -> str:
    """How often a rerun would turn the sign round; "" for a difference of 0 and of scores."""
    if found.sign_flip is None or found.value == 0:
        return ""
    chance = as_chance(found.sign_flip)
    if found.basis != "bound":
        about = "" if chance.startswith("less") else "about "
        return f"A rerun would reverse the sign {about}{chance}."
    if chance.startswith("less"):
        return f"A rerun would reverse the sign {chance}."
    return f"A rerun could reverse the sign, up to {chance}."


def rerun_sentence(found: Rerun, n: int, samples: int) -> str:
    """What the next run on the same questions, with as many samples, would show of a difference."""
    low, high = (as_points(bound, n, unit=False) for bound in (found.low, found.high))
    percent = f"{1 - ALPHA:.0%}"
    sign = sign_sentence(found)
    if found.basis == "bound":
        return (
            "One sample of each question does not tell sampling noise from real differences. If all of it is "
            f"sampling, the next run's difference lies between {low} and {high} points with a chance of "
            f"{percent}. {sign}"
        ).strip()
    return (
        f"If all models were run again on the same questions with {samples} samples each, the difference "
        f"would lie between {low} and {high} points with a chance of {percent}. {sign}"
    ).strip()


def samples_needed(
    difference: float, n: int, parts: VarianceParts, thresholds: Thresholds
) -> int | None:
    """The fewest samples of each of n questions with which a true difference is found with the wanted power;
    None where more samples do not do it."""

    def enough(samples: int) -> bool:
        alpha = thresholds.significance
        return power(difference, n, parts, samples, alpha) >= thresholds.power

    if not enough(_MOST_SAMPLES):
        return None
    low, high = 0, _MOST_SAMPLES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def needed_sentence(
    difference: float, n: int, samples: int, parts: VarianceParts, thresholds: Thresholds
) -> str:
    """What it would take to settle a difference of this size; "" for 0 and where this design does.

    With several samples: how many of these questions are enough, or how many questions where none are.
    With one, what further samples buy is not known: the number of questions, and the least number of
    samples, should all noise be sampling.
    """
    alpha, target = thresholds.significance, thresholds.power
    if difference == 0 or power(difference, n, parts, samples, alpha) >= target:
        return ""
    lead = "To settle a difference of this size you would need about"
    if parts.within is not None:
        k = samples_needed(difference, n, parts, thresholds)
        if k is not None and k > samples:
            return f"{lead} {as_count(k)} samples of each of these questions."
    table = needed(difference, parts, (samples,), alpha=alpha, target=target)
    questions = int(table["questions"].iloc[0])
    if parts.within is not None:
        return (
            f"{lead} {as_count(questions)} questions with {samples} samples each; more samples of these "
            f"{n:,} alone would not do."
        )
    all_sampling = VarianceParts(parts.total, parts.total)
    least = samples_needed(difference, n, all_sampling, thresholds)
    text = f"{lead} {as_count(questions)} questions"
    if least is None:
        return f"{text} with one sample each."
    return f"{text}, or at least {as_count(max(least, 2))} samples of each of these {n:,}."
