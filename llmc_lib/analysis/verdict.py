"""What a comparison shows, as a code: the same evidence always gets the same one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.recipe import RecipeEffect
from llmc_lib.records import Word

#: Intervals of a single figure are at 1 - ALPHA, always; that of a verdict is at 1 - `Thresholds.significance`.
ALPHA = 0.05
# Where a low rate is the good one.
_TURNED: dict[Word, Word] = {
    "better": "worse",
    "better_small": "worse_small",
    "worse": "better",
    "worse_small": "better_small",
}


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
        """The thresholds as metrics.json has them."""
        return asdict(self)


@dataclass(frozen=True)
class Ends:
    """What a word is read from: a difference, and its intervals at 1 minus the level and at 1 minus twice the level."""

    difference: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    narrow: bool


def verdict(
    comparison: PairedComparison,
    thresholds: Thresholds,
    p_adjusted: float | None = None,
    *,
    low_is_good: bool = False,
) -> Word:
    """The verdict on a candidate against a reference.

    Parameters: `comparison` at the level that decides: the significance, or for one of several candidates the level of
    their family (`simultaneous.family`); `p_adjusted`, the p-value adjusted for all of them (None: its own);
    `low_is_good`: a lower rate is the better one.
    An interval that is marked as too narrow cannot show that a difference is small.

    >>> from llmc_lib.analysis import paired_comparison
    >>> verdict(paired_comparison([True] * 9 + [False], [True] * 8 + [False] * 2), Thresholds())
    'unclear'
    """
    p = comparison.p_value if p_adjusted is None else p_adjusted
    return word_of(comparison, thresholds, p < thresholds.significance, low_is_good=low_is_good)


def word_of(
    found: PairedComparison | RecipeEffect | Ends,
    thresholds: Thresholds,
    clear: bool,
    *,
    low_is_good: bool = False,
) -> Word:
    """The word of a verdict; `clear`: does the test find a difference?"""
    matters = thresholds.smallest_interesting
    small = found.low > -matters and found.high < matters and not found.narrow
    word: Word = "unclear"
    if clear and found.difference > 0:
        word = "better_small" if small else "better"
    elif clear and found.difference < 0:
        word = "worse_small" if small else "worse"
    elif found.inner_low > -matters and found.inner_high < matters and not found.narrow:
        word = "equal"
    return _TURNED.get(word, word) if low_is_good else word
