"""The parts of the variance: worked by hand, against the truth on average, and their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.analysis import assumed_parts, difference_variance_parts, variance_parts


def test_the_parts_worked_by_hand() -> None:
    # Rates 1, 0.5, 0: within (0 + 0.25 + 0) / 3 · 2 / 1 = 1/6; their variance 1/4 = between + (1/6) / 2.
    parts = variance_parts([[1, 1], [1, 0], [0, 0]])
    assert parts.within == pytest.approx(1 / 6)
    assert parts.between == pytest.approx(1 / 4 - 1 / 12)
    assert parts.of_mean(2) == pytest.approx(1 / 4)
    assert parts.of_mean(10**6) == pytest.approx(1 / 6, abs=1e-6)


def test_it_is_the_analysis_of_variance() -> None:
    correct = np.random.default_rng(0).random((50, 6)) < np.linspace(0, 1, 50)[:, None]
    within = correct.var(axis=1, ddof=1).mean()
    between = correct.mean(axis=1).var(ddof=1) - within / 6
    parts = variance_parts(correct)
    assert (parts.within, parts.between) == pytest.approx((within, between))


def test_the_estimates_are_unbiased() -> None:
    rng = np.random.default_rng(1)
    a, b = (
        rng.random((2, 40)) * 0.8
    )  # the questions stay; their draw is not in the estimate of within
    found = [
        difference_variance_parts(
            rng.random((40, 3)) < a[:, None], rng.random((40, 3)) < b[:, None]
        )
        for _ in range(800)
    ]
    within, between = (a * (1 - a) + b * (1 - b)).mean(), (a - b).var(ddof=1)
    assert np.mean([parts.within for parts in found]) == pytest.approx(within, abs=0.005)
    assert np.mean([parts.between for parts in found]) == pytest.approx(between, abs=0.01)


def test_one_sample_tells_only_the_sum() -> None:
    correct = np.arange(100) < 30
    parts = variance_parts(correct)
    assert (parts.within, parts.between) == (None, None)
    assert parts.within_most == parts.total == pytest.approx(0.21 * 100 / 99)
    assert parts.of_mean(16) == parts.of_mean(1) == parts.total


def test_discordance_bounds_the_sampling_noise_of_a_difference() -> None:
    a, b = np.arange(100) < 30, (np.arange(100) >= 10) & (np.arange(100) < 35)
    parts = difference_variance_parts(a, b)
    discordance, difference = 0.15, 0.05
    assert parts.within_most == pytest.approx((discordance - difference**2) * 100 / 99)


def test_two_runs_of_one_sample_tell_the_noise() -> None:
    first, second = np.arange(100) < 30, np.arange(100) >= 20
    stacked = variance_parts(np.stack([first, second], axis=1))
    assert 2 * (stacked.within or 0) == pytest.approx((first != second).mean())


@pytest.mark.slow
@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=30))
def test_a_model_and_itself_differ_by_nothing_between(answers: list[list[bool]]) -> None:
    parts = difference_variance_parts(answers, answers)
    alone = variance_parts(answers).within or 0.0
    assert parts.within == pytest.approx(2 * alone)
    assert parts.of_mean(3) == pytest.approx(0, abs=1e-12)


def test_assumptions_before_any_run_worked_by_hand() -> None:
    parts = assumed_parts(0.2, correlation=0.5, sampling=0.25)
    assert parts.total == pytest.approx(2 * 0.16 * 0.5)
    assert parts.within == pytest.approx(2 * 0.16 * 0.25)
    for wrong in ((0, 0.5, 0.1), (0.2, 0.8, 0.3), (0.2, -0.1, 0.1)):
        with pytest.raises(ValueError, match="must"):
            assumed_parts(*wrong)


@pytest.mark.parametrize("correct", [[], np.zeros((2, 0)), np.zeros((1, 1, 1))])
def test_no_answers_are_refused(correct: object) -> None:
    with pytest.raises(ValueError, match="not empty"):
        variance_parts(correct)  # type: ignore[arg-type]
