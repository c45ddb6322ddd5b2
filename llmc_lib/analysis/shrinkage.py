"""Estimates of candidates' differences, drawn together by as much as they are noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import optimize


def shrink(
    differences: np.ndarray,
    covariance: np.ndarray,
    to: Literal["mean", "reference"] = "mean",
) -> tuple[np.ndarray, np.ndarray]:
    """Empirical Bayes estimates of m true differences, and their posterior standard deviations.

    Parameters: `differences`, (m,), estimated; `covariance`, (m, m), of their errors; what they are drawn `to`:

    "mean": estimates ~ N(true, covariance), true differences ~ N(μ, τ²) independent. μ is estimated by
    generalised least squares, τ² by restricted maximum likelihood, and the estimates are the posterior
    means (Efron & Morris, JASA 70, 1975, in the form for errors that are correlated: Rao & Molina, Small
    Area Estimation, 2015, section 5.2). The candidates share the reference's errors: the covariance has
    it, and μ's error, which is in the standard deviations, holds it; the noise of τ² is not in them.
    The mean of all is not drawn towards 0: candidates that share a recipe may well all be better. So it takes
    away what picking the best of several adds, not what looking only at those above the reference does: of
    two that equal the reference it leaves two thirds of the overstatement of one that is picked and above it,
    of eight a quarter (benchmarks/validity/winners.py). With one candidate there is nothing to draw it to,
    and it stays; with 2 or 3 τ² is hardly known.

    "reference": the more sceptical of the two. The reference's true rate is one of m + 1 that are scattered
    by τ, so that all differences are drawn to 0: true ~ N(0, τ²(I + 11ᵀ)), τ² by maximum likelihood. It
    takes that away, too, for one candidate as well, and understates where all share a gain.
    """
    y, m = np.asarray(differences, dtype=float), len(differences)
    errors = np.sqrt(np.diag(covariance))
    if not errors.any() or (to == "mean" and m < 2):
        return y.copy(), errors
    scale = float(np.mean(np.diag(covariance)))  # of order 1, for the search
    y, sigma = y / np.sqrt(scale), covariance / scale + 1e-9 * np.eye(m)
    ones = np.ones((m, m))
    scatter = np.eye(m) if to == "mean" else np.eye(m) + ones
    top = 10 * float((y**2).mean() if to == "reference" else y.var(ddof=1)) + 1.0

    def weights(tau2: float) -> tuple[np.ndarray, float]:
        """Inverse of the whole covariance, and the mean's variance (0 where the mean is known to be 0)."""
        inverse = np.linalg.inv(sigma + tau2 * scatter)
        return inverse, 1 / float(inverse.sum()) if to == "mean" else 0.0

    def loss(tau2: float) -> float:
        """-2 · (restricted) log likelihood, less a constant."""
        inverse, mean_variance = weights(tau2)
        rest = y - float((inverse @ y).sum()) * mean_variance
        known = -float(np.log(mean_variance)) if mean_variance else 0.0
        return known + float(rest @ inverse @ rest - np.linalg.slogdet(inverse)[1])

    # The likelihood can have its top at 0, where a bounded search does not look.
    found = optimize.minimize_scalar(loss, bounds=(0, top), method="bounded")
    tau2 = float(found.x) if found.fun < loss(0.0) else 0.0
    inverse, mean_variance = weights(tau2)
    mean = float((inverse @ y).sum()) * mean_variance
    pull = tau2 * scatter @ inverse  # (m, m): how much of each residual is kept
    shrunken = mean + pull @ (y - mean)
    rest = 1 - pull.sum(axis=1)
    variance = tau2 * np.diag(scatter - pull @ scatter) + rest**2 * mean_variance
    back = np.sqrt(scale)
    return shrunken * back, np.sqrt(np.clip(variance, 0, None)) * back
