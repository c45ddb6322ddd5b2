"""Estimates of several candidates' differences, drawn together by as much as they are noise."""

from __future__ import annotations

import numpy as np
from scipy import optimize


def shrink(differences: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Empirical Bayes estimates of m true differences, and their posterior standard deviations.

    Parameters: `differences`, (m,), estimated; `covariance`, (m, m), of their errors.

    The model: estimates ~ N(true, covariance), true differences ~ N(μ, τ²) independent. μ is estimated by
    generalised least squares, τ² by restricted maximum likelihood, and the estimates are the posterior
    means (Efron & Morris, JASA 70, 1975, in the form for errors that are correlated: Rao & Molina, Small
    Area Estimation, 2015, section 5.2). The candidates share the reference's errors: the covariance has
    it, and μ's error, which is in the standard deviations, holds it; the noise of τ² is not in them.

    The mean of all is not drawn towards 0: candidates that share a recipe may well all be better. With one
    candidate there is nothing to draw it to, and it stays; with 2 or 3 τ² is hardly known.
    """
    y, m = np.asarray(differences, dtype=float), len(differences)
    errors = np.sqrt(np.diag(covariance))
    if m < 2 or not errors.any():
        return y.copy(), errors
    scale = float(np.mean(np.diag(covariance)))  # of order 1, for the search
    y, sigma = y / np.sqrt(scale), covariance / scale + 1e-9 * np.eye(m)
    top = 10 * float(y.var(ddof=1)) + 1.0

    def loss(tau2: float) -> float:
        """-2 · restricted log likelihood, less a constant."""
        total = sigma + tau2 * np.eye(m)
        inverse = np.linalg.inv(total)
        weight = float(inverse.sum())
        rest = y - float((inverse @ y).sum()) / weight
        return float(np.linalg.slogdet(total)[1] + np.log(weight) + rest @ inverse @ rest)

    # The likelihood can have its top at 0, where a bounded search does not look.
    found = optimize.minimize_scalar(loss, bounds=(0, top), method="bounded")
    tau2 = float(found.x) if found.fun < loss(0.0) else 0.0
    inverse = np.linalg.inv(sigma + tau2 * np.eye(m))
    mean_variance = 1 / float(inverse.sum())
    mean = float((inverse @ y).sum()) * mean_variance
    pull = tau2 * inverse  # (m, m): how much of each residual is kept
    shrunken = mean + pull @ (y - mean)
    rest = 1 - pull.sum(axis=1)
    variance = tau2 - tau2 * np.diag(pull) + rest**2 * mean_variance
    back = np.sqrt(scale)
    return shrunken * back, np.sqrt(np.clip(variance, 0, None)) * back
