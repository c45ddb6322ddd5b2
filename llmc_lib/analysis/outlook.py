"""What a run leaves open, in sentences: what a rerun would show, and what it would take to know."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from llmc_lib.analysis.design import needed
from llmc_lib.analysis.power import power
from llmc_lib.analysis.rerun import ODDS, Rerun
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.analysis.verdict import ALPHA, Thresholds
from llmc_lib.formatting import as_bound, as_chance, as_count, as_points, as_size, best_of, counted

#: What the two priors of a sign that turns are; wherever the chances are given, this must be to be found.
PRIORS = (
    "Flat prior: before the run any true difference was as likely as any other. Sceptical prior: of "
    f"{ODDS + 1:.0f} such comparisons {ODDS:.0f} have no true difference."
)
#: With fewer questions a rerun is not predicted in words: nothing here was shown to hold.
FEW_QUESTIONS = 20
#: A chance below it is called unlikely.
UNLIKELY = 0.02
#: With fewer questions that differ, how much answers vary is not known well enough to plan with: of 9 the variance has
#: a relative standard error of one third.
FEW_DIFFERING = 10
#: What the noise of a greedy run is.
GREEDY = (
    "Answers are greedy here (temperature 0): a rerun of the same models differs only where rounding changes a "
    "token. What follows is an upper limit that takes all noise to be sampling."
)
# More samples of a question than anyone draws.
_MOST_SAMPLES = 1024
# A difference below it is not planned for: a million questions do not show it.
_LEAST = 0.001


def of_block(block: dict[str, Any]) -> Rerun:
    """The `Rerun` of a comparison in metrics.json."""
    return Rerun(**{field.name: block[field.name] for field in fields(Rerun)})


def chances(found: Rerun) -> str:
    """How often a rerun would turn the sign, under both priors; "" for a score."""
    if found.sign_flip is None or found.sign_flip_sceptical is None:
        return ""
    flat, sceptical = (as_chance(p) for p in (found.sign_flip, found.sign_flip_sceptical))
    if flat == sceptical:
        about = "" if flat.startswith("less") else "about "
        return f"{about}{flat} (flat and sceptical prior)"
    return f"between {flat} (flat prior) and {sceptical} (sceptical prior)"


def sign_sentence(found: Rerun) -> str:
    """How often a rerun would turn the sign; "" for a score."""
    if found.sign_flip is None:
        return ""
    if found.value == 0:
        return "The two are level in this run: a rerun could come out either way."
    start = (
        "If all noise is sampling, a rerun" if found.basis == "bound" else "A rerun"
    ) + " would reverse the sign"
    return f"{start} {chances(found)}."


def rerun_sentence(
    found: Rerun, n: int, samples: int, picked_from: int = 0, *, greedy: bool = False
) -> str:
    """What the next run on the same n questions, with as many samples, would show of a difference.

    `greedy`: answers were sampled at temperature 0. `picked_from`: so many candidates this one is the best of, whose difference is then the shrunken one.
    """
    if n < FEW_QUESTIONS:
        return f"{counted(n, 'question').capitalize()}: too few to say what a rerun would show."
    low, high = (as_bound(bound, n) for bound in (found.low, found.high))
    percent = f"{1 - ALPHA:.0%}"
    winner = ""
    if picked_from:
        winner = (
            f" It is {best_of(picked_from)}, so the shrunken difference is used for it: "
            f"{as_points(found.expected, n)}."
        )
    if found.basis == "bound":
        why = (
            GREEDY
            if greedy
            else "One sample of each question does not tell sampling noise from real differences."
        )
        start = (
            f"{why} If all noise is sampling, the next run's difference lies between {low} and {high} points with a "
            f"chance of {percent}; the less of it is, the higher is the chance."
        )
    else:
        start = (
            f"If all models were run again on the same questions with {counted(samples, 'sample')} each, the "
            f"difference would lie between {low} and {high} points with a chance of {percent}."
        )
    return f"{start}{winner} {sign_sentence(found)}".strip()


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


def needed_sentence(
    n: int,
    samples: int,
    parts: VarianceParts,
    thresholds: Thresholds,
    *,
    level: float,
    shrunken: float | None = None,
    differing: int | None = None,
    greedy: bool = False,
    noun: str = "questions",
) -> str:
    """What it would take to find a difference of the smallest interesting size and, of several candidates, of
    the `shrunken` one; never of the one that was seen, which is too large where it was noticed for its size.

    "" where this design finds both, and where too few questions (clusters), differences that are the same on all of
    them (`unknown`), or too few questions that tell the models apart (`differing`; None: enough) do not say how much
    their answers vary. `greedy`: sampled at temperature 0, where further samples are the same again. `noun`: what the
    questions are. `level` is that of the test of one candidate. With several samples: how many of these questions are enough,
    or how many questions where none are. With one, what further samples buy is not known: the number of
    questions, and the least number of samples, should all noise be sampling.
    """
    target = thresholds.power
    few = differing is not None and differing < FEW_DIFFERING
    if few or unknown(n, samples, parts):
        return ""
    sizes = {thresholds.smallest_interesting: "the smallest of interest"}
    if shrunken is not None and _LEAST <= abs(shrunken) < thresholds.smallest_interesting:
        sizes[float(f"{abs(shrunken):.2g}")] = "the shrunken one"
    found = [
        f"{as_size(size)} ({what}) would be found {{}}with about "
        + _design(size, n, samples, parts, level, target, noun, greedy=greedy)
        for size, what in sizes.items()
        if power(size, n, parts, samples, level) < target
    ]
    if not found:
        return ""
    first, *others = found
    text = f"A true difference of {first.format(f'{target:.0%} of the time ')}"
    text += "".join(f"; one of {each.format('')}" for each in others)
    if shrunken is not None and abs(shrunken) < _LEAST:
        text += "; no design would find the shrunken one, which is almost 0"
    return f"{text}."


def _design(
    size: float,
    n: int,
    samples: int,
    parts: VarianceParts,
    level: float,
    target: float,
    noun: str,
    *,
    greedy: bool,
) -> str:
    """Questions or samples that find a true difference of this size."""
    if parts.within is not None:
        k = samples_needed(size, n, parts, level, target)
        if k is not None and k > samples:
            return f"{as_count(k)} samples of each of these {noun}"
    table = needed(size, parts, (samples,), alpha=level, target=target)
    questions = f"{as_count(int(table['questions'].iloc[0]))} {noun}"
    if greedy:
        return questions
    if parts.within is not None:
        return (
            f"{questions} with {samples} samples each (more samples of these {n:,} are not enough)"
        )
    least = samples_needed(
        size, n, VarianceParts(parts.total, parts.total, parts.cluster_size), level, target
    )
    if least is None:
        return f"{questions} with one sample each"
    return f"{questions}, or with at least {as_count(max(least, 2))} samples of each of these"


def title(found: Rerun, n: int) -> str:
    """What the figure of the next run shows."""
    if n < FEW_QUESTIONS:
        return "Too few questions to say what a rerun would show"
    if found.value == 0:
        return "The two are level: a rerun could come out either way"
    if stable(found):
        return "A rerun would most likely come out the same way"
    return f"A rerun could come out the other way, {chances(found)}"


def stable(found: Rerun) -> bool:
    """Would a rerun most likely have the same sign, even to a sceptic?"""
    chance = found.sign_flip_sceptical
    return bool(found.value) and chance is not None and max(chance, found.sign_flip or 0) < UNLIKELY
