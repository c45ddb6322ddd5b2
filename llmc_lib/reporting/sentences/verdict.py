"""The verdict on a candidate: its word, when each word holds, and a sentence with numbers, interval, test and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmc_lib.analysis.comparison import Test
from llmc_lib.analysis.summary import groups_key, rate_key
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import (
    MINUS,
    adding_up,
    all_of,
    as_bound,
    as_level,
    as_p,
    as_size,
    counted,
    in_points,
    listed,
)
from llmc_lib.language import N_, plural, tr
from llmc_lib.records import Word
from llmc_lib.reporting.sentences.harness import blocked_sentence
from llmc_lib.taxonomy import ordered

_TESTS: dict[Test, str] = {
    "mcnemar_midp": N_("McNemar mid-p test"),
    "sign_flip": N_("sign-flip test"),
    "paired_t": N_("t-test clustered by question"),
    "clustered_t": N_("t-test by clusters of questions"),
    "unequal_t": N_("t-test for unequal numbers of samples"),
}
#: A verdict's code → its word.
WORDS: dict[Word, str] = {
    "better": N_("better"),
    "better_small": N_("better, by less than matters"),
    "worse": N_("worse"),
    "worse_small": N_("worse, by less than matters"),
    "equal": N_("equal within {matters}"),
    "unclear": N_("too little data"),
    "harness": N_("no verdict"),
}
_NUMBERS: dict[Measure, str] = {
    Measure.ACCURACY: N_(
        "{model} answers {rate} of the {asked} correctly, {reference} {base}: {points}, {label} {low} to {high}"
    ),
    Measure.SAFETY: N_(
        "{model} is safe on {rate} of the {asked}, {reference} {base}: {points}, {label} {low} to {high}"
    ),
    Measure.OVER_REFUSAL: N_(
        "{model} declines {rate} of the {asked}, {reference} {base}: {points}, {label} {low} to {high}"
    ),
}


class _Direction(NamedTuple):
    """What is said of a difference to one side, "" where nothing is."""

    ruled_out: str
    allowed: str
    clear_in: str = ""
    no_category: str = ""
    no_area: str = ""


_GAIN = _Direction(
    N_("A gain of {size} or more is ruled out."),
    N_("a gain of {size} is not ruled out."),
    N_("The gain is clear in {groups}."),
    N_("No single category shows the gain by itself."),
    N_("No single risk area shows the gain by itself."),
)
_LOSS = _Direction(
    N_("A loss of {size} or more is ruled out."),
    N_("a loss of {size} is not ruled out."),
    N_("The loss is clear in {groups}."),
    N_("No single category shows the loss by itself."),
    N_("No single risk area shows the loss by itself."),
)
# Where a low rate is good.
_RISE = _Direction(
    N_("A rise of {size} or more is ruled out."), N_("a rise of {size} is not ruled out.")
)
_FALL = _Direction(
    N_("A fall of {size} or more is ruled out."), N_("a fall of {size} is not ruled out.")
)
_NARROW = N_(
    "Too few questions tell the models apart: if there is a kind of question that is rare here and on which "
    "they differ more, the interval is too narrow."
)


def verdict_word(word: Word, thresholds: Thresholds) -> str:
    """A verdict of the analysis as it is printed."""
    return tr(WORDS[word], matters=as_size(thresholds.smallest_interesting))


def verdict_rules(thresholds: Thresholds, *, repeated: bool = False) -> dict[str, str]:
    """The only verdict words there are, and when each holds; the first that does is given. `repeated`: a model answered twice."""
    matters = as_size(thresholds.smallest_interesting)
    level, inner = as_level(thresholds.significance), as_level(2 * thresholds.significance)
    given = {"level": level, "matters": matters, "minus": MINUS}
    rules: dict[Word, str] = {
        "better_small": tr("the {level}% interval lies above 0 and below {matters}", **given),
        "better": tr("the {level}% interval lies above 0", **given),
        "worse_small": tr("the {level}% interval lies below 0 and above {minus}{matters}", **given),
        "worse": tr("the {level}% interval lies below 0", **given),
        "equal": tr(
            "the {level}% interval contains 0, and the {inner}% interval lies between {minus}{matters} and "
            "+{matters} (two one-sided tests), whatever missing answers could have been",
            inner=inner,
            **given,
        ),
        "unclear": tr("everything else; the sentence says what the interval still allows"),
    }
    if repeated:
        rules["harness"] = tr(
            "a model that answered twice differs clearly from itself; then none of the others is given"
        )
    return {verdict_word(word, thresholds): when for word, when in rules.items()}


def interval_label(interval: Mapping[str, Any], significance: float, sides: int = 1) -> str:
    """ "95% interval" for one at its own level; of one of several candidates at the level at which all hold together, "95%
    interval for all 8 candidates at once"; of a look, "for all looks". With two `sides` that of two one-sided tests."""
    alpha, compared = sides * interval["level"], interval["candidates"]
    significance *= sides
    if interval.get("looks"):
        level = as_level(significance)
        if compared == 1:
            return tr("{level}% interval for all looks", level=level)
        return tr(
            "{level}% interval for {all_of} candidates and all looks at once",
            level=level,
            all_of=all_of(compared),
        )
    if compared > 1 and alpha < significance:
        return tr(
            "{level}% interval for {all_of} candidates at once",
            level=as_level(significance),
            all_of=all_of(compared),
        )
    return tr("{level}% interval", level=as_level(alpha))


