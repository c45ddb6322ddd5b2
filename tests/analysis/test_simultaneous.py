"""Intervals that hold at once: between one interval's and Bonferroni's, and Dunnett's published factor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.analysis import paired_comparison
from llmc_lib.analysis.simultaneous import _largest, simultaneous_intervals


def test_of_one_candidate_it_is_the_t_interval() -> None:
    a, b = np.random.default_rng(0).random((2, 60, 4)) < 0.4
    found = simultaneous_intervals((a.mean(axis=1) - b.mean(axis=1))[:, None], draws=400_000)
    expected = paired_comparison(a, b)
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert found.p_adjusted[0] == pytest.approx(expected.p_value, abs=3e-3)


def test_dunnetts_published_factor() -> None:
    # Dunnett (1964), two-sided, 5%: p = 4 treatments, correlation 0.5, 20 degrees of freedom: 2.65.
    covariance = 0.5 * np.eye(4) + 0.5
    drawn = _largest(covariance, 20, 400_000, 0)
    assert np.quantile(drawn, 0.95) == pytest.approx(2.65, abs=0.02)


def test_it_lies_between_one_interval_and_bonferronis() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 1)) + rng.normal(size=(200, 7))
    found = simultaneous_intervals(values / 20)
    assert stats.t.ppf(0.975, 199) < found.critical < stats.t.ppf(1 - 0.025 / 7, 199)


def test_a_candidate_that_never_differs_gets_what_its_questions_can_hide() -> None:
    values = np.column_stack([np.zeros(50), np.tile([0.5, 0.0], 25), np.zeros(50)])
    found = simultaneous_intervals(values)
    share = 1 - (0.05 / 3 / 2) ** (1 / 50)
    assert (found.low[0], found.high[2]) == pytest.approx((-share, share))
    assert found.p_adjusted.tolist()[::2] == [1, 1]
    assert found.p_adjusted[1] < 0.001
    none = simultaneous_intervals(np.zeros((50, 2)))
    assert none.high == pytest.approx(1 - (0.05 / 2 / 2) ** (1 / 50))


def test_one_question_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 questions"):
        simultaneous_intervals(np.zeros((5, 2)), np.zeros(5))
