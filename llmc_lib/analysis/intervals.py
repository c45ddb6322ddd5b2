"""Intervals for a rate, over questions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.given import check_alpha, cluster_codes, right_or_wrong


def quantile(chance: float) -> float:
    """The quantile of the normal distribution, finite also for 0 and 1, for searches of a root."""
    return float(special.ndtri(min(max(chance, 1e-300), 1 - 2.0**-53)))


def wilson(successes: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval for a binomial rate.

    Parameters: `successes` out of `n` independent questions, one sample each; confidence 1 - alpha.
    Returns (low, high), fractions in [0, 1]; (0, 1) for n = 0, where nothing is known.

    Unlike the textbook (Wald) interval it does not collapse to a point at 0 or n successes and
    keeps its coverage at small n (Brown, Cai & DasGupta, Statistical Science 16, 2001). As every interval
    of counts it oscillates with n and the rate: 95% is its average over nearby rates. With fewer than
    about 3 questions expected on one side single rates can have 90%.

    >>> low, high = wilson(3, 200)
    >>> print(f"{low:.3f} to {high:.3f}")
    0.005 to 0.043
    """
    check_alpha(alpha)
    if not 0 <= successes <= n:
        raise ValueError(f"successes ({successes}) must lie between 0 and n ({n})")
    if n == 0:
        return 0.0, 1.0
    rate = successes / n
    square = float(special.ndtri(1 - alpha / 2)) ** 2
    centre = (rate + square / (2 * n)) / (1 + square / n)
    half = math.sqrt(square * (rate * (1 - rate) / n + square / (4 * n**2))) / (1 + square / n)
    # rounding must not put the rate itself outside, nor an end beyond the scale
    return max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate))


def rate_interval(
    correct: ArrayLike, alpha: float = 0.05, clusters: ArrayLike | None = None
) -> tuple[float, float]:
    """Interval of a model's rate from k samples of each of n questions.

    Parameters: a boolean array of shape (n,) or (n, k), correct or not; confidence 1 - alpha; `clusters`,
    (n,), a label a question: questions of one cluster (on one text, of one source) are not independent.
    Returns (low, high), fractions in [0, 1].

    One sample per question, no clusters: Wilson's. Else `clustered_rate`'s: with the standard error of the
    questions' n rates (Miller, "Adding Error Bars to Evals", 2024, section 2.2: a question's samples are no
    independent questions), with `clusters` the cluster-robust one (section 2.3).

    Few clusters: below about 20 coverage falls a little short, with fewer than 5 badly. With one cluster
    nothing is known: (0, 1).

    Raises `ValueError` for values that are neither true nor false (NaN), for labels that are not one a question, and
    for alpha outside (0, 1).
    """
    check_alpha(alpha)
    values = right_or_wrong(correct)
    if values.ndim not in (1, 2):
        raise ValueError(f"correct must be of shape (n,) or (n, k), not {values.shape}")
    n = len(values)
    if n == 0:
        return 0.0, 1.0
    right = values.reshape(n, -1).sum(axis=1)
    if clusters is None and values.size == n:
        return wilson(int(right.sum()), n, alpha)
    _, low, high = clustered_rate(right, values.size // n, alpha, clusters)
    return float(low), float(high)


def standard_error(values: ArrayLike, clusters: ArrayLike | None = None) -> tuple[float, int]:
    """Standard error of the mean of n values, and the number G of independent groups that it rests on.

    Parameters: `values`, (n,), a rate or a difference a question; `clusters`, (n,) labels; None: every
    question is one of its own, G = n.

    Miller (2024), equation 4: the square root of Σ over clusters of (Σ of the cluster's values minus the
    mean)², over n; here times sqrt(G / (G - 1)), the usual correction for few clusters (Cameron & Miller,
    J. Human Resources 50, 2015, section VI), to be used with Student's t with G - 1 degrees of freedom.
    Without clusters this is the textbook's. NaN for G = 1.
    """
    given = np.asarray(values, dtype=float)
    sums = given - given.sum() / len(given)  # numpy's mean takes twice as long, for the same
    if clusters is not None:
        sums = np.bincount(cluster_codes(clusters, len(given)), weights=sums)
    groups = len(sums)
    if groups == 1:
        return math.nan, 1
    return math.sqrt(float(sums @ sums) * groups / (groups - 1)) / len(given), groups
