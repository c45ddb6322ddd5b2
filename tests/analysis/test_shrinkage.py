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


def test_a_clear_gain_that_all_share_is_not_drawn_to_nothing() -> None:
    """However alike candidates are: many times its error, the shift of all stays, to the reference as well."""
    for alone in (1.0, 0.1, 0.001):
        covariance = 0.007**2 * (1 - alone + alone * np.eye(8))
        seen = 0.05 + 0.007 * alone**0.5 * np.linspace(-1, 1, 8)
        found, errors = shrink(seen, covariance, to="reference")
        assert found.min() > 0.045, (alone, found)
        assert found.max() < 0.06, (alone, found)
        assert (errors < 0.01).all()


@pytest.mark.slow
def test_its_error_is_smaller_than_that_of_the_plain_estimates() -> None:
    rng = np.random.default_rng(0)
    covariance = 0.5 * np.eye(7) + 0.5
    truth = rng.normal(0, 0.7, (500, 7))
    seen = truth + rng.multivariate_normal(np.zeros(7), covariance, 500)
    shrunken = np.array([shrink(one, covariance)[0] for one in seen])
    assert np.square(shrunken - truth).mean() < 0.85 * np.square(seen - truth).mean()


def test_the_mean_that_candidates_are_drawn_to_is_theirs() -> None:
    """Of candidates with nearly the same answers the covariance is nearly singular: no estimate leaves the others."""
    rng = np.random.default_rng(1)
    for n in (6, 10, 40, 400):
        base = rng.random(n) < 0.4
        near = base ^ (rng.random(n) < 0.5)
        models = [near ^ (rng.random(n) < share) for share in (0.0, 0.0, 0.02, 0.1, 0.3)]
        differences = np.stack([model.astype(float) - base for model in models])
        y, covariance = differences.mean(axis=1), np.atleast_2d(np.cov(differences)) / n
        shrunken, errors = shrink(y, covariance)
        assert np.linalg.norm(shrunken - y.mean()) <= np.linalg.norm(y - y.mean()) + 1e-9
        assert np.isfinite(errors).all()
        sceptical, _ = shrink(y, covariance, to="reference")
        assert np.abs(sceptical).max() <= np.linalg.norm(y) + 1e-9


def test_of_noise_alone_the_error_is_that_of_the_plain_mean() -> None:
    half = np.random.default_rng(2).normal(0, 1, (12, 4))
    covariance = half.T @ half / 12 + 0.3
    shrunken, errors = shrink(np.array([0.51, 0.5, 0.49, 0.5]), covariance)
    assert shrunken == pytest.approx(0.5, abs=1e-6)
    assert errors == pytest.approx(covariance.mean() ** 0.5, rel=1e-6)
