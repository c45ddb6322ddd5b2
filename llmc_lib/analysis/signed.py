"""Intervals of a paired difference that leave out 0 exactly when the test of its sign rejects.

A difference is size × direction: δ = M · (2s - 1), with M the mean absolute difference of a question and s
the share of it that is gained. Under the null hypothesis s = 1/2, and the tests (McNemar's, the sign-flip test)
are tests of s alone. Both parts get a confidence distribution (a distribution whose tail beyond a value is the
one-sided p-value of that value): that of s is the test's own, that of M a beta distribution; in the binomial case the
two are independent. The interval has the quantiles of their product (the fiducial method of Krishnamoorthy & Lee,
J. Stat. Plan. Inference 140, 2010, for functions of binomial parameters). P(δ ≤ 0) = P(s ≤ 1/2): test and
interval cannot contradict each other, at any level. Its variance is that of the mean difference,
(E d² - δ²) / n, whatever the sizes are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from llmc_lib.analysis.intervals import quantile

Floats = NDArray[np.float64]

# Gauss-Legendre nodes for means over the distribution of M, on its quantiles.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_QUANTILES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_EVEN = np.array([0.5])


@dataclass(frozen=True)
class Share:
    """The distribution of the share that is gained, in [0, 1]: point masses at the ends and the rest."""

    between: Callable[[Floats], Floats]  # P(0 < share ≤ x), of each x in [0, 1]
    at_0: float = 0.0
    at_1: float = 0.0

    @property
    def lost(self) -> float:
        """P(share ≤ 1/2): the one-sided p-value of a gain."""
        return self.at_0 + float(self.between(_EVEN)[0])


@lru_cache(maxsize=4096)
def binomial_share(gained: int, lost: int) -> Share:
    """Of the share of discordant questions that are gained, by mid-p: the mean of the two Clopper-Pearson
    distributions, Beta(gained, lost + 1) and Beta(gained + 1, lost)."""
    a, b = gained, lost
    if not a or not b:
        within = 0.5 if a or b else 0.0
        return Share(
            lambda x: np.asarray(within * special.betainc(a + 1 - bool(a), b + 1 - bool(b), x)),
            at_0=0.0 if a else 0.5,
            at_1=0.0 if b else 0.5,
        )
    # The mean of I(a, b + 1) and I(a + 1, b), by the recurrences of the incomplete beta function (DLMF 8.17.20 and 8.17.21).
    skew, log_beta = (1 / b - 1 / a) / 2, float(special.betaln(a, b))

    def between(x: Floats) -> Floats:
        term = np.exp(special.xlogy(a, x) + special.xlog1py(b, -x) - log_beta)
        return np.asarray(special.betainc(a, b, x) + skew * term)

    return Share(between)


def size_distribution(mean: float, n: float) -> tuple[float, float]:
    """(a, b) of the beta distribution of M, where `n` questions that differ wholly or not at all have this `mean`.

    Between Jeffreys' distribution (1/2 and 1/2 added) and Clopper and Pearson's upper one (1 and 0). By enumeration
    over 20 to 100 questions the first covers 85% where 2 discordant questions, all on one side, are expected, and
    the second 97.5% where 4 are; this covers at least 93%, and 96% on average.
    """
    return mean * n + 0.75, max(1 - mean, 0.0) * n + 0.25


def signed_interval(
    size: tuple[float, float], lower: Share, upper: Share, alpha: float
) -> tuple[float, float]:
    """Interval of M · (2s - 1) at confidence 1 - alpha.

    Parameters: `size`, (a, b) of M ~ Beta(a, b); the distributions of s that give the lower and the upper end (one
    for both where the test is a mid-p one).
    """
    return _quantile(size, lower, alpha / 2), _quantile(size, upper, 1 - alpha / 2)


def share_below(size: tuple[float, float], share: Share, x: float) -> float:
    """P(M · (2s - 1) ≤ x), of M ~ Beta(`size`) and s of the distribution `share`."""
    # np.clip takes as long as all the rest.
    signed = np.minimum(np.maximum(x / _sizes(size), -1), 1)
    inner = float(_WEIGHTS @ share.between((1 + signed) / 2))
    if not (share.at_0 or share.at_1):
        return inner
    within = float(special.betainc(*size, min(abs(x), 1.0)))  # P(M ≤ |x|)
    if x >= 0:
        return share.at_0 + share.at_1 * within + inner
    return share.at_0 * (1 - within) + inner


def within_and_lost(
    size: tuple[float, float], share: Share, end: float
) -> tuple[float, float, float]:
    """`share_below` at -end and at end, and `share.lost`, all in a third of the time."""
    if share.at_0 or share.at_1:
        return share_below(size, share, -end), share_below(size, share, end), share.lost
    signed = np.minimum(end / _sizes(size), 1)
    found = share.between(np.concatenate(((1 - signed) / 2, (1 + signed) / 2, _EVEN)))
    count = len(_WEIGHTS)
    return float(_WEIGHTS @ found[:count]), float(_WEIGHTS @ found[count:-1]), float(found[-1])


@lru_cache(maxsize=256)
def _sizes(size: tuple[float, float]) -> Floats:
    return np.asarray(special.betaincinv(*size, _QUANTILES))


# A report asks for the same interval at several places.
@lru_cache(maxsize=256)
def _quantile(size: tuple[float, float], share: Share, target: float) -> float:
    wanted, lost = quantile(target), share.lost
    at_0 = quantile(lost)
    # The side of 0 is the test's: no tolerance of the search may change it.
    known = {0.0: at_0 - wanted}

    def below(x: float) -> float:
        # As normal quantiles: so it is nearly a line, of which the search finds the root in half of the steps.
        if x not in known:
            known[x] = quantile(share_below(size, share, x)) - wanted
        return known[x]

    side = -1.0 if lost >= target else 1.0
    # Half as far again as by a normal distribution: from there the search takes a third fewer steps than from 1.
    mean, n = size[0] / sum(size), sum(size)
    near = 1.5 * abs(known[0.0]) * math.sqrt(mean / (n + at_0**2))
    for end in (side * min(near, 1.0), side):
        if side * below(end) > 0:
            return float(optimize.brentq(below, 0.0, end, xtol=1e-12, rtol=1e-12))
    return side
