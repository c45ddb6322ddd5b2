"""Intervals for a rate."""

from __future__ import annotations

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
