"""The words for what a comparison shows: the same evidence always gets the same words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.power import detectable_difference

#: Of every test in a report; intervals are at 1 - ALPHA.
ALPHA = 0.05


@dataclass(frozen=True)
class Verdict:
    """A word from the table below, and a sentence with numbers, interval, test and meaning."""

    word: str
    sentence: str
    detectable: float  # the smallest difference that this design finds, a fraction


#: The only verdict words there are, and when each holds.
WORDS = {
    "better": "the p-value, adjusted for all candidates, is below 0.05 and the difference above 0",
    "worse": "the p-value, adjusted for all candidates, is below 0.05 and the difference below 0",
    "no detectable difference": "neither; a difference worth finding would most likely have shown",
    "too little data": "neither; a difference worth finding could well have stayed hidden",
}


def verdict(
    comparison: PairedComparison,
    rates: tuple[float, float],
    names: tuple[str, str],
    *,
    p_adjusted: float,
    smallest_interesting: float,
    alpha: float = ALPHA,
    noun: str = "questions",
    verb: str = "answers",
) -> Verdict:
    """The verdict on a candidate against a reference.

    Parameters: `rates` and `names` of (candidate, reference); `p_adjusted`, the p-value adjusted
    for all candidates that were compared; `smallest_interesting`, a fraction.
    """
    n, difference = comparison.n, comparison.difference
    detectable = detectable_difference(n, comparison.variance, alpha)
    percent = f"{1 - alpha:.0%}"
    candidate, reference = names
    numbers = (
        f"{candidate} {verb} {as_percent(rates[0], n)} of the {n:,} {noun}, {reference} "
        f"{as_percent(rates[1], n)}: {as_points(difference, n)}, {percent} interval "
        f"{as_points(comparison.low, n, unit=False)} to {as_points(comparison.high, n, unit=False)}"
    )
    finds = as_points(detectable, n, sign=False)
    if p_adjusted < alpha:
        word = "better" if difference > 0 else "worse"
        meaning = f" (paired, {comparison.test_name}, p {as_p(p_adjusted)})."
    elif detectable <= smallest_interesting:
        word = "no detectable difference"
        meaning = f". A difference of {finds} or more would most likely have shown."
    else:
        word = "too little data"
        meaning = (
            f". {n:,} {noun} cannot reliably show a difference under {finds}; nothing can be "
            "concluded yet."
        )
    return Verdict(word, numbers + meaning, detectable)


def as_percent(rate: float, n: int) -> str:
    """A rate with no more digits than `n` questions support."""
    return f"{_rounded(100 * rate, n)}%"


def as_points(difference: float, n: int, *, sign: bool = True, unit: bool = True) -> str:
    """A difference of two rates in percentage points, with a true minus sign."""
    value = _rounded(100 * difference, n)
    text = f"{value:+}" if sign and value else f"{abs(value)}"
    noun = " point" if text.lstrip("+-") == "1" else " points"
    return text.replace("-", "−") + (noun if unit else "")


def as_p(p: float) -> str:
    """A p-value as "= 0.03" or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def _rounded(percent: float, n: int) -> Decimal:
    """One decimal of a percentage from 1,000 questions on, none below; halves go away from zero.

    Python's own rounding takes 17.5 to 18 and 6.5 to 6, so that a table would not add up.
    """
    digit = Decimal("0.1") if n >= 1000 else Decimal(1)
    return Decimal(repr(round(float(percent), 9))).quantize(digit, ROUND_HALF_UP)
