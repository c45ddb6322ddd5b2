"""The words for what a comparison shows: the same evidence always gets the same words."""

from __future__ import annotations

from dataclasses import dataclass

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
    "better": "the adjusted p-value is below alpha and the difference is above 0",
    "worse": "the adjusted p-value is below alpha and the difference is below 0",
    "no detectable difference": "neither, and the design finds a difference worth finding",
    "too little data": "neither, and the design does not find a difference worth finding",
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
    detectable = detectable_difference(n, (comparison.gained + comparison.lost) / n, alpha)
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
        meaning = f" (paired, exact McNemar test, p {as_p(p_adjusted)})."
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
    return f"{rate:.{_digits(n)}%}"


def as_points(difference: float, n: int, *, sign: bool = True, unit: bool = True) -> str:
    """A difference of two rates in percentage points, with a true minus sign."""
    value = round(100 * difference, _digits(n)) + 0.0  # + 0.0: no "-0"
    text = f"{value:+.{_digits(n)}f}" if sign and value else f"{abs(value):.{_digits(n)}f}"
    noun = " point" if text.lstrip("+-") == "1" else " points"
    return text.replace("-", "−") + (noun if unit else "")


def as_p(p: float) -> str:
    """A p-value as "= 0.03" or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def _digits(n: int) -> int:
    """One decimal of a percentage from 1,000 questions on; none below."""
    return 1 if n >= 1000 else 0
