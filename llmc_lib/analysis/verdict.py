"""The words for what a comparison shows: the same evidence always gets the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.power import detectable_difference
from llmc_lib.formatting import MINUS, adding_up, all_of, as_bound, as_p, as_size, counted, listed

#: Intervals of a single figure are at 1 - ALPHA, always; that of a verdict is at 1 - `Thresholds.significance`.
ALPHA = 0.05


_NARROW = (
    "Too few questions tell the models apart: if there is a kind of question that is rare here and on which they differ "
    "more, the interval is too narrow."
)


#: What a lower and a higher rate are called, and a fall and a rise.
Directions = tuple[str, str, str, str]


@dataclass(frozen=True)
class Thresholds:
    """Where one verdict word ends and the next begins."""

    #: A difference below it, a fraction, would not change what anyone does.
    smallest_interesting: float = 0.05
    #: A p-value, adjusted for all candidates, below it names a sign; intervals of verdicts are at 1 minus it.
    significance: float = 0.05
    #: The chance with which a design must find a difference in order to "show" it.
    power: float = 0.8
    #: How the p-values of the categories are adjusted: see `comparison.adjust`.
    correction: Literal["holm", "bh"] = "holm"

    def __post_init__(self) -> None:
        if not 0 < self.smallest_interesting < 1:
            raise ValueError(
                f"smallest_interesting ({self.smallest_interesting:g}) must lie between 0 and 1: it is a fraction"
            )
        if not 0 < self.significance < 0.5:
            raise ValueError(f"significance ({self.significance:g}) must lie between 0 and 0.5")
        if not 0 < self.power < 1:
            raise ValueError(f"power ({self.power:g}) must lie between 0 and 1")
        if self.correction not in ("holm", "bh"):
            raise ValueError(f"correction must be 'holm' or 'bh', not {self.correction!r}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """A word from the table below, and a sentence with numbers, interval, test and meaning."""

    word: str
    sentence: str
    detectable: float  # the smallest difference that this design finds, a fraction


def words(thresholds: Thresholds) -> dict[str, str]:
    """The only verdict words there are, and when each holds; the first that does is given."""
    matters = as_size(thresholds.smallest_interesting)
    level, inner = 1 - thresholds.significance, 1 - 2 * thresholds.significance
    interval = f"the {100 * level:.4g}% interval"
    return {
        "better, by less than matters": f"{interval} lies above 0 and below {matters}",
        "better": f"{interval} lies above 0",
        "worse, by less than matters": f"{interval} lies below 0 and above −{matters}",
        "worse": f"{interval} lies below 0",
        _equal(
            thresholds
        ): f"{interval} holds 0, and the {100 * inner:.4g}% interval lies between −{matters} and "
        f"+{matters} (two one-sided tests)",
        "too little data": "everything else; the sentence says what the interval still allows",
    }


def _equal(thresholds: Thresholds) -> str:
    return f"equal within {as_size(thresholds.smallest_interesting)}"


def word(comparison: PairedComparison, thresholds: Thresholds, *, clear: bool) -> str:
    """The word of `words` for a comparison at the level that decides; `clear`: its p-value, adjusted, is below the
    significance. An interval that is marked as too narrow cannot show that a difference is small."""
    matters = thresholds.smallest_interesting
    small = comparison.low > -matters and comparison.high < matters and not comparison.narrow
    if clear and comparison.difference:
        sign = "better" if comparison.difference > 0 else "worse"
        return f"{sign}, by less than matters" if small else sign
    equal = comparison.inner_low > -matters and comparison.inner_high < matters
    if equal and not comparison.narrow:
        return _equal(thresholds)
    return "too little data"


def verdict(
    comparison: PairedComparison,
    rates: tuple[float, float],
    names: tuple[str, str],
    *,
    thresholds: Thresholds,
    p_adjusted: float | None = None,
    compared: int = 1,
    clear_in: Sequence[str] | None = None,
    outlook: str = "",
    noun: str = "questions",
    verb: str = "answers",
    group: str = "category",
    directions: Directions = ("worse", "better", "loss", "gain"),
) -> Verdict:
    """The verdict on a candidate against a reference: the word that `words` gives, and a sentence.

    Parameters (rates and differences are fractions, the sentence has points): `comparison` at the level that
    decides: the significance, or for one of `compared` candidates the level of their family (`simultaneous.family`); `rates` and `names` of (candidate, reference); `p_adjusted`,
    the p-value adjusted for all (None: its own); `clear_in`, the categories in which the difference has the same
    sign and is clear too (None: not looked at); `directions`, what a lower and a higher rate are called, and a fall
    and a rise, where high is not what is good; `outlook`, what it would take to know more, for the verdict "too
    little data".
    """
    n, difference, level = comparison.n, comparison.difference, thresholds.significance
    p = comparison.p_value if p_adjusted is None else p_adjusted
    found = word(comparison, thresholds, clear=p < level)
    detectable = _detectable(comparison, thresholds.power)
    candidate, reference = names
    rate, base, points = adding_up(*rates, difference, n)
    low, high = bounds(comparison, thresholds)
    numbers = (
        f"{candidate} {verb} {rate} of the {_things(n, noun)}, {reference} {base}: {points}, "
        f"{level_words(comparison.alpha, level, compared)} {low} to {high}"
    )
    several = f", adjusted for {compared} candidates" if compared > 1 else ""
    if found.startswith(("better", "worse")):
        what = directions[3] if difference > 0 else directions[2]
        meaning = f" (paired, {comparison.test_name}, p {as_p(p, level)}{several})."
        if "less than matters" in found:
            meaning += (
                f" A {what} of {as_size(thresholds.smallest_interesting)} or more is ruled out."
            )
        if clear_in:
            meaning += f" The {what} is clear in {listed(list(clear_in))}."
        elif clear_in is not None:
            meaning += f" No single {group} shows the {what} by itself."
        if comparison.narrow:
            meaning += f" {_NARROW}"
        return Verdict(found, numbers + meaning, detectable)
    alone = _alone(comparison, f"p {as_p(p, level)}{several}")
    if found == "too little data":
        meaning = f".{alone} {_fits(comparison, thresholds, low, high, directions)}"
        if outlook:
            meaning += f" {outlook}"
        return Verdict(found, numbers + meaning, detectable)
    inner = [
        as_bound(bound, n, (-thresholds.smallest_interesting, 0, thresholds.smallest_interesting))
        for bound in (comparison.inner_low, comparison.inner_high)
    ]
    meaning = (
        f".{alone} Differences of {as_size(thresholds.smallest_interesting)} or more are ruled out (two one-sided "
        f"tests: the {level_words(2 * comparison.alpha, 2 * level, compared)} is {inner[0]} to {inner[1]})."
    )
    return Verdict(found, numbers + meaning, detectable)


def _detectable(comparison: PairedComparison, power: float) -> float:
    """The smallest difference that this design finds; of clusters, with as many of them."""
    n, groups = comparison.n, comparison.groups
    variance = comparison.variance
    if 1 < groups < n:
        variance = min(1.0, comparison.standard_error**2 * groups)
    return detectable_difference(groups, variance, comparison.alpha, power, comparison.test)


def bounds(comparison: PairedComparison, thresholds: Thresholds) -> tuple[str, str]:
    """The interval in points, with as many digits as show on which side of 0, and of what matters, it ends."""
    edges = (-thresholds.smallest_interesting, 0.0, thresholds.smallest_interesting)
    return (
        as_bound(comparison.low, comparison.n, edges),
        as_bound(comparison.high, comparison.n, edges),
    )


def level_words(alpha: float, significance: float, compared: int = 1) -> str:
    """ "95% interval" for one at the level `alpha`; of one of several candidates at the level at which all hold
    together, "95% interval for all 8 candidates at once"."""
    if compared > 1 and alpha < significance:
        return f"{100 * (1 - significance):.4g}% interval for {all_of(compared)} candidates at once"
    return f"{100 * (1 - alpha):.4g}% interval"


def _things(n: int, noun: str) -> str:
    return counted(n, noun.removesuffix("s"), noun)


def _alone(comparison: PairedComparison, p: str) -> str:
    """Why an interval that leaves out 0 does not count: it is not at the level that decides."""
    if comparison.low <= 0 <= comparison.high:
        return ""
    return f" The interval is of this comparison alone; what decides is {p}."


def _fits(
    comparison: PairedComparison,
    thresholds: Thresholds,
    low: str,
    high: str,
    directions: Directions,
) -> str:
    """What the interval still allows."""
    matters = thresholds.smallest_interesting
    worse, better = comparison.low < 0, comparison.high > 0
    if worse and better:
        down, up = low.removeprefix(MINUS), high.removeprefix("+")
        fits = f"Anything from {_points(down)} {directions[0]} to {_points(up)} {directions[1]} fits these answers"
    else:
        fits = f"Differences from {low} to {high} points fit these answers"
    if comparison.narrow:
        return f"{fits}. {_NARROW}"
    # By the interval that is printed: the narrower one of the two one-sided tests would rule out what fits here.
    gain, loss = comparison.high >= matters, comparison.low <= -matters
    if gain and loss:
        return f"{fits}: neither a {directions[3]} nor a {directions[2]} of {as_size(matters)} is ruled out."
    open_ = directions[3] if gain else directions[2]
    return f"{fits}: a {open_} of {as_size(matters)} is not ruled out."


def _points(size: str) -> str:
    return f"{size} point" if size == "1" else f"{size} points"
