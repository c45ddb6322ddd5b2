"""The words for what a comparison shows: the same evidence always gets the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.power import detectable_difference
from llmc_lib.words import as_p, as_percent, as_points, listed

#: Intervals are at 1 - ALPHA, always.
ALPHA = 0.05


@dataclass(frozen=True)
class Thresholds:
    """Where one verdict word ends and the next begins."""

    #: A difference below it, a fraction, would not change what anyone does.
    smallest_interesting: float = 0.05
    #: A p-value, adjusted for all candidates, below it names a sign.
    significance: float = 0.05
    #: The chance with which a design must find a difference in order to "show" it.
    power: float = 0.8
    #: How the p-values of the categories are adjusted: see `comparison.adjust`.
    correction: Literal["holm", "bh"] = "holm"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """A word from the table below, and a sentence with numbers, interval, test and meaning."""

    word: str
    sentence: str
    detectable: float  # the smallest difference that this design finds, a fraction


def words(thresholds: Thresholds) -> dict[str, str]:
    """The only verdict words there are, and when each holds."""
    level = f"{thresholds.significance:g}"
    return {
        "better": f"the p-value, adjusted for all candidates, is below {level} and the difference above 0",
        "worse": f"the p-value, adjusted for all candidates, is below {level} and the difference below 0",
        "no detectable difference": "neither; a difference worth finding would most likely have shown",
        "too little data": "neither; a difference worth finding could well have stayed hidden",
    }


def verdict(
    comparison: PairedComparison,
    rates: tuple[float, float],
    names: tuple[str, str],
    *,
    p_adjusted: float,
    thresholds: Thresholds,
    compared: int = 1,
    clear_in: Sequence[str] | None = None,
    outlook: str = "",
    noun: str = "questions",
    verb: str = "answers",
    group: str = "category",
) -> Verdict:
    """The verdict on a candidate against a reference.

    Parameters: `rates` and `names` of (candidate, reference); `p_adjusted`, the p-value adjusted
    for the `compared` candidates; `clear_in`, the categories in which the difference has the same sign and
    is clear too (None: not looked at); `outlook`, what a rerun would show (`outlook.rerun_sentence`), for
    the verdict "no detectable difference".
    """
    n, difference = comparison.n, comparison.difference
    detectable = detectable_difference(
        n,
        comparison.variance,
        thresholds.significance,
        thresholds.power,
        comparison.test,
    )
    candidate, reference = names
    numbers = (
        f"{candidate} {verb} {as_percent(rates[0], n)} of the {n:,} {noun}, {reference} "
        f"{as_percent(rates[1], n)}: {as_points(difference, n)}, {1 - ALPHA:.0%} interval "
        f"{as_points(comparison.low, n, unit=False)} to {as_points(comparison.high, n, unit=False)}"
    )
    several = f", adjusted for {compared} candidates" if compared > 1 else ""
    finds = as_points(detectable, n, sign=False)
    if p_adjusted < thresholds.significance:
        word = "better" if difference > 0 else "worse"
        what = "gain" if difference > 0 else "loss"
        meaning = f" (paired, {comparison.test_name}, p {as_p(p_adjusted)}{several})."
        if clear_in:
            meaning += f" The {what} is clear in {listed(list(clear_in))}."
        elif clear_in is not None:
            meaning += f" No single {group} shows the {what} by itself."
        return Verdict(word, numbers + meaning, detectable)
    # Read alone the interval would say more than the test does: a reader must know why it does not count.
    doubt = ""
    if comparison.low > 0 or comparison.high < 0:
        doubt = f" The interval leaves out 0, but the test does not agree (p {as_p(p_adjusted)}{several})."
    if detectable <= thresholds.smallest_interesting:
        word = "no detectable difference"
        meaning = (
            f".{doubt} A difference of {finds} or more would most likely have shown.{outlook and ' '}"
            f"{outlook}"
        )
    else:
        word = "too little data"
        meaning = (
            f".{doubt} {n:,} {noun} cannot reliably show a difference under {finds}; nothing can be "
            "concluded yet."
        )
    return Verdict(word, numbers + meaning, detectable)
