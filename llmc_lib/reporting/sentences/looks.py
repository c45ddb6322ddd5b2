"""What a reader of an unfinished evaluation, or of one that was looked at before it was finished, must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llmc_lib.evaluation.race import WHY
from llmc_lib.formatting import as_bound, as_level, as_range, as_size, counted, listed
from llmc_lib.language import N_, plural, tr


def unfinished_sentence(
    look: Mapping[str, Any], models: Sequence[str], part: Mapping[str, int]
) -> str:
    """Which answers an unfinished evaluation's figures have, and how looks are paid for."""
    texts = [
        tr(
            "The evaluation is not finished. This look uses the first {n:,} of {asked:,} questions in their random order, all "
            "of them answered by {models}, so that the choice of questions does not depend on the length of the answers.",
            n=look["n_questions"],
            asked=look["asked"],
            models=listed(list(models)),
        )
    ]
    if part["ahead"] and look["planned"]:
        text = tr(
            "The answers to {more} are not used before the next planned look.",
            more=counted(part["ahead"], "further question"),
        )
        texts.append(text)
    elif part["ahead"]:
        text = plural(
            "{n:,} later question has also been answered by all; as short answers arrive first, it is not used until the "
            "questions before it are answered.",
            "{n:,} later questions have also been answered by all; as short answers arrive first, they are not used until "
            "the questions before them are answered.",
            part["ahead"],
        )
        texts.append(text)
    return " ".join([*texts, _paid(look)])


def _paid(look: Mapping[str, Any]) -> str:
    """How all looks share the significance."""
    levels = {name: _as_level(look[name]) for name in ("level", "level_at_end", "level_alone")}
    if look["planned"]:
        text = tr(
            "This is look {number} of {planned} planned looks, which share the significance level of {level_alone} (alpha "
            "spending): a difference is significant here if its unadjusted p-value is below {level}, and in the finished "
            "evaluation if it is below {level_at_end}.",
            number=look["number"],
            planned=look["planned"],
            **levels,
        )
    else:
        text = tr(
            "Interval, adjusted p-value and verdict hold over any number of looks, at any time and for any reason: a difference "
            "is significant here if its unadjusted p-value is below {level}, and in the finished evaluation if it is below "
            "{level_at_end} (without any look before the end: {level_alone}).",
            **levels,
        )
    before = (
        plural("There was {n} earlier look.", "There were {n} earlier looks.", look["earlier"])
        if look["earlier"]
        else tr("This is the first look.")
    )
    return f"{text} {before}"


def full_sentence(comparison: Mapping[str, Any], look: Mapping[str, Any]) -> str:
    """What the finished evaluation can still show."""
    low, high = (as_bound(end, look["asked"]) for end in comparison["bets"]["full"])
    return tr(
        "On all {asked:,} questions, once they are answered, the difference of {model} from {reference} will lie between {low} and "
        "{high} points (95%, over any number of looks). This is about these questions; the verdict is about questions like these.",
        asked=look["asked"],
        model=comparison["model"],
        reference=comparison["reference"],
        low=low,
        high=high,
    )


def waiting_sentence(names: Sequence[str]) -> str:
    """Candidates without an answer."""
    return tr(
        "No answers yet: {not_begun}. The p-values are adjusted for all candidates, including these.",
        not_begun=listed(list(names)),
    )


def stopped_so_far(names: Sequence[str]) -> str:
    """Candidates that a race, which is still going on, has stopped."""
    return tr(
        "The race (evaluation.stop) has stopped {models}, who are not compared here; the finished report has them. The p-values "
        "are adjusted for all candidates, including these.",
        models=listed(list(names)),
    )


def finished_sentence(look: Mapping[str, Any]) -> str:
    """What earlier looks cost the finished evaluation."""
    return plural(
        "There was {n} look at this evaluation before it was finished. So that verdict, interval and adjusted p-value hold over "
        "all looks, a difference is significant if its unadjusted p-value is below {level} instead of {alone}.",
        "There were {n} looks at this evaluation before it was finished. So that verdict, interval and adjusted p-value hold over "
        "all looks, a difference is significant if its unadjusted p-value is below {level} instead of {alone}.",
        look["earlier"],
        level=_as_level(look["level"]),
        alone=_as_level(look["level_alone"]),
    )


