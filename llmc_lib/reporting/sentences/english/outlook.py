"""What a run leaves open: what a rerun would show, and what it would take to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.outlook import FEW_QUESTIONS, of_block, stable
from llmc_lib.analysis.rerun import ODDS, Rerun
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.formatting import as_bound, as_chance, as_count, as_points, as_size, best_of, counted

#: What the two priors of a sign that turns are; wherever the chances are given, this must be to be found.
PRIORS = (
    "Flat prior: before the run any true difference was as likely as any other. Sceptical prior: of "
    f"{ODDS + 1:.0f} such comparisons {ODDS:.0f} have no true difference."
)
#: What the noise of a greedy run is.
GREEDY = (
    "Answers are greedy here (temperature 0): a rerun of the same models differs only where rounding changes a "
    "token. What follows is an upper limit that takes all noise to be sampling."
)


def _chances(found: Rerun) -> str:
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
    start = "If all noise is sampling, a rerun" if found.basis == "bound" else "A rerun"
    return f"{start} would reverse the sign {_chances(found)}."


def rerun_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """What the next run on the same questions, with as many samples, would show of a difference.

    Parameters: a benchmark's `block` (n_samples), and one of its comparisons (n, rerun). Of the best of several
    candidates the difference is the shrunken one.
    """
    again, n = comparison["rerun"], comparison["n"]
    found = of_block(again)
    if n < FEW_QUESTIONS:
        return f"{counted(n, 'question').capitalize()}: too few to say what a rerun would show."
    low, high = (as_bound(bound, n) for bound in (found.low, found.high))
    percent = f"{1 - ALPHA:.0%}"
    winner = ""
    if again["picked_from"]:
        winner = (
            f" It is {best_of(again['picked_from'])}, so the shrunken difference is used for it: "
            f"{as_points(found.expected, n)}."
        )
    if found.basis == "bound":
        why = (
            GREEDY
            if again["greedy"]
            else "One sample of each question does not tell sampling noise from real differences."
        )
        start = (
            f"{why} If all noise is sampling, the next run's difference lies between {low} and {high} points with a "
            f"chance of {percent}; the less of it is, the higher is the chance."
        )
    else:
        start = (
            f"If all models were run again on the same questions with {counted(block['n_samples'], 'sample')} each, the "
            f"difference would lie between {low} and {high} points with a chance of {percent}."
        )
    return f"{start}{winner} {sign_sentence(found)}".strip()


def rerun_title(found: Rerun, n: int) -> str:
    """What the figure of the next run shows."""
    if n < FEW_QUESTIONS:
        return "Too few questions to say what a rerun would show"
    if found.value == 0:
        return "The two are level: a rerun could come out either way"
    if stable(found):
        return "A rerun would most likely come out the same way"
    return f"A rerun could come out the other way, {_chances(found)}"


def needed_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """What it would take to find a difference of the smallest interesting size and, of several candidates, of the
    shrunken one: `comparison["needed"]` (`outlook.needed_designs`) in words; "" where nothing is needed or known."""
    found = comparison["needed"]
    if found is None:
        return ""
    texts = [
        f"{as_size(design['size'])} ({'the shrunken one' if design['shrunken'] else 'the smallest of interest'}) would "
        f"be found {{}}with about {_design(block, comparison, design)}"
        for design in found["designs"]
    ]
    first, *others = texts
    target = f"{block['thresholds']['power']:.0%} of the time "
    text = f"A true difference of {first.format(target)}"
    text += "".join(f"; one of {each.format('')}" for each in others)
    if found["none_for_shrunken"]:
        text += "; no design would find the shrunken one, which is almost 0"
    return f"{text}."


def _design(
    block: Mapping[str, Any], comparison: Mapping[str, Any], design: Mapping[str, Any]
) -> str:
    """Questions or samples that find a true difference."""
    noun = "questions" if block["measure"] == "accuracy" else "instructions"
    if design["questions"] is None:
        return f"{as_count(design['samples'])} samples of each of these {noun}"
    questions = f"{as_count(design['questions'])} {noun}"
    if comparison["rerun"]["greedy"]:
        return questions
    if comparison["variance"]["within"] is not None:
        return (
            f"{questions} with {block['n_samples']} samples each (more samples of these {comparison['n']:,} are not "
            "enough)"
        )
    if design["samples"] is None:
        return f"{questions} with one sample each"
    return f"{questions}, or with at least {as_count(design['samples'])} samples of each of these"
