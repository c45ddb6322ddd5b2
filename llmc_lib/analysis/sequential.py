"""Inference that holds however often one looks: planned looks share the level, unplanned ones bet against the null.

A verdict on n questions at alpha is wrong at most alpha of the time if it is the only one. Whoever looks at an unfinished
evaluation again and again, and stops at the first "better", is wrong far more often. Two remedies:

* `spending`: looks at shares of the questions that were fixed before. Each has a nominal level, below alpha, at which it
  is tested as usual; together they are wrong at most alpha of the time, and the last one keeps nearly all of it.
* `Bets`: looks at any time, for any reason. The capital of a gambler who bets against "no difference" on fair terms
  is below 1 / alpha at all times with chance 1 - alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from llmc_lib.analysis.given import check_alpha, cluster_codes

Floats = NDArray[np.float64]
# Points of the grid on which the distribution of the score is carried from look to look; odd, for Simpson's rule.
_POINTS = 801
# Standard deviations beyond which a score is taken not to be.
_FAR = 8.0
# Bets as fractions of the capital, a geometric series: small ones win in the long run, large ones on a few questions.
_BETS = 20


def spending(shares: Sequence[float], alpha: float = 0.05) -> list[float]:
    """The nominal level of each of several planned looks.

    Parameters: `shares` of the questions, increasing, above 0 and at most 1, at which one looks; the chance `alpha`, over
    all of them, of a difference where there is none. If the last share is less than 1, what is left of alpha is for later
    looks.

    Spending function of O'Brien and Fleming's type, 2 - 2 Φ(z(1 - alpha / 4) / √share) on either side (Lan & DeMets,
    Biometrika 70, 1983); boundaries by recursive integration (Armitage, McPherson & Rowe, J. R. Stat. Soc. A 132, 1969). Holds
    where the shares do not depend on the results, and where the score is about normal: at a look with few discordant questions
    its level is so small that only a wide majority of them reaches it. The interval of a look at its nominal level is the
    repeated confidence interval of Jennison and Turnbull (J. R. Stat. Soc. B 51, 1989): all of them hold at once.

    Raises `ValueError` for shares that do not increase or lie outside (0, 1], and for alpha outside (0, 1).

    >>> [f"{level:.4f}" for level in spending([0.5, 1.0])]
    ['0.0031', '0.0490']
    """
    check_alpha(alpha)
    times = np.asarray(shares, dtype=float)
    if not len(times) or not (np.diff(times, prepend=0.0) > 0).all() or times[-1] > 1:
        raise ValueError(f"shares must increase, above 0 and up to 1: {list(shares)}")
    spent = _spent(times, alpha)
    levels: list[float] = []
    grid, density = np.zeros(1), np.ones(1)  # of the score at the last look, where none has stopped
    before = time = 0.0
    for at, total in zip(times, spent, strict=True):
        step = math.sqrt(at - time)
        wanted = max(total - before, 0.0)

        def beyond(bound: float, step: float = step) -> float:
            return float(density @ _tails(grid, bound, step))

        if wanted < 1e-15:  # nothing is left, or nothing is to be spent yet: no result is enough
            bound = _FAR * math.sqrt(at)
        else:
            bound = optimize.brentq(lambda b: beyond(b) - wanted, 0.0, _FAR * math.sqrt(at), xtol=1e-10)  # noqa: B023
        levels.append(float(2 * special.ndtr(-bound / math.sqrt(at))))
        points = np.linspace(-bound, bound, _POINTS)
        moved = np.exp(-0.5 * np.square((points[:, None] - grid) / step)) / (step * math.sqrt(2 * math.pi))
        density = _simpson(points) * (moved @ density)
        grid, before, time = points, float(total), float(at)
    return levels


def _spent(times: Floats, alpha: float) -> Floats:
    return np.asarray(4 * special.ndtr(special.ndtri(alpha / 4) / np.sqrt(times)))


def _tails(grid: Floats, bound: float, step: float) -> Floats:
    """Of scores at the last look, the chances to be outside ± bound at the next."""
    return np.asarray(special.ndtr((-bound - grid) / step) + special.ndtr((grid - bound) / step))


def _simpson(points: Floats) -> Floats:
    weights = np.full(len(points), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * (points[1] - points[0]) / 3


@dataclass(frozen=True)
class Bets:
    """Bets on the questions' differences, in [-1, 1], against every mean difference.

    For each fraction b of a series the capital Π (1 + b (d - m)) is a nonnegative martingale if m is the mean difference and
    the questions are drawn independently; so is the mean over the series. It exceeds 1 / alpha at some time with chance at
    most alpha (Ville 1939; as confidence sequences for bounded means: Waudby-Smith & Ramdas, J. R. Stat. Soc. B 86, 2024,
    whose gambler has the grid of bets too). The order of the questions plays no part, and with one sample each against m = 0
    only discordant ones count: it is a mixture of likelihood ratios of their binomial distribution.

    Of clusters the sums are bet on, in units of the largest cluster.
    """

    values: Floats  # distinct (sum, size) pairs: (v, 2), in units in which |sum| ≤ size ≤ 1
    counts: Floats  # how many questions (clusters) have each
    horizon: int  # how many there can be

    @classmethod
    def of(cls, differences: ArrayLike, horizon: int, clusters: ArrayLike | None = None) -> Bets:
        """Parameters: `differences`, (n,): of each question, the rate of a candidate minus that of the reference;
        `horizon`, of how many questions the benchmark has (n or more), for which the bets are chosen before the
        first answer; `clusters`, (n,) labels. Raises `ValueError` for none, and for differences outside [-1, 1]."""
        found = np.asarray(differences, dtype=float)
        if found.ndim != 1 or not len(found):
            raise ValueError("no question to bet on")
        if not (np.abs(found) <= 1).all():
            raise ValueError("differences must lie between -1 and 1")
        sums, sizes = found, np.ones(len(found))
        if clusters is not None:
            codes = cluster_codes(clusters, len(found))
            sums, sizes = np.bincount(codes, weights=found), np.bincount(codes).astype(float)
        largest = sizes.max()
        pairs = np.stack([sums, sizes], axis=1) / largest
        values, counts = np.unique(np.round(pairs, 12), axis=0, return_counts=True)
        return cls(values, counts.astype(float), max(1, round(horizon * len(sums) / len(found))))

    @property
    def _fractions(self) -> Floats:
        # Up to 1/2: with a mean in [-1, 1] a bet loses at most all. The smallest ones pay at the horizon even where
        # every question differs.
        return np.geomspace(0.5 / math.sqrt(self.horizon), 0.49, _BETS)

    def _log_capital(self, mean: float, side: int) -> float:
        """Of betting that the mean difference is above (1) or below (-1) `mean`."""
        bets = side * self._fractions
        won = self.values[:, 0] - mean * self.values[:, 1]
        logs = self.counts @ np.log1p(won[:, None] * bets)
        return float(special.logsumexp(logs) - math.log(len(bets)))

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """The mean differences against which neither gambler has 2 / alpha: with chance 1 - alpha it holds the true one
        at every look."""
        check_alpha(alpha)
        enough = math.log(2 / alpha)

        def left(side: int) -> Callable[[float], float]:
            return lambda mean: self._log_capital(mean, side) - enough

        low, high = left(1), left(-1)
        bottom = float(optimize.brentq(low, -1, 1, xtol=1e-9)) if low(-1) > 0 else -1.0
        top = float(optimize.brentq(high, -1, 1, xtol=1e-9)) if high(1) > 0 else 1.0
        return bottom, top

    @property
    def e_value(self) -> float:
        """The capital against "no difference", half of it on either side: above 1 / alpha at some look with chance at
        most alpha if there is none."""
        return math.exp(min(700.0, float(np.logaddexp(self._log_capital(0, 1), self._log_capital(0, -1))) - math.log(2)))

    @property
    def p_value(self) -> float:
        """The level at which the interval of this look begins to leave out 0; valid at every look."""
        best = max(self._log_capital(0, 1), self._log_capital(0, -1))
        return min(1.0, 2 * math.exp(-max(best, -700.0)))