def race_sentence(race: Mapping[str, Any]) -> str:
    """How a race ended, and what it has saved."""
    if not race["settled"]:
        end = N_(
            "The deadline ended it after round {round} of {rounds}, at {n:,} of {asked:,} questions, before it was decided."
        )
    elif race["n_questions"] < race["asked"]:
        end = N_("It was decided after round {round} of {rounds}, at {n:,} of {asked:,} questions.")
    else:
        end = N_("It went on to the last of its {rounds} rounds, with all {asked:,} questions.")
    numbers = {name: race[name] for name in ("round", "rounds", "asked")}
    saved = 1 - race["tokens"] / race["tokens_of_all"] if race["tokens_of_all"] else 0.0
    return " ".join(
        [
            plural(
                "The evaluation was a race of {n} candidate (evaluation.stop): it is stopped if it cannot be better than the "
                "reference by {matters}.",
                "The evaluation was a race of {n} candidates (evaluation.stop): one that is clearly worse than the best, or "
                "cannot be better than the reference by {matters}, is stopped.",
                race["candidates"],
                matters=as_size(race["matters"]),
            ),
            tr(end, n=race["n_questions"], **numbers),
            tr(
                "Intervals, adjusted p-values and verdicts hold over all rounds and candidates. The difference at which a race "
                "stops is on average a little too far from 0. About {saved:.0%} of the tokens were saved.",
                saved=saved,
            ),
        ]
    )


def race_caption(race: Mapping[str, Any], reference: str) -> str:
    """Of the table of those that were stopped."""
    return tr(
        "Candidates that the race stopped, each compared with {reference} on the questions up to its last round; intervals at "
        "{level}%, simultaneous for all candidates and rounds.",
        reference=reference,
        level=as_level(race["significance"]),
    )


def stopped_safety_caption(race: Mapping[str, Any], reference: str) -> str:
    """Of the table of the safety of those that were stopped."""
    return tr(
        "Safety of the candidates that the race stopped, each compared with {reference} on all questions: the rate of safe responses "
        "(higher is better) or of declined harmless instructions (lower is better). Intervals at {level:.4g}%, simultaneous for all "
        "candidates of the race. “Not known”: responses that are missing or could not be graded; they count as not safe, and as not declined.",
        reference=reference,
        level=100 * (1 - race["significance"]),
    )


def stopped_unknown(found: Sequence[tuple[str, str, object]]) -> str:
    """What was not asked of those that were stopped: (model, benchmark, its comparison or None); "" where nothing is unknown."""
    models = list(dict.fromkeys(model for model, _, compared in found if compared is None))
    names = list(dict.fromkeys(name for _, name, compared in found if compared is None))
    if not models:
        return ""
    return tr(
        "Nothing is known of the safety of {models}: the race ended for them before {benchmarks} (evaluation.stop.safety is off). No "
        "loss of safety is reported for them, because none was looked for.",
        models=listed(models),
        benchmarks=listed(names),
    )


def race_reason(reason: str) -> str:
    """Why a candidate was stopped."""
    return tr(WHY[reason])


def changed_sentence(asked: int, before: Sequence[int]) -> str:
    """The number of questions was not the same at all looks."""
    return tr(
        "At an earlier look the benchmark had {before} questions, now it has {asked:,}. The error rates hold only if this change "
        "was not made because of what a look showed.",
        before=as_range(f"{min(before):,}", f"{max(before):,}")
        if len(set(before)) > 1
        else f"{before[0]:,}",
        asked=asked,
    )


def looks_caption(look: Mapping[str, Any], model: str) -> str:
    """Of the table of all looks."""
    return tr(
        "All looks at {model} on this benchmark, from the ledger of the run. Interval and adjusted p hold over all looks. The "
        "e-value is the capital of a bet against no difference that starts at 1: without a difference it ever reaches 20 with a "
        "probability of at most 5%, without assuming a normal distribution. It does not decide the verdict.",
        model=model,
    )


def _as_level(level: float) -> str:
    return str(np.format_float_positional(level, precision=2, fractional=False, trim="-"))
