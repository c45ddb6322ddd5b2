"""The verdict as a code: what each needs, and that a gain that may matter is rarely told away."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import PairedComparison, Thresholds, paired_comparison, verdict


def _compared(n: int, gained: int, lost: int, alpha: float = 0.05) -> PairedComparison:
    at = np.arange(n)
    return paired_comparison(at < gained, (at >= gained) & (at < gained + lost), alpha)


def _verdict(n: int, gained: int, lost: int, thresholds: Thresholds | None = None) -> str:
    limits = thresholds or Thresholds()
    return verdict(_compared(n, gained, lost, limits.significance), limits)


@pytest.mark.parametrize(
    ("word", "n", "gained", "lost"),
    [
        ("better", 200, 40, 10),
        ("worse", 200, 10, 40),
        ("better_small", 2_000, 90, 40),
        ("worse_small", 2_000, 40, 90),
        ("equal", 2_000, 60, 60),
        ("equal", 500, 45, 44),
        ("unclear", 200, 20, 20),
        ("unclear", 1, 1, 0),
    ],
)
def test_the_same_evidence_gets_the_same_code(word: str, n: int, gained: int, lost: int) -> None:
    assert _verdict(n, gained, lost) == word


@pytest.mark.slow
def test_a_gain_that_may_matter_is_rarely_told_away() -> None:
    # True +4 points, n = 800, discordance 0.2, 5 points matter: 31% were told "no detectable difference".
    rng = np.random.default_rng(0)
    assert (
        _told(rng.multinomial(800, [0.12, 0.08, 0.8], 600), "equal") < 0.2
    )  # rightly: 4 is less than 5
    # At the 5 points themselves the two one-sided tests keep their level.
    told = _told(
        rng.multinomial(800, [0.125, 0.075, 0.8], 600), "equal", "better_small", "worse_small"
    )
    assert told < 0.075


def _told(tables: np.ndarray, *words: str) -> float:
    """Of tables of gained, lost and other questions, the share with one of these verdicts; many come more than once."""
    different, times = np.unique(tables, axis=0, return_counts=True)
    found = [
        _verdict(gained + lost + other, gained, lost) in words
        for gained, lost, other in different.tolist()
    ]
    return float(np.average(found, weights=times))


def test_the_p_value_adjusted_for_all_decides() -> None:
    found = _compared(200, 40, 10)
    assert verdict(found, Thresholds()) == "better"
    assert verdict(found, Thresholds(0.1), p_adjusted=0.06) == "unclear"


def test_the_level_decides() -> None:
    assert _verdict(200, 40, 20) == "better"
    assert _verdict(200, 40, 20, Thresholds(significance=0.005)) == "unclear"  # p = 0.0096


def test_an_interval_that_is_too_narrow_shows_no_equality() -> None:
    right = np.ones((60, 4), bool)
    assert verdict(paired_comparison(right, right), Thresholds()) == "unclear"


@pytest.mark.parametrize("size", [0.0, 1.0, 10.0, -0.1])
def test_a_difference_that_cannot_be_is_no_threshold(size: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        Thresholds(smallest_interesting=size)
