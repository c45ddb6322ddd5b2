"""What a run leaves open: what a rerun would show, and what it would take to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.outlook import FEW_QUESTIONS, of_block, stable
from llmc_lib.analysis.rerun import ODDS, Rerun
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import (
    RARE,
    as_bound,
    as_chance,
    as_count,
    as_points,
    as_size,
    best_of,
)
from llmc_lib.language import N_, plural, tr
from llmc_lib.reporting.sentences.runs import samples_of, unequal

#: What the noise of a greedy run is.
GREEDY = N_(
    "Answers are greedy here (temperature 0): a rerun of the same models differs only where rounding changes "
    "a token. What follows is an upper limit that takes all noise to be sampling."
)


def priors() -> str:
    """What the two priors of a reversed sign are: told wherever its chances are."""
    return tr(
        "Flat prior: before the run any true difference was as likely as any other. Sceptical prior: of {all:.0f} such "
        "comparisons {odds:.0f} have no true difference.",
        all=ODDS + 1,
        odds=ODDS,
    )


def _chances(found: Rerun) -> str:
    """How often a rerun would turn the sign, under both priors; "" for a score."""
    if found.sign_flip is None or found.sign_flip_sceptical is None:
        return ""
    flat, sceptical = (as_chance(p) for p in (found.sign_flip, found.sign_flip_sceptical))
    if flat == sceptical:
        if found.sign_flip < RARE:
            return tr("{chance} (flat and sceptical prior)", chance=flat)
        return tr("about {chance} (flat and sceptical prior)", chance=flat)
    return tr(
        "between {flat} (flat prior) and {sceptical} (sceptical prior)",
        flat=flat,
        sceptical=sceptical,
    )


def sign_sentence(found: Rerun) -> str:
    """How often a rerun would turn the sign; "" for a score."""
    if found.sign_flip is None:
        return ""
    if found.value == 0:
        return tr("The two are level in this run: a rerun could come out either way.")
    chances = _chances(found)
    if found.basis == "bound":
        return tr(
            "If all noise is sampling, a rerun would reverse the sign {chances}.", chances=chances
        )
    return tr("A rerun would reverse the sign {chances}.", chances=chances)


def _of_repeat(low: str, high: str, percent: str) -> str:
    """Where a model that answered twice tells the spread."""
    return tr(
        "If all models were run again on the same questions, under another engine like those of the model that answered "
        "twice, the difference would lie between {low} and {high} points with a probability of {percent}, were the "
        "answers of the other models to turn as often.",
        low=low,
        high=high,
        percent=percent,
    )


def rerun_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """What the next run on the same questions, with as many samples, would show of a difference.

    Parameters: a benchmark's `block` (its models' n_samples), and one of its comparisons (n, rerun). Of the best of several
    candidates the difference is the shrunken one.
    """
    again, n = comparison["rerun"], comparison["n"]
    found = of_block(again)
    if n < FEW_QUESTIONS:
        return plural(
            "{n:,} question: too few to say what a rerun would show.",
            "{n:,} questions: too few to say what a rerun would show.",
            n,
        )
    low, high = (as_bound(bound, n) for bound in (found.low, found.high))
    percent = f"{1 - ALPHA:.0%}"
    if found.basis == "bound":
        texts = [
            tr(GREEDY)
            if again["greedy"]
            else tr(
                "One sample of each question does not tell sampling noise from real differences."
            ),
            tr(
                "If all noise is sampling, the next run's difference lies between {low} and {high} points with a probability "
                "of {percent}; the less of it is sampling, the higher the probability.",
                low=low,
                high=high,
                percent=percent,
            ),
        ]
    elif found.basis == "repeat":
        texts = [_of_repeat(low, high, percent)]
    else:
        again_text = (
            N_(
                "If all models were run again on the same questions as often as here, the difference would lie between {low} "
                "and {high} points with a probability of {percent}."
            )
            if unequal(block)
            else N_(
                "If all models were run again on the same questions with {samples} each, the difference would lie "
                "between {low} and {high} points with a probability of {percent}."
            )
        )
        texts = [
            tr(
                again_text,
                samples=samples_of(block),
                low=low,
                high=high,
                percent=percent,
            )
        ]
    if again["picked_from"]:
        winner = tr(
            "It is {picked_from}, so the shrunken difference is used for it: {expected}.",
            picked_from=best_of(again["picked_from"]),
            expected=as_points(found.expected, n),
        )
        texts.append(winner)
    return " ".join(filter(None, [*texts, sign_sentence(found)]))


def rerun_title(found: Rerun, n: int) -> str:
    """What the figure of the next run shows."""
    if n < FEW_QUESTIONS:
        return tr("Too few questions to say what a rerun would show")
    if found.value == 0:
        return tr("The two are level: a rerun could come out either way")
    if stable(found):
        return tr("A rerun would most likely come out the same way")
    return tr("A rerun could come out the other way, {chances}", chances=_chances(found))


def needed_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """What it would take to find a difference of the smallest interesting size and, of several candidates, of the
    shrunken one: `comparison["needed"]` (`outlook.needed_designs`) in words; "" where nothing is needed or known."""
    found = comparison["needed"]
    if found is None:
        return ""
    texts = [
        tr(
            _NEEDED[number == 0, design["shrunken"]],
            size=as_size(design["size"]),
            power=block["thresholds"]["power"],
            design=_design(block, comparison, design),
        )
        for number, design in enumerate(found["designs"])
    ]
    if found["none_for_shrunken"]:
        texts.append(tr("no design would find the shrunken one, which is almost 0"))
    return f"{'; '.join(texts)}."


# Is it the first one of the sentence, is it about the shrunken difference → what is said.
_NEEDED = {
    (True, False): N_(
        "A true difference of {size} (the smallest of interest) would be found {power:.0%} of the time with about {design}"
    ),
    (True, True): N_(
        "A true difference of {size} (the shrunken one) would be found {power:.0%} of the time with about {design}"
    ),
    (False, False): N_(
        "one of {size} (the smallest of interest) would be found with about {design}"
    ),
    (False, True): N_("one of {size} (the shrunken one) would be found with about {design}"),
}


def _design(
    block: Mapping[str, Any], comparison: Mapping[str, Any], design: Mapping[str, Any]
) -> str:
    """Questions or samples that find a true difference."""
    questions_asked = block["measure"] == Measure.ACCURACY
    if design["questions"] is None:
        samples = as_count(design["samples"])
        if questions_asked:
            return tr("{samples} samples of each of these questions", samples=samples)
        return tr("{samples} samples of each of these instructions", samples=samples)
    count = as_count(design["questions"])
    questions = (
        tr("{count} questions", count=count)
        if questions_asked
        else tr("{count} instructions", count=count)
    )
    if comparison["rerun"]["greedy"]:
        return questions
    if comparison["variance"]["within"] is not None:
        return tr(
            "{questions} with {samples} samples each (more samples of these {n:,} are not enough)",
            questions=questions,
            samples=min(facts["n_samples"] for facts in block["models"].values()),
            n=comparison["n"],
        )
    if design["samples"] is None:
        return tr("{questions} with one sample each", questions=questions)
    return tr(
        "{questions}, or with at least {samples} samples of each of these",
        questions=questions,
        samples=as_count(design["samples"]),
    )
