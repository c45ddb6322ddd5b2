"""Intervals that hold at once: between one interval's and Bonferroni's, and Dunnett's published factor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.analysis import paired_comparison
from llmc_lib.analysis.simultaneous import _smallest, family, level_of, simultaneous_intervals


def _differences(seed: int, n: int, k: int, m: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.5, 1.5, n)[:, None, None] + shift * (np.arange(m + 1) == m)[:, None]
    right = (rng.random((n, m + 1, k)) < chance).mean(axis=2)
    return np.asarray(right[:, 1:] - right[:, :1])


def test_of_one_candidate_it_is_the_comparison() -> None:
    a, b = np.random.default_rng(0).random((2, 60, 4)) < 0.4
    found = simultaneous_intervals((a.mean(axis=1) - b.mean(axis=1))[:, None], samples=4)
    expected = paired_comparison(a, b)
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high))
    assert (found.p_adjusted[0], found.level) == (expected.p_value, 0.05)


@pytest.mark.slow
def test_dunnetts_published_factor() -> None:
    # Dunnett (1964), two-sided, 5%: p = 4 treatments, correlation 0.5, 20 degrees of freedom: 2.65.
    level = _smallest(0.5 * np.eye(4) + 0.5, 20, 400_000, 0)[20_000]
    assert stats.t.isf(level / 2, 20) == pytest.approx(2.65, abs=0.02)
    assert stats.norm.isf(level_of(4) / 2) == pytest.approx(2.44, abs=0.02)  # infinite degrees
    assert level_of(1, 0.01) == 0.01


@pytest.mark.parametrize(("n", "k"), [(200, 1), (60, 4), (400, 8)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_p_values_and_intervals_agree(n: int, k: int, alpha: float) -> None:
    for seed in range(12):
        found = simultaneous_intervals(
            _differences(seed, n, k, 5, 0.06), samples=k, alpha=alpha, seed=seed, draws=4_000
        )
        outside = (found.low > 0) | (found.high < 0)
        assert ((found.p_adjusted < alpha) == outside).all()
        assert alpha / 5 <= found.level <= alpha


def test_a_level_is_where_the_adjusted_p_value_is_alpha() -> None:
    together = family(_differences(3, 300, 1, 7), draws=9_999)
    assert together.adjust(together.level * 0.999) < 0.05 <= together.adjust(together.level)
    assert together.adjust(1e-9) == pytest.approx(7e-9)  # Bonferroni's, far beyond the draws
    assert together.adjust(1.0) == 1


def test_differences_of_several_samples_must_say_so() -> None:
    with pytest.raises(ValueError, match="give their `samples`"):
        simultaneous_intervals(_differences(0, 50, 4, 2))


def test_it_lies_between_one_interval_and_bonferronis() -> None:
    found = simultaneous_intervals(_differences(1, 200, 4, 7), samples=4)
    assert stats.t.ppf(0.975, 199) < found.critical < stats.t.ppf(1 - 0.025 / 7, 199)


def test_a_candidate_that_never_differs_gets_what_its_questions_can_hide() -> None:
    values = np.column_stack([np.zeros(50), np.tile([1.0, 0.0], 25), np.zeros(50)])
    found = simultaneous_intervals(values)
    alone = paired_comparison(np.zeros(50, bool), np.zeros(50, bool), found.level)
    assert (found.low[0], found.high[2]) == pytest.approx((alone.low, alone.high))
    assert found.p_adjusted.tolist()[::2] == [1, 1]
    assert found.p_adjusted[1] < 0.001


def test_one_question_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 questions"):
        simultaneous_intervals(np.zeros((5, 2)), np.zeros(5))
