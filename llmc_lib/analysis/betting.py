"""Bets against a mean difference: valid at any time, for any number of questions, and without a normal distribution.

A gambler who bets on fair terms that the difference is above (or below) a mean m multiplies the capital by 1 + b (d - m) a
question. Where m is the truth this is a nonnegative martingale, so it ever reaches 1 / alpha with chance at most alpha (Ville
1939), at whichever question one stops and for whatever reason. The means that nobody has been made rich by are a confidence
sequence (Waudby-Smith & Ramdas, J. R. Stat. Soc. B 86, 2024); the capital against "no difference" is an e-value, and those of
independent evaluations may be multiplied (Vovk & Wang, Ann. Stat. 49, 2021).

There are two means, and they are not the same claim:

* the mean over *questions like these* (`finite=False`), which a verdict is about. Two equal models differ by luck on any finite
  benchmark, so being sure of what this benchmark will show is not being sure of it.
* the mean over *all questions of this benchmark* (`finite=True`), sampled without replacement (Waudby-Smith & Ramdas, NeurIPS
  2020): what the full evaluation will show. It narrows to a point at the last question.

It assumes little and pays for it: at the end of 2,158 questions it takes 2.7 to 3 standard errors where `sequential.Look`, which
knows that there will be no question more, takes 2.05. So it does not decide; it is what holds where that one's assumptions do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from llmc_lib.analysis.given import check_alpha

Floats = NDArray[np.float64]
# A bet can lose at most all: |d - m| is at most 2.
_MOST = 0.499
# The level that bets are sized for; they are valid at every other.
_SIZED_FOR = math.log(2 / 0.05)
# When a gambler wants to be rich, as shares of the questions; of a finite benchmark, which tells nearly all near its end, as
# n / (N - n). Each has an equal part of the capital.
_GOALS = np.array([1 / 3, 1.0])
_FINITE_GOALS = np.array([0.25, 1.0, 4.0, 32.0])


@dataclass(frozen=True)
class Bets:
    """Bets on the questions' differences in the order in which they were drawn.

    Parameters: `differences`, (n,) in [-1, 1]: of each question the candidate's rate minus the reference's; `asked`, how many
    questions the benchmark has, for which the bets are sized; `finite`, which mean it is about (see above).

    The fraction that is bet, √(2 log(2 / 0.05) / (asked · variance)), follows from the questions before (predictable plug-in:
    Waudby-Smith & Ramdas 2024, section 4). With one sample each and m = 0, concordant questions change nothing: the capital is a
    likelihood ratio of the discordant ones' signs. Holds for questions drawn one by one, each independent of the others
    (`finite`: in an order that is a random permutation; in one that is stratified by category beginnings vary less, and it errs
    less often); not for clusters, whose questions come apart in that order.

    Raises `ValueError` for no differences, more than `asked`, and values outside [-1, 1].

    >>> won = Bets(np.repeat([1.0, -1.0, 0.0], [24, 6, 70])[np.random.default_rng(0).permutation(100)], asked=100)
    >>> round(won.e_value, 1), [round(end, 2) for end in won.interval()]
    (116.8, [0.07, 0.32])
    """

    differences: ArrayLike
    asked: int
    finite: bool = False

    def __post_init__(self) -> None:
        found = self._found
        if found.ndim != 1 or not 0 < len(found) <= self.asked:
            raise ValueError(f"1 to {self.asked} differences, one a question: {found.shape}")
        if not (np.abs(found) <= 1).all():
            raise ValueError("differences must lie between -1 and 1")

    @property
    def e_value(self) -> float:
        """The capital against "no difference", half of it on either side; at any stopping time its mean is at most 1 where
        there is none."""
        both = np.logaddexp(*(self._log_capital(0.0, side)[-1] for side in (1, -1)))
        return math.exp(min(700.0, float(both) - math.log(2)))

    @property
    def p_value(self) -> float:
        """The level at which the interval begins to leave out 0, at this look or an earlier question."""
        best = max(self._log_capital(0.0, side).max() for side in (1, -1))
        return float(min(1.0, 2 * math.exp(-max(float(best), -1.0))))

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """The means against which neither gambler has ever had 2 / alpha: with chance 1 - alpha the true one is among them
        after every question."""
        check_alpha(alpha)
        enough = math.log(2 / alpha)
        found, left = self._found, self.asked - len(self._found)
        bottom, top = -1.0, 1.0
        if self.finite:  # what the questions that are left can still make of it
            bottom, top = (float(found.sum() + side * left) / self.asked for side in (-1, 1))

        def rich(side: int) -> Callable[[float], float]:
            return lambda mean: float(self._log_capital(mean, side).max()) - enough

        ends = []
        for side, start in ((1, bottom), (-1, top)):
            other = top if side == 1 else bottom
            if top - bottom < 1e-12 or rich(side)(start) <= 0:
                ends.append(start)
            elif rich(side)(other) > 0:  # everything is left out: one of the bets was lucky
                ends.append(other)
            else:
                ends.append(float(optimize.brentq(rich(side), bottom, top, xtol=1e-7)))
        return min(ends), max(ends)

    @cached_property
    def _found(self) -> Floats:
        return np.asarray(self.differences, dtype=float)

    @cached_property
    def _fractions(self) -> Floats:
        """(goals, n): of the capital, before each question."""
        found, n = self._found, len(self._found)
        seen = np.arange(n)
        before = np.concatenate([[0.0], np.cumsum(found)[:-1]])
        squares = np.concatenate([[0.0], np.cumsum(np.square(found))[:-1]])
        spread = squares - np.square(before) / np.maximum(seen, 1)
        variance = (1 + np.maximum(spread, 0.0)) / (seen + 1)
        goals = _FINITE_GOALS if self.finite else _GOALS
        sized = np.sqrt(2 * _SIZED_FOR / (self.asked * variance * goals[:, None]))
        if self.finite:
            sized = sized * self.asked / (self.asked - seen)
        return np.asarray(np.minimum(sized, _MOST))

    def _means(self, mean: float) -> Floats | float:
        """What each question is expected to be; of a finite benchmark, what those before have left."""
        if not self.finite:
            return mean
        found, n = self._found, len(self._found)
        before = np.concatenate([[0.0], np.cumsum(found)[:-1]])
        return np.asarray(
            np.clip((self.asked * mean - before) / (self.asked - np.arange(n)), -1.0, 1.0)
        )

    def _log_capital(self, mean: float, side: int) -> Floats:
        """(n,): after each question, of betting that the mean is above (1) or below (-1) `mean`."""
        won = np.log1p(side * self._fractions * (self._found - self._means(mean)))
        parts = np.cumsum(won, axis=1)
        return np.asarray(np.logaddexp.reduce(parts, axis=0) - math.log(len(parts)))
