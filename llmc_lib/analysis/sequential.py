"""Verdicts on an unfinished evaluation: at which level to test, so that all looks together keep theirs.

A verdict on n questions at alpha is wrong at most alpha of the time if it is the only one. Whoever looks at an unfinished
evaluation again and again, and stops at the first "better", is wrong far more often. Here each look has a nominal level, at
which the usual paired test and its interval are taken; they invert each other there as anywhere, and the intervals of all
looks hold at once (repeated confidence intervals: Jennison & Turnbull, J. R. Stat. Soc. B 51, 1989).

* Planned looks, at shares of the questions that were fixed before any result: `spending`.
* Unplanned looks, at any time and for any reason, as if there was one after every question: `unplanned_level`. That costs
  little because the benchmark ends: after its last question nobody can look once more. What holds without an end
  (`betting.Bets`) costs far more.

Both are about *questions like these*, as every verdict is: even a finished evaluation does not settle it, as two equal models
differ by luck on any finite benchmark. What the full evaluation of *these questions* will show, is `Bets(…, finite=True)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from llmc_lib.analysis.given import check_alpha
from llmc_lib.analysis.simultaneous import Family

Floats = NDArray[np.float64]
# Points of the grid on which the distribution of the score is carried from look to look; odd, for Simpson's rule.
_POINTS = 201
# Standard deviations beyond which a score is taken not to be.
_FAR = 8.0
#: After unplanned looks the finished evaluation is tested at this share of alpha.
KEPT = 0.8
# No look is at a level below this one, where tests and intervals are no longer exact: 2,000 looks add 2e-6 to alpha.
_LEAST = 1e-9


def spending(shares: Sequence[float], alpha: float = 0.05, power: float = 0) -> list[float]:
    """The nominal level of each of several planned looks.

    Parameters: `shares` of the questions, increasing, above 0 and at most 1, at which one looks; the chance `alpha`, over
    all of them, of a difference where there is none. If the last share is less than 1, what is left of alpha is for later
    looks. `power`: above 0 it is spent as alpha · share^power (Kim & DeMets, Biometrika 74, 1987), which at 1 or 2 finds large
    differences far earlier and small ones less often.

    Without it: spending function of O'Brien and Fleming's type, 2 - 2 Φ(z(1 - alpha / 4) / √share) on either side (Lan & DeMets,
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
    spent = alpha * times**power if power else _spent(times, alpha)
    levels: list[float] = []
    grid, density = np.zeros(1), np.ones(1)  # of the score at the last look, where none has stopped
    before = time = 0.0
    for at, total in zip(times, spent, strict=True):
        step, far = math.sqrt(at - time), _FAR * math.sqrt(at)
        # Where nothing is left to spend, or next to nothing yet, no result is enough.
        more = total - before
        bound = _bound(grid, density, step, more, far) if more > 1e-15 else far
        levels.append(float(2 * special.ndtr(-bound / math.sqrt(at))))
        points = np.linspace(-bound, bound, _POINTS)
        moved = np.exp(-0.5 * np.square((points[:, None] - grid) / step))
        density = _simpson(points) * (moved @ density) / (step * math.sqrt(2 * math.pi))
        grid, before, time = points, float(total), float(at)
    return levels


def _bound(grid: Floats, density: Floats, step: float, chance: float, far: float) -> float:
    """What a score is beyond, on either side, with this chance in all at the next look."""

    def off(bound: float) -> float:
        return float(density @ _tails(grid, bound, step)) - chance

    if off(far) >= 0:  # so small a chance is that of lying beyond the grid
        return far
    return float(optimize.brentq(off, 0.0, far, xtol=1e-10))


def _spent(times: Floats, alpha: float) -> Floats:
    return np.asarray(4 * special.ndtr(special.ndtri(alpha / 4) / np.sqrt(times)))


def _tails(grid: Floats, bound: float, step: float) -> Floats:
    """Of scores at the last look, the chances to be outside ± bound at the next."""
    return np.asarray(special.ndtr((-bound - grid) / step) + special.ndtr((grid - bound) / step))


def _simpson(points: Floats) -> Floats:
    weights = np.full(len(points), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return np.asarray(weights * (points[1] - points[0]) / 3)


def unplanned_level(share: float, alpha: float = 0.05) -> float:
    """The nominal level of a look at a `share` of the questions, where one may look after every question.

    The score, which is the sum of the differences over the standard deviation that it will have at the end, must lie beyond
    one and the same c at every look before the end: there the level is 2 Φ(-c / √share). At the end it must lie beyond z, at
    the level `KEPT` · alpha. Both together are wrong on either side with chance Φ(-z) + Φ(z - 2c) at most: by the reflection
    principle for Brownian motion, and for sums of independent differences that are symmetric around 0 where there is no true
    difference, by the same argument (Lévy's inequality, with a last step of another size). With one sample a discordant
    question is such a difference always, and with several where the models are exchangeable; else it holds as the test does,
    for about normal sums. c follows from z; for alpha = 5% they are 2.315 and 2.054 (alone: 2.241 at every look, the end
    included; one look: 1.960).

    By enumeration, one sample, 10 to 400 questions and a look after each: at most 4.9% for 5%. Where clusters are there the
    looks depend on each other more than it assumes, and it errs less often.

    >>> [f"{unplanned_level(share):.4f}" for share in (0.25, 0.5, 0.75, 1.0)]
    ['0.0000', '0.0011', '0.0075', '0.0400']
    """
    check_alpha(alpha)
    if not 0 < share <= 1:
        raise ValueError(f"share must lie above 0 and be at most 1: {share}")
    if share == 1:
        return KEPT * alpha
    return max(_LEAST, float(2 * special.ndtr(-_barrier(alpha) / math.sqrt(share))))


def _barrier(alpha: float) -> float:
    """c, from Φ(-z) = KEPT · alpha / 2 and Φ(z - 2c) = (1 - KEPT) · alpha / 2."""
    return -float(special.ndtri(KEPT * alpha / 2) + special.ndtri((1 - KEPT) * alpha / 2)) / 2


@lru_cache(maxsize=1024)
def _planned_level(number: int, planned: int, alpha: float, power: float) -> float:
    return spending([n / planned for n in range(1, number + 1)], alpha, power)[-1]


@dataclass(frozen=True)
class Look:
    """One of the looks at an evaluation: which share of the questions it has, and how all looks share alpha.

    `share` of the questions; `planned`, how many looks at equal distances were planned, the finished evaluation being the
    last (0: looks are not planned), and the `power` of their spending function; `alone`: nobody has looked before, and this
    is the finished evaluation. Raises `ValueError` for a share that is none of the planned ones.
    """

    share: float = 1.0
    planned: int = 0
    alone: bool = True
    power: float = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or (self.alone and self.share < 1):
            raise ValueError(f"a look alone is at all questions, others above 0: {self.share}")
        if self.planned and abs(self.share * self.planned - self.number) > 1e-6:
            raise ValueError(f"{self.share:g} is not one of {self.planned} planned looks")

    @property
    def number(self) -> int:
        """Which of the planned looks it is, from 1."""
        return round(self.share * self.planned)

    def level(self, alpha: float) -> float:
        """The nominal level of a comparison that is to be wrong at any of the looks with chance alpha at most."""
        if self.alone:
            return alpha
        if self.planned:
            return max(_LEAST, _planned_level(self.number, self.planned, alpha, self.power))
        return unplanned_level(self.share, alpha)

    def p_value(self, nominal: float) -> float:
        """A test's p-value as one for all looks: the alpha at which this look begins to reject."""
        if self.alone or nominal >= 1:
            return nominal
        if not self.planned and self.share == 1:
            return min(1.0, nominal / KEPT)
        low, high = 1e-9, 1 - 1e-9
        if nominal <= self.level(low):
            return low
        if nominal >= self.level(high):
            return 1.0

        def off(log: float) -> float:
            return math.log(self.level(math.exp(log))) - math.log(nominal)

        # No coarser than the line between "found" and not: `level` and `p_value` must invert each other.
        return math.exp(float(optimize.brentq(off, math.log(low), math.log(high), xtol=1e-10)))


@dataclass(frozen=True)
class FamilyAtLook(Family):
    """A family of comparisons at a look: `level` is nominal, and `adjust` is for all looks, too.

    `whole`: the family at no look; `compared`, all candidates, also those that are not among the answers; `part`, the share of
    alpha that those that are have together.
    """

    look: Look
    whole: Family
    compared: int
    part: float = 1.0

    @property
    def candidates(self) -> int:
        """Those of the whole evaluation."""
        return self.compared

    @property
    def level_at_end(self) -> float:
        """The nominal level of the finished evaluation."""
        return replace(self.look, share=1.0).level(self.whole.level)

    def adjust(self, p_value: float) -> float:
        """The chance, over all candidates and looks, of a p-value as small as this, were none to differ."""
        return min(1.0, self.whole.adjust(self.look.p_value(p_value)) / self.part)


def at_look(made: Callable[[float], Family], look: Look, alpha: float, waiting: int = 0) -> Family:
    """The family's level shared among looks.

    Parameters: `made`, alpha → the family of the candidates that are there (`compare.together`); the `alpha` over all
    candidates and looks; how many candidates are `waiting`: they have no answers yet, and keep their equal part of alpha.
    A look with some waiting is none alone: those that are there will be tested again.

    alpha is shared first among the candidates and then, of each, among the looks: a boundary for looks is none any more
    where its levels are divided by the number of candidates.
    """
    if look.alone:
        return made(alpha)
    there = made(alpha).candidates if waiting else 1
    part = there / (there + waiting)
    whole = made(alpha * part)
    return _at(whole, look, whole.candidates + waiting, part)


def at_round(whole: Family, look: Look, covariance: Floats) -> Family:
    """The family of a race (`race.Rule`) at its last round: `whole`, of all its candidates; `covariance`, of those that are left."""
    return replace(_at(whole, look, whole.candidates), covariance=covariance)


def _at(whole: Family, look: Look, compared: int, part: float = 1.0) -> FamilyAtLook:
    level = look.level(whole.level)
    return FamilyAtLook(level, whole.smallest, whole.covariance, look, whole, compared, part)
