"""What a recipe does, and how far one checkpoint of it speaks for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmc_lib.analysis.summary import rate_key
from llmc_lib.analysis.verdict import ALPHA, Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import (
    adding_up,
    as_bound,
    as_chance,
    as_count,
    as_level,
    as_likely,
    as_p,
    as_points,
    counted,
)
from llmc_lib.language import N_, plural, tr
from llmc_lib.reporting.sentences.verdict import asked, verdict_word

_EFFECTS: dict[Measure, str] = {
    Measure.ACCURACY: N_(
        "The recipe {recipe}, trained {trainings} times, answers {rate} of the {asked} correctly on average, {reference} {base}"
    ),
    Measure.SAFETY: N_(
        "The recipe {recipe}, trained {trainings} times, is safe on {rate} of the {asked} on average, {reference} {base}"
    ),
    Measure.OVER_REFUSAL: N_(
        "The recipe {recipe}, trained {trainings} times, declines {rate} of the {asked} on average, {reference} {base}"
    ),
}
#: With two trainings.
_TWO = N_(
    "With two trainings of a recipe the interval is wider than necessary: two say little about how much trainings differ."
)
_NARROW = N_("Too few questions tell the models apart for this interval to be relied on.")
_BEST = {
    "trainings": N_("More trainings are the best use of the next {time}"),
    "questions": N_("More questions are the best use of the next {time}"),
    "samples": N_("More samples of each question are the best use of the next {time}"),
}
_OPTIONS = {
    "trainings": N_("{number} trainings: ±{half}"),
    "questions": N_("{number} questions: ±{half}"),
    "samples": N_("{number} samples of each: ±{half}"),
}
#: How the trainings of a recipe count, wherever candidates are several.
COUNTED_ONCE = N_(
    "The trainings of one recipe count as one candidate, which is the last of them, whatever the results are: the best of "
    "them is never picked."
)


def effect_sentence(block: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    """The effect of a recipe with its interval and test: questions and trainings are both random."""
    n, interval, key = effect["n"], effect["interval"], rate_key(block["kind"])
    level = Thresholds(**block["thresholds"]).significance
    low, high = interval["printed"]
    base = block["models"][effect["reference"]][key]
    rate, before, points = adding_up(base + effect["difference"], base, effect["difference"], n)
    text = tr(
        _EFFECTS[block["measure"]],
        recipe=effect["recipe"],
        trainings=len(effect["models"]),
        rate=rate,
        asked=asked(block["measure"], n),
        reference=effect["reference"],
        base=before,
    )
    told = tr(
        "{text}: {points}, {level}% interval {low} to {high} for new trainings and new questions ({test}, p {p}).",
        text=text,
        points=points,
        level=as_level(level),
        low=low,
        high=high,
        test=tr("t-test of Cochran and Cox")
        if effect["two_trainings"]
        else tr(
            "t-test with {freedom} degrees of freedom",
            freedom=freedom(effect["degrees_of_freedom"]),
        ),
        p=as_p(effect["p_adjusted"], level),
    )
    notes = [_TWO if effect["two_trainings"] else "", _NARROW if interval["narrow"] else ""]
    return " ".join([told, *(tr(note) for note in notes if note), *_unknown(effect)])


def _unknown(effect: Mapping[str, Any]) -> Iterator[str]:
    """That answers that are not known could change the verdict, where they could."""
    unknown, verdict = effect["unknown"], effect["verdict"]
    if unknown and verdict != "harness" and set(unknown["verdicts"]) != {verdict}:
        yield plural(
            "{n} answer, missing or not graded, could change this verdict.",
            "{n} answers, missing or not graded, could change this verdict.",
            unknown["answers"],
        )


def freedom(value: float) -> str:
    """Degrees of freedom as they are printed."""
    return f"{value:.1f}" if value < 100 else as_count(value)


def spread_sentence(effect: Mapping[str, Any]) -> str:
    """How much the trainings differ, and what another one would show."""
    n, found, new = effect["n"], effect["spread"], effect["new_training"]
    size = {name: as_points(found[name], n, sign=False, unit=False) for name in ("low", "high")}
    low, high = (as_bound(new[end], n) for end in ("low", "high"))
    return " ".join(
        [
            tr(
                "From one training to the next the rate varies with a standard deviation of {sd} (95% interval {low} to {high}), "
                "beyond the {noise} that sampling and the choice of questions alone would produce.",
                sd=as_points(found["sd"], n, sign=False),
                noise=as_points(found["noise"], n, sign=False),
                **size,
            ),
            tr(
                "One more training would show a difference between {low} and {high} points on these questions with a probability "
                "of {percent}, and would reverse the sign {chance} (flat prior: every effect was equally likely at first).",
                low=low,
                high=high,
                percent=f"{1 - ALPHA:.0%}",
                chance=as_chance(new["sign_flip"]),
            ),
        ]
    )


def next_sentence(effect: Mapping[str, Any]) -> str:
    """Where the next hour goes."""
    found, n = effect["next"], effect["n"]
    share = effect["shares"]["trainings"]
    parts = [
        tr(
            "The trainings account for {share} of the variance of this effect, the questions and sampling for the rest.",
            share=as_likely(share),
        )
    ]
    if found["best"] is None:
        return parts[0]
    options = [
        tr(
            _OPTIONS[option["kind"]],
            number=f"{option['number']:,}",
            half=as_points(option["half"], n, sign=False, unit=False),
        )
        for option in found["options"]
    ]
    given = {
        "half": as_points(found["half"], n, sign=False, unit=False),
        "options": "; ".join(options),
    }
    if found["seconds"] is None:
        told = tr(
            "The interval's half width is ±{half} points; with twice as many, {options}.",
            **given,
        )
        parts.append(told)
    else:
        best = tr(_BEST[found["best"]], time=_time(found["seconds"]))
        told = tr(
            "{best}, going by the interval's half width (now ±{half} points): {options}.",
            best=best,
            **given,
        )
        parts.append(told)
    if not found["sure"]:
        parts.append(
            tr(
                "This is not certain: with another spread within its interval another choice would be best."
            )
        )
    return " ".join(parts)


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours <= 1:
        return tr("hour")
    return tr("{hours} (as long as one more training takes)", hours=counted_hours(hours))


def counted_hours(hours: float) -> str:
    """ "1.4 hours", "30 hours"."""
    return counted(round(hours), "hour") if hours >= 10 else tr("{hours:.1f} hours", hours=hours)


def pair_sentence(block: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    """One recipe against another."""
    thresholds, n = Thresholds(**block["thresholds"]), effect["n"]
    low, high = effect["interval"]["printed"]
    told = tr(
        "{recipe} against {reference}, each trained several times: {points} ({level}% interval {low} to {high}, p {p}), "
        "{verdict}.",
        recipe=effect["recipe"],
        reference=effect["reference"],
        points=as_points(effect["difference"], n),
        level=as_level(thresholds.significance),
        low=low,
        high=high,
        p=as_p(effect["p_adjusted"], thresholds.significance),
        verdict=verdict_word(effect["verdict"], thresholds),
    )
    return f"{told} {tr(_TWO)}" if effect["two_trainings"] else told
