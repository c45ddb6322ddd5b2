"""Intervals of several candidates' differences to one reference that hold all at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from llmc_lib.analysis.comparison import unseen


@dataclass(frozen=True)
class Simultaneous:
    """Arrays have a number a candidate; fractions."""

    low: np.ndarray
    high: np.ndarray
    p_adjusted: np.ndarray
    critical: float
    covariance: np.ndarray  # (m, m) of the estimated differences


def simultaneous_intervals(
    differences: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int = 50_000,
) -> Simultaneous:
    """Difference ± c · standard error, with one c for all so that all hold at once with chance 1 - alpha.

    Parameters: `differences`, (n, m): of each question, the rate of each of m candidates minus that of the
    reference; `clusters`, (n,) labels; `draws` of the largest |t|: with 50,000 its 95% point has a
    standard error of about 0.01.

    c is the 1 - alpha quantile of the largest |t| of m Student's t variables with the correlation that the
    differences have (Dunnett, JASA 50, 1955, with the estimated correlation: Hothorn, Bretz & Westfall,
    Biometrical J. 50, 2008; single step), by seeded draws from the multivariate t distribution. The
    candidates share the reference's errors and the questions, and are more alike than Bonferroni's
    correction assumes, so c is smaller. p_adjusted is the chance of a largest |t| as large as a
    candidate's.

    It rests on the means being normal: from about 100 questions and 20 that differ. A candidate that differs
    alike on all questions gets what n questions can hide (`comparison.unseen`), at alpha / m.

    Raises `ValueError` for fewer than 2 questions (clusters).
    """
    n, m = differences.shape
    means = differences.mean(axis=0)
    sums = differences - means
    if clusters is not None:
        _, codes = np.unique(clusters, return_inverse=True)
        sums = np.stack([np.bincount(codes, weights=column) for column in sums.T], axis=1)
    groups = len(sums)
    if groups < 2:
        raise ValueError("at least 2 questions (clusters) are needed for an interval")
    covariance = sums.T @ sums * (groups / (groups - 1)) / n**2
    errors = np.sqrt(np.diag(covariance))
    varies = errors > 0
    largest = _largest(covariance[np.ix_(varies, varies)], groups - 1, draws, seed)
    critical = float(np.quantile(largest, 1 - alpha)) if varies.any() else math.nan
    low, high, p_adjusted = means.copy(), means.copy(), np.ones(m)
    for at in range(m):
        if varies[at]:
            low[at] = max(-1.0, means[at] - critical * errors[at])
            high[at] = min(1.0, means[at] + critical * errors[at])
            above = int((largest >= abs(means[at]) / errors[at]).sum())
            p_adjusted[at] = (above + 1) / (len(largest) + 1)
        else:
            low[at], high[at] = unseen(float(means[at]), groups, alpha / m)
            p_adjusted[at] = min(1.0, m * 2 * 0.5**groups) if means[at] else 1.0
    return Simultaneous(
        low=low,
        high=high,
        p_adjusted=p_adjusted,
        critical=critical,
        covariance=covariance,
    )


def _largest(covariance: np.ndarray, freedom: int, count: int, seed: int) -> np.ndarray:
    """Draws of the largest |t|. Of equal candidates the covariance is singular, which the draws allow."""
    if not len(covariance):
        return np.zeros(0)
    errors = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(errors, errors)
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = rng.standard_normal((count, len(errors))) @ root.T
    scale = np.sqrt(rng.chisquare(freedom, count) / freedom)
    return np.asarray(np.abs(draws).max(axis=1) / scale)
