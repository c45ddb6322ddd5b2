"""Estimates of candidates' differences, drawn together by as much as they are noise."""

from __future__ import annotations

import math
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

    "mean": estimates ~ N(true, covariance), true differences ~ N(μ, τ²) independent. μ is estimated by their
    plain mean, τ² by restricted maximum likelihood, and the estimates are the posterior
    means (Efron & Morris, JASA 70, 1975, in the form for errors that are correlated: Rao & Molina, Small
    Area Estimation, 2015, section 5.2). Generalised least squares, which is best for μ where the covariance is
    known, puts the mean outside of all estimates where it is nearly singular, as that of candidates with almost the
    same answers is. The candidates share the reference's errors: the covariance has
    it, and μ's error, which is in the standard deviations, holds it; the noise of τ² is not in them.
    The mean of all is not drawn towards 0: candidates that share a recipe may well all be better. So it takes
    away what picking the best of several adds, not what looking only at those above the reference does: of
    two that equal the reference it leaves two thirds of the overstatement of one that is picked and above it,
    of eight a quarter (performance/validity/winners.py). With one candidate there is nothing to draw it to,
    and it stays; with 2 or 3 τ² is hardly known.

    "reference": the more sceptical of the two: the mean of all is in turn drawn to 0, where all differ from the
    reference by N(0, τ₀²). The reference is one of the models, so that τ₀² is at least τ²; both by maximum likelihood.
    It takes away more of the luck, for one candidate as well, and understates where all share a gain that is little
    above its error.
    """
    y, m = np.asarray(differences, dtype=float), len(differences)
    errors = np.sqrt(np.diag(covariance))
    if not errors.any() or (to == "mean" and m < 2):
        return y.copy(), errors
    scale = float(np.mean(np.diag(covariance)))  # of order 1, for the search
    y, sigma = y / np.sqrt(scale), covariance / scale + 1e-9 * np.eye(m)
    mean = float(y.mean())
    tau2, error2, shift2 = _scatter(y, sigma, mean if to == "reference" else None)
    # (m, m): how much of each residual is kept.
    own = tau2 * np.linalg.inv(sigma + tau2 * np.eye(m))
    kept = 1.0 if to == "mean" else shift2 / (shift2 + error2)
    shrunken = kept * mean + own @ (y - kept * mean)
    # Of estimate - true, with estimate = whole · (true + error); a common shift cancels where it is kept.
    whole = own + kept * (1 - own.sum(axis=1, keepdims=True)) / m
    prior = tau2 * np.eye(m) + shift2
    variance = np.diag(whole @ (sigma + prior) @ whole.T - 2 * whole @ prior + prior)
    back = np.sqrt(scale)
    return shrunken * back, np.sqrt(np.clip(variance, 0, None)) * back


def _scatter(y: np.ndarray, sigma: np.ndarray, mean: float | None) -> tuple[float, float, float]:
    """τ², the squared error of the mean, and τ₀², which is 0 without a `mean` that is to be explained."""
    m, of_errors = len(y), float(sigma.mean())
    # On the axes of sigma, which are those of sigma + τ² · 1 for every τ², both are sums.
    values, axes = np.linalg.eigh(sigma)
    seen, ones = axes.T @ y, axes.sum(axis=0)

    def of_mean(tau2: float) -> tuple[float, float]:
        error2 = of_errors + tau2 / m
        return error2, 0.0 if mean is None else max(tau2, mean**2 - error2)

    def loss(tau2: float) -> float:
        """-2 · log likelihood, less a constant: of what tells the estimates apart, and of their mean."""
        whole = 0.0
        if m > 1:
            known = 1 / (values + tau2)
            of_ones = known * ones
            total = float(of_ones @ ones)
            rest = seen - float(of_ones @ seen) / total * ones
            whole = math.log(total) + float(known @ (rest * rest)) - float(np.log(known).sum())
        if mean is not None:
            variance = sum(of_mean(tau2))
            whole += math.log(variance) + mean**2 / variance
        return whole

    # The likelihood can have its top at 0, where a bounded search does not look.
    top = 10 * float((y**2).mean() if mean is not None else y.var(ddof=1)) + 1.0
    found = optimize.minimize_scalar(loss, bounds=(0, top), method="bounded")
    tau2 = float(found.x) if found.fun < loss(0.0) else 0.0
    return tau2, *of_mean(tau2)
