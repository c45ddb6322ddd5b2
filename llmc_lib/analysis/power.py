"""What a design can and cannot show."""

from __future__ import annotations

import math

from scipy import stats


def detectable_difference(
    n: int, variance: float, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true difference of two rates that a paired test finds with probability `power`.

    Parameters: `n` questions; `variance`, that of a question's difference, in [0, 1]: with one sample
    each the share of questions on which exactly one of the two models is right. Returns a fraction in
    [0, 1].

    The normal approximation, (z(1-alpha/2) + z(power)) · sqrt(variance / n): for one sample that of
    McNemar's test (Connor, Biometrics 43, 1987) in its simplest form, with the variance of the null
    hypothesis; for several, Miller, "Adding Error Bars to Evals" (2024), section 5.
    """
    if n < 1 or not 0 <= variance <= 1:
        raise ValueError(f"n ({n}) must be positive, variance ({variance}) in [0, 1]")
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    # At least one discordant question must be expected, or the formula promises the impossible.
    return float(min(1.0, z * math.sqrt(max(variance, 1 / n) / n)))
