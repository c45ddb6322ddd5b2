"""Intervals for a rate, over questions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.proportion import proportion_confint


def wilson(successes: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval for a binomial rate.

    Parameters: `successes` out of `n` independent questions, one sample each; confidence 1 - alpha.
    Returns (low, high), fractions in [0, 1]; (0, 1) for n = 0, where nothing is known.

    Unlike the textbook (Wald) interval it does not collapse to a point at 0 or n successes and
    keeps its coverage at small n (Brown, Cai & DasGupta, Statistical Science 16, 2001).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes ({successes}) must lie between 0 and n ({n})")
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(successes, n, alpha=alpha, method="wilson")
    rate = successes / n  # rounding must not put the rate itself outside
    return min(float(low), rate), max(float(high), rate)


def rate_interval(correct: ArrayLike, alpha: float = 0.05) -> tuple[float, float]:
    """Interval of a model's rate from k samples of each of n questions.

    Parameters: a boolean array of shape (n,) or (n, k), correct or not; confidence 1 - alpha. Returns
    (low, high), fractions in [0, 1].

    One sample a question: Wilson's. Several: the samples of a question are no independent ones, and the
    standard error is that of the questions' n rates (Miller, "Adding Error Bars to Evals", 2024, section
    3), with Student's t. Where all questions have one rate, it says nothing, and Wilson's interval for n
    questions is given.
    """
    rates = np.atleast_2d(np.asarray(correct, dtype=float).T).T.mean(axis=1)
    n, mean = len(rates), float(rates.mean()) if len(rates) else 0.0
    error = float(rates.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if np.ndim(correct) < 2 or np.shape(correct)[1] == 1 or error == 0:
        low, high = (
            proportion_confint(mean * n, n, alpha=alpha, method="wilson") if n else (0.0, 1.0)
        )
        return min(float(low), mean), max(float(high), mean)
    half = float(stats.t.ppf(1 - alpha / 2, n - 1)) * error
    return max(0.0, mean - half), min(1.0, mean + half)
