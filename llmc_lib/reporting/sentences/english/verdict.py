"""The verdict on a candidate: its word, when each word holds, and a sentence with numbers, interval, test and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.comparison import Test
from llmc_lib.analysis.summary import groups_key, rate_key
from llmc_lib.analysis.verdict import Thresholds, Word
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import (
    MINUS,
    adding_up,
    all_of,
    as_bound,
    as_p,
    as_size,
    counted,
    in_points,
    listed,
)
from llmc_lib.taxonomy import ordered

_TESTS: dict[Test, str] = {
    "mcnemar_midp": "McNemar mid-p test",
    "sign_flip": "sign-flip test",
    "paired_t": "t-test clustered by question",
    "clustered_t": "t-test clustered by the given clusters",
}
_WORDS: dict[Word, str] = {
    "better": "better",
    "better_small": "better, by less than matters",
    "worse": "worse",
    "worse_small": "worse, by less than matters",
    "equal": "equal within {matters}",
    "unclear": "too little data",
}
# What was asked, and what a model does with it.
_ASKED: dict[Measure, tuple[str, str, str]] = {
    Measure.ACCURACY: ("question", "answers", " correctly"),
    Measure.SAFETY: ("instruction", "is safe on", ""),
    Measure.OVER_REFUSAL: ("harmless instruction", "declines", ""),
}
_GROUP: dict[Measure, str] = {Measure.SAFETY: "risk area"}
# What a lower and a higher rate are called, and a fall and a rise; where a low rate is good, and where a high one is.
_LOW_IS_GOOD = ("lower", "higher", "fall", "rise")
_HIGH_IS_GOOD = ("worse", "better", "loss", "gain")
_NARROW = (
    "Too few questions tell the models apart: if there is a kind of question that is rare here and on which they differ "
    "more, the interval is too narrow."
)


def verdict_word(word: Word, thresholds: Thresholds) -> str:
    """A verdict of the analysis as it is printed."""
    return _WORDS[word].format(matters=as_size(thresholds.smallest_interesting))


def verdict_rules(thresholds: Thresholds) -> dict[str, str]:
    """The only verdict words there are, and when each holds; the first that does is given."""
    matters = as_size(thresholds.smallest_interesting)
    level, inner = 1 - thresholds.significance, 1 - 2 * thresholds.significance
    interval = f"the {100 * level:.4g}% interval"
    rules: dict[Word, str] = {
        "better_small": f"{interval} lies above 0 and below {matters}",
        "better": f"{interval} lies above 0",
        "worse_small": f"{interval} lies below 0 and above {MINUS}{matters}",
        "worse": f"{interval} lies below 0",
        "equal": f"{interval} contains 0, and the {100 * inner:.4g}% interval lies between {MINUS}{matters} and +{matters} "
        "(two one-sided tests)",
        "unclear": "everything else; the sentence says what the interval still allows",
    }
    return {verdict_word(word, thresholds): when for word, when in rules.items()}


def interval_label(alpha: float, significance: float, compared: int = 1) -> str:
    """ "95% interval" for one at the level `alpha`; of one of several candidates at the level at which all hold
    together, "95% interval for all 8 candidates at once"."""
    if compared > 1 and alpha < significance:
        return f"{100 * (1 - significance):.4g}% interval for {all_of(compared)} candidates at once"
    return f"{100 * (1 - alpha):.4g}% interval"


def verdict_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any], need: str) -> str:
    """The verdict with its numbers.

    Parameters: a benchmark's `block`, and one of its comparisons with the verdict as a code and the interval as printed;
    `need`, what it would take to know more, for a verdict that is not clear.
    """
    thresholds = Thresholds(**block["thresholds"])
    word, compared = comparison["verdict"], comparison["interval"]["candidates"]
    p = f"p {as_p(comparison['p_adjusted'], thresholds.significance)}"
    if compared > 1:
        p += f", adjusted for {compared} candidates"
    numbers = _numbers(block, comparison)
    if word not in ("equal", "unclear"):
        return numbers + _clear(block, comparison, thresholds, p)
    low, high = comparison["interval"]["low"], comparison["interval"]["high"]
    # An interval that leaves out 0 and does not count is not at the level that decides.
    alone = (
        ""
        if low <= 0 <= high
        else f" The interval is of this comparison alone; what decides is {p}."
    )
    if word == "unclear":
        fits = _fits(comparison, thresholds, _directions(block))
        return f"{numbers}.{alone} {fits}{f' {need}' if need else ''}"
    return f"{numbers}.{alone} {_equal(comparison, thresholds)}"


def _directions(block: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return _LOW_IS_GOOD if block["measure"] == Measure.OVER_REFUSAL else _HIGH_IS_GOOD


def _numbers(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """Both rates, their difference, and its interval."""
    noun, verb, adverb = _ASKED[block["measure"]]
    names = comparison["model"], comparison["reference"]
    n, key = comparison["n"], rate_key(block["kind"])
    first, second = (block["models"][name][key] for name in names)
    rate, base, points = adding_up(first, second, comparison["difference"], n)
    low, high = comparison["interval"]["printed"]
    return (
        f"{names[0]} {verb} {rate} of the {counted(n, noun)}{adverb}, {names[1]} {base}: {points}, "
        f"{comparison['interval']['label']} {low} to {high}"
    )


def _clear(
    block: Mapping[str, Any], comparison: Mapping[str, Any], thresholds: Thresholds, p: str
) -> str:
    """The test, and where the difference is clear."""
    what = _directions(block)[3 if comparison["difference"] > 0 else 2]
    text = f" (paired, {_TESTS[comparison['test']]}, {p})."
    if comparison["verdict"].endswith("_small"):
        text += f" A {what} of {as_size(thresholds.smallest_interesting)} or more is ruled out."
    groups = comparison[groups_key(block["kind"])]
    if len(groups) > 1 and block["measure"] != Measure.OVER_REFUSAL:
        clear_in = _clear_in(groups, comparison["difference"])
        group = _GROUP.get(block["measure"], "category")
        text += (
            f" The {what} is clear in {listed(clear_in)}."
            if clear_in
            else f" No single {group} shows the {what} by itself."
        )
    return f"{text} {_NARROW}" if comparison["interval"]["narrow"] else text


def _clear_in(groups: Mapping[str, Mapping[str, Any]], difference: float) -> list[str]:
    """The categories that agree with the whole by themselves."""
    return [
        name
        for name in ordered(groups)
        if groups[name]["significant"] and groups[name]["difference"] * difference > 0
    ]


def _equal(comparison: Mapping[str, Any], thresholds: Thresholds) -> str:
    interval, matters = comparison["interval"], thresholds.smallest_interesting
    label = interval_label(
        2 * interval["level"], 2 * thresholds.significance, interval["candidates"]
    )
    low, high = (
        as_bound(end, comparison["n"], (-matters, 0, matters)) for end in interval["equivalence"]
    )
    return f"Differences of {as_size(matters)} or more are ruled out (two one-sided tests: the {label} is {low} to {high})."


def _fits(
    comparison: Mapping[str, Any], thresholds: Thresholds, directions: tuple[str, str, str, str]
) -> str:
    """What the interval still allows."""
    matters, interval = thresholds.smallest_interesting, comparison["interval"]
    low, high = interval["printed"]
    down, up, loss, gain = directions
    if interval["low"] < 0 < interval["high"]:
        most = in_points(low.removeprefix(MINUS)), in_points(high.removeprefix("+"))
        fits = f"Anything from {most[0]} {down} to {most[1]} {up} fits these answers"
    else:
        fits = f"Differences from {low} to {high} points fit these answers"
    if interval["narrow"]:
        return f"{fits}. {_NARROW}"
    # By the interval that is printed: the narrower one of the two one-sided tests would rule out what fits here.
    may_gain, may_lose = interval["high"] >= matters, interval["low"] <= -matters
    if may_gain and may_lose:
        return f"{fits}: neither a {gain} nor a {loss} of {as_size(matters)} is ruled out."
    return f"{fits}: a {gain if may_gain else loss} of {as_size(matters)} is not ruled out."