def verdict_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any], need: str) -> str:
    """The verdict with its numbers.

    Parameters: a benchmark's `block`, and one of its comparisons with the verdict as a code and the interval as printed;
    `need`, what it would take to know more, for a verdict that is not clear.
    """
    thresholds = Thresholds(**block["thresholds"])
    word = comparison["verdict"]
    p = _p_value(comparison, thresholds)
    numbers = _numbers(block, comparison)
    if word == "harness":
        return f"{numbers}. {blocked_sentence(block)}"
    if word not in ("equal", "unclear"):
        return f"{numbers} {_clear(block, comparison, thresholds, p)}"
    texts = [f"{numbers}."]
    # An interval that leaves out 0 and does not count is not at the level that decides.
    if not comparison["interval"]["low"] <= 0 <= comparison["interval"]["high"]:
        texts.append(tr("The interval is of this comparison alone; what decides is {p}.", p=p))
    if word == "unclear" and _equal_as_counted(comparison, thresholds):
        told = tr(
            "Differences of {matters} or more are ruled out only if missing answers count as wrong.",
            matters=as_size(thresholds.smallest_interesting),
        )
        texts.append(told)
    elif word == "unclear":
        texts += [_fits(block, comparison, thresholds), need]
    else:
        texts.append(_equal(comparison, thresholds))
    return " ".join(filter(None, texts))


def _equal_as_counted(comparison: Mapping[str, Any], thresholds: Thresholds) -> bool:
    """Would it be "equal", were it not for missing answers?"""
    low, high = comparison["interval"]["equivalence"]
    matters = thresholds.smallest_interesting
    inside = -matters < low and high < matters and not comparison["interval"]["narrow"]
    return inside and bool((comparison.get("missing") or {}).get("changes"))


def _p_value(comparison: Mapping[str, Any], thresholds: Thresholds) -> str:
    p = as_p(comparison["p_adjusted"], thresholds.significance)
    compared = comparison["interval"]["candidates"]
    if comparison["interval"].get("looks"):
        return plural(
            "p {p}, adjusted for all looks",
            "p {p}, adjusted for {n} candidates and all looks",
            compared,
            p=p,
        )
    return plural("p {p}", "p {p}, adjusted for {n} candidates", compared, p=p)


def _directions(block: Mapping[str, Any]) -> tuple[_Direction, _Direction]:
    """Of a lower rate and of a higher one."""
    return (_FALL, _RISE) if block["measure"] == Measure.OVER_REFUSAL else (_LOSS, _GAIN)


