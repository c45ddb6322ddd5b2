"""What a reader of an unfinished evaluation, or of one that was looked at before it was finished, must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llmc_lib.formatting import as_bound, as_range, as_size, counted, listed
from llmc_lib.language import N_, plural, tr

_REASONS = {
    "behind": N_("clearly worse than the best"),
    "small": N_("cannot be better by what matters"),
}


def unfinished_sentence(
    look: Mapping[str, Any], models: Sequence[str], part: Mapping[str, int]
) -> str:
    """Which answers an unfinished evaluation's figures have, how looks are paid for, and who has not begun."""
    texts = [
        tr(
            "The evaluation is not finished. This is a look at the first {n:,} of {asked:,} questions in the order in "
            "which they were drawn, up to the first one that not all of {models} have answered: which answers are here "
            "does not depend on how long they are.",
            n=look["n_questions"],
            asked=look["asked"],
            models=listed(list(models)),
        )
    ]
    if part["ahead"] and look["planned"]:
        text = tr(
            "The answers to {more} wait for the next planned look.",
            more=counted(part["ahead"], "further question"),
        )
        texts.append(text)
    elif part["ahead"]:
        text = tr(
            "{more}, too, have been answered by all, mostly short answers, and are not used before those in front of "
            "them are there.",
            more=counted(part["ahead"], "later question"),
        )
        texts.append(text)
    return " ".join([*texts, _paid(look)])


def _paid(look: Mapping[str, Any]) -> str:
    """How all looks share the significance."""
    levels = {name: _as_level(look[name]) for name in ("level", "level_at_end", "level_alone")}
    if look["planned"]:
        text = tr(
            "It is look {number} of {planned} planned ones, which share the {level_alone} of a single one (alpha spending): "
            "here a difference counts from p < {level} on, in the finished evaluation from p < {level_at_end} on.",
            number=look["number"],
            planned=look["planned"],
            **levels,
        )
    else:
        text = tr(
            "Looks are not planned, so interval, adjusted p-value and verdict hold over as many looks as you like, at any "
            "time and for any reason: here a difference counts from p < {level} on, in the finished evaluation from p < "
            "{level_at_end} on, and without any look before it would from p < {level_alone} on.",
            **levels,
        )
    before = (
        plural("There was {n} look before.", "There were {n} looks before.", look["earlier"])
        if look["earlier"]
        else tr("It is the first look.")
    )
    return f"{text} {before}"


def full_sentence(comparison: Mapping[str, Any], look: Mapping[str, Any]) -> str:
    """What the finished evaluation can still become."""
    low, high = (as_bound(end, look["asked"]) for end in comparison["bets"]["full"])
    return tr(
        "What all {asked:,} questions will show: {model} between {low} and {high} points from {reference} (95%, at any number of "
        "looks). That is about these questions, the verdict about questions like these.",
        asked=look["asked"],
        model=comparison["model"],
        reference=comparison["reference"],
        low=low,
        high=high,
    )


def waiting_sentence(names: Sequence[str]) -> str:
    """Candidates without an answer."""
    return tr(
        "Without any answer yet: {not_begun}. The p-values are adjusted for all candidates, those included.",
        not_begun=listed(list(names)),
    )


def finished_sentence(look: Mapping[str, Any]) -> str:
    """What earlier looks cost the finished evaluation."""
    return plural(
        "The evaluation was looked at {n} time before it was finished. So that verdict, interval and adjusted p-value hold "
        "over all looks, a difference counts from p < {level} on instead of p < {alone}.",
        "The evaluation was looked at {n} times before it was finished. So that verdict, interval and adjusted p-value hold "
        "over all looks, a difference counts from p < {level} on instead of p < {alone}.",
        look["earlier"],
        level=_as_level(look["level"]),
        alone=_as_level(look["level_alone"]),
    )


def race_sentence(race: Mapping[str, Any]) -> str:
    """How a race ended, and what it has saved."""
    end = (
        tr(
            "The deadline ended it after round {round} of {rounds}, at {n:,} of {asked:,} questions, before all was settled.",
            round=race["round"],
            rounds=race["rounds"],
            n=race["n_questions"],
            asked=race["asked"],
        )
        if not race["settled"]
        else tr(
            "All was settled after round {round} of {rounds}, at {n:,} of {asked:,} questions.",
            round=race["round"],
            rounds=race["rounds"],
            n=race["n_questions"],
            asked=race["asked"],
        )
        if race["n_questions"] < race["asked"]
        else tr(
            "It went on to the last of {rounds} rounds, at {asked:,} questions.",
            rounds=race["rounds"],
            asked=race["asked"],
        )
    )
    saved = 1 - race["tokens"] / race["tokens_of_all"] if race["tokens_of_all"] else 0.0
    return " ".join(
        [
            plural(
                "The evaluation was a race of {n} candidate (evaluation.stop): who is clearly worse than the best, or cannot be "
                "better than the reference by {matters}, is not asked further.",
                "The evaluation was a race of {n} candidates (evaluation.stop): who is clearly worse than the best, or cannot be "
                "better than the reference by {matters}, is not asked further.",
                race["candidates"],
                matters=as_size(race["matters"]),
            ),
            end,
            tr(
                "Intervals, adjusted p-values and verdicts hold over all rounds and candidates. A difference at which a race "
                "stopped is on average a little too far from 0. About {saved:.0%} of the tokens were saved.",
                saved=saved,
            ),
        ]
    )


def race_caption(race: Mapping[str, Any], reference: str) -> str:
    """Of the table of those that were stopped."""
    return tr(
        "Candidates that the race has stopped, each compared with {reference} on the questions that it was asked; intervals at "
        "{level:.4g}%, for all candidates and rounds at once.",
        reference=reference,
        level=100 * (1 - race["significance"]),
    )


def race_reason(reason: str) -> str:
    """Why a candidate was stopped."""
    return tr(_REASONS[reason])


def changed_sentence(asked: int, before: Sequence[int]) -> str:
    """The number of questions was not the same at all looks."""
    return tr(
        "At an earlier look the benchmark had {before} questions, now {asked:,}. The levels hold only if that was not changed "
        "for what the look showed.",
        before=as_range(f"{min(before):,}", f"{max(before):,}")
        if len(set(before)) > 1
        else f"{before[0]:,}",
        asked=asked,
    )


def looks_caption(look: Mapping[str, Any], model: str) -> str:
    """Of the table of all looks."""
    return tr(
        "All looks at this benchmark, from the ledger of the run; {model}. Interval and p hold over all looks. The e-value is "
        "what a bet of 1 against no difference has become: 20 or more happens at any time with a chance of at most 5% where there "
        "is none, without assuming a normal distribution.",
        model=model,
    )


def _as_level(level: float) -> str:
    return str(np.format_float_positional(level, precision=2, fractional=False, trim="-"))
