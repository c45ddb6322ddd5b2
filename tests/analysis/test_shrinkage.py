"""Empirical Bayes: limits worked by hand, and a smaller error than the plain estimates."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.shrinkage import shrink


def test_noise_alone_is_drawn_to_the_mean() -> None:
    y = np.array([0.010, 0.012, 0.008, 0.011])
    shrunken, errors = shrink(y, 0.01**2 * np.eye(4))
    assert shrunken == pytest.approx(y.mean(), abs=1e-6)
    assert errors == pytest.approx(0.01 / 2, rel=1e-3)  # that of the mean


def test_differences_far_above_the_noise_stay() -> None:
    y = np.array([0.3, -0.2, 0.1, 0.0])
    shrunken, errors = shrink(y, 0.001**2 * np.eye(4))
    assert shrunken == pytest.approx(y, abs=1e-4)
    assert errors == pytest.approx(0.001, rel=0.01)


def test_of_independent_errors_it_is_the_textbooks() -> None:
    # REML of equal variances: total = sample variance; what is kept is 1 - error² / that (James & Stein's form).
    y = np.array([0.05, -0.02, 0.01, 0.07, -0.04])
    error = 0.02
    kept = 1 - error**2 / y.var(ddof=1)
    expected = y.mean() + kept * (y - y.mean())
    assert shrink(y, error**2 * np.eye(5))[0] == pytest.approx(expected, abs=1e-5)


def test_an_error_that_all_share_is_not_taken_for_a_difference_of_them() -> None:
    y = np.array([0.05, 0.06, 0.04])
    shared = shrink(y, 0.01**2 * np.eye(3) + 0.05**2)
    assert shared[0] == pytest.approx(0.05, abs=1e-3)
    assert (shared[1] > 0.05).all()


def test_one_candidate_stays_as_it_is() -> None:
    shrunken, errors = shrink(np.array([0.1]), np.array([[0.04]]))
    assert (shrunken[0], errors[0]) == (0.1, pytest.approx(0.2))
    assert shrink(np.array([0.1, 0.1]), np.zeros((2, 2)))[0].tolist() == [0.1, 0.1]


def test_to_the_reference_all_are_drawn_to_0_and_one_candidate_is_too() -> None:
    # Of one: y ~ N(0, error² + 2 τ²), and what is kept is 1 - error² / y².
    shrunken, errors = shrink(np.array([0.03]), np.array([[0.01**2]]), to="reference")
    assert shrunken[0] == pytest.approx(0.03 * (1 - 1 / 9), abs=1e-5)
    assert errors[0] == pytest.approx(0.01 * (1 - 1 / 9) ** 0.5, rel=1e-3)
    covariance = 0.01**2 * (0.5 + 0.5 * np.eye(3))
    nothing, _ = shrink(np.array([0.004, -0.003, 0.002]), covariance, to="reference")
    assert nothing == pytest.approx(0, abs=1e-4)
    plain, _ = shrink(np.array([0.3, -0.2, 0.1]), covariance, to="reference")
    assert plain == pytest.approx([0.3, -0.2, 0.1], abs=2e-3)
    # A gain that all share stays whole to the mean, and is doubted to the reference.
    shared = np.array([0.015, 0.014, 0.016])
    assert shrink(shared, covariance)[0].mean() == pytest.approx(0.015, abs=1e-4)
    assert 0 < shrink(shared, covariance, to="reference")[0].mean() < 0.014


def test_its_error_is_smaller_than_that_of_the_plain_estimates() -> None:
    rng = np.random.default_rng(0)
    covariance = 0.5 * np.eye(7) + 0.5
    truth = rng.normal(0, 0.7, (500, 7))
    seen = truth + rng.multivariate_normal(np.zeros(7), covariance, 500)
    shrunken = np.array([shrink(one, covariance)[0] for one in seen])
    assert np.square(shrunken - truth).mean() < 0.85 * np.square(seen - truth).mean()