def asked(measure: Measure, n: int) -> str:
    """So many of what a benchmark asks: "40 instructions"."""
    if measure == Measure.ACCURACY:
        return counted(n, "question")
    return (
        counted(n, "instruction")
        if measure == Measure.SAFETY
        else counted(n, "harmless instruction")
    )


def _numbers(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """Both rates, their difference, and its interval."""
    n, key = comparison["n"], rate_key(block["kind"])
    first, second = (block["models"][comparison[role]][key] for role in ("model", "reference"))
    rate, base, points = adding_up(first, second, comparison["difference"], n)
    low, high = comparison["interval"]["printed"]
    return tr(
        _NUMBERS[block["measure"]],
        model=comparison["model"],
        rate=rate,
        asked=asked(block["measure"], n),
        reference=comparison["reference"],
        base=base,
        points=points,
        label=comparison["interval"]["label"],
        low=low,
        high=high,
    )


def _clear(
    block: Mapping[str, Any], comparison: Mapping[str, Any], thresholds: Thresholds, p: str
) -> str:
    """The test, and where the difference is clear."""
    direction = _directions(block)[comparison["difference"] > 0]
    texts = [tr("(paired, {test}, {p}).", test=tr(_TESTS[comparison["test"]]), p=p)]
    if comparison["verdict"].endswith("_small"):
        texts.append(tr(direction.ruled_out, size=as_size(thresholds.smallest_interesting)))
    groups = comparison[groups_key(block["kind"])]
    if len(groups) > 1 and direction.clear_in:
        if clear_in := _clear_in(groups, comparison["difference"]):
            texts.append(tr(direction.clear_in, groups=listed(clear_in)))
        else:
            safety = block["measure"] == Measure.SAFETY
            texts.append(tr(direction.no_area if safety else direction.no_category))
    if comparison["interval"]["narrow"]:
        texts.append(tr(_NARROW))
    return " ".join(texts)


def _clear_in(groups: Mapping[str, Mapping[str, Any]], difference: float) -> list[str]:
    """The categories that agree with the whole by themselves."""
    return [
        name
        for name in ordered(groups)
        if groups[name]["significant"] and groups[name]["difference"] * difference > 0
    ]


def _equal(comparison: Mapping[str, Any], thresholds: Thresholds) -> str:
    interval, matters = comparison["interval"], thresholds.smallest_interesting
    label = interval_label(interval, thresholds.significance, sides=2)
    low, high = (
        as_bound(end, comparison["n"], (-matters, 0, matters)) for end in interval["equivalence"]
    )
    return tr(
        "Differences of {matters} or more are ruled out (two one-sided tests: the {label} is {low} to {high}).",
        matters=as_size(matters),
        label=label,
        low=low,
        high=high,
    )


def _fits(block: Mapping[str, Any], comparison: Mapping[str, Any], thresholds: Thresholds) -> str:
    """What the interval still allows."""
    matters, interval = thresholds.smallest_interesting, comparison["interval"]
    low, high = interval["printed"]
    low_is_good = block["measure"] == Measure.OVER_REFUSAL
    if interval["low"] < 0 < interval["high"]:
        ends = {"down": in_points(low.removeprefix(MINUS)), "up": in_points(high.removeprefix("+"))}
        fits = (
            tr("Anything from {down} lower to {up} higher fits these answers", **ends)
            if low_is_good
            else tr("Anything from {down} worse to {up} better fits these answers", **ends)
        )
    else:
        fits = tr("Differences from {low} to {high} points fit these answers", low=low, high=high)
    if interval["narrow"]:
        return f"{fits}. {tr(_NARROW)}"
    # By the interval that is printed: the narrower one of the two one-sided tests would rule out what fits here.
    may_gain, may_lose = interval["high"] >= matters, interval["low"] <= -matters
    size = as_size(matters)
    if not (may_gain and may_lose):
        allowed = tr(_directions(block)[may_gain].allowed, size=size)
    elif low_is_good:
        allowed = tr("neither a rise nor a fall of {size} is ruled out.", size=size)
    else:
        allowed = tr("neither a gain nor a loss of {size} is ruled out.", size=size)
    return f"{fits}: {allowed}"
