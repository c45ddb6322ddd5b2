"""Several candidates against one reference: one level for each, so that all hold at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from llmc_lib.analysis.comparison import DifferenceTest, difference_test
from llmc_lib.analysis.given import check_alpha, cluster_codes
from llmc_lib.analysis.intervals import standard_error


@dataclass(frozen=True)
class Smallest:
    """Sorted draws of the smallest p-value of several comparisons, were none to differ. Each is computed when it is asked
    for, as a search asks for few."""

    scores: np.ndarray  # Student's t, negative, sorted
    freedom: int

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rank: int) -> float:
        return float(2 * special.stdtr(self.freedom, self.scores[rank]))


@dataclass(frozen=True)
class Family:
    """What m comparisons with one reference take to hold at once with chance 1 - alpha."""

    # Of each comparison: its interval is at 1 - level, and rejects where p_value < level.
    level: float
    smallest: Smallest | tuple[float, ...]  # of all comparisons; empty for m = 1
    covariance: np.ndarray  # (m, m) of the estimated differences

    def adjust(self, p_value: float) -> float:
        """The chance of a smallest p-value as small as this; below alpha exactly where it is below `level`."""
        if not len(self.smallest):
            return p_value
        below = bisect_right(self.smallest, p_value)
        drawn = (below + 1) / (len(self.smallest) + 1)
        # Bonferroni's is never less, and has no noise where p is far below every draw.
        return min(1.0, max(p_value, min(drawn, self.candidates * p_value)))

    @property
    def candidates(self) -> int:
        """How many comparisons are made at once."""
        return len(self.covariance)

    @property
    def level_at_end(self) -> float:
        """`level`, or of an unfinished evaluation (`sequential.at_look`) that which the finished one will have."""
        return self.level


@dataclass(frozen=True)
class Simultaneous:
    """Arrays have a number a candidate; fractions."""

    low: np.ndarray
    high: np.ndarray
    p_adjusted: np.ndarray
    critical: float  # what `level` is as a multiple of the standard error, by Student's t
    level: float
    covariance: np.ndarray  # (m, m) of the estimated differences


def family(
    differences: np.ndarray,
    clusters: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int = 50_000,
) -> Family:
    """The level at which each of m candidates is to be compared with the reference.

    Parameters: `differences`, (n, m): of each question, the rate of each of m candidates minus that of the
    reference; `clusters`, (n,) labels; `draws` of the smallest p-value: with 50,000 the level has a relative
    standard error of about 2%.

    The p-values of m comparisons with one reference are taken to depend on each other as those of m Student's t
    variables with the correlation of the differences do (Dunnett, JASA 50, 1955, with the estimated correlation:
    Hothorn, Bretz & Westfall, Biometrical J. 50, 2008; for p-values of any test: Conneely & Boehnke, Am. J. Hum.
    Genet. 81, 2007). Single step: level and adjusted p-values are quantiles of the smallest of the m, so
    that intervals at 1 - level and adjusted p-values agree, which those of Holm's method cannot. The candidates share the
    reference's errors and the questions, and are more alike than Bonferroni's correction assumes, so less is
    paid. A candidate that differs alike on all questions counts as independent of the others.
    """
    check_alpha(alpha)
    n, m = differences.shape
    sums = differences - differences.mean(axis=0)
    if clusters is not None:
        codes = cluster_codes(clusters, n)
        sums = np.stack([np.bincount(codes, weights=column) for column in sums.T], axis=1)
    groups = len(sums)
    covariance = sums.T @ sums * (groups / max(groups - 1, 1)) / n**2
    if m == 1 or groups < 2:
        return Family(alpha / m, () if m == 1 else (1.0,), covariance)
    return _drawn(covariance, groups - 1, alpha, draws, seed)


def level_of(candidates: int, alpha: float = 0.05, correlation: float = 0.5) -> float:
    """The level of each of so many comparisons with one reference, before any run: `family` for candidates whose
    differences have this correlation (0.5 where all are equally far from each other as from the reference)."""
    return family_before(candidates, alpha, correlation).level


@lru_cache(maxsize=64)
def family_before(candidates: int, alpha: float = 0.05, correlation: float = 0.5) -> Family:
    """The family that `level_of` is the level of."""
    covariance = correlation + (1 - correlation) * np.eye(candidates)
    if candidates < 2:
        return Family(alpha, (), covariance)
    return _drawn(covariance, 10_000, alpha, 200_000, 0)


def _drawn(covariance: np.ndarray, freedom: int, alpha: float, draws: int, seed: int) -> Family:
    smallest = _smallest(covariance, freedom, draws, seed)
    # The order statistic below which a p-value is adjusted to less than alpha.
    rank = max(1, math.ceil(alpha * (draws + 1) - 1 - 1e-9))
    level = np.clip(smallest[rank - 1], alpha / len(covariance), alpha)
    return Family(float(level), smallest, covariance)


def simultaneous_intervals(
    differences: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    samples: int = 1,
    tests: Sequence[DifferenceTest] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int = 50_000,
) -> Simultaneous:
    """The intervals of m candidates' differences that hold all at once with chance 1 - alpha, and adjusted p-values.

    Parameters: as `family`; `samples` of each question, or the candidates' `tests` (`comparison.paired_test`), as for unequal
    numbers of samples. Each candidate has the test and the interval of
    `paired_comparison` at the family's level.

    Raises `ValueError` for fewer than 2 questions (clusters), and for differences that are no whole numbers of
    samples.
    """
    if standard_error(differences[:, 0], clusters)[1] < 2:
        raise ValueError("at least 2 questions (clusters) are needed for an interval")
    if tests is None:
        counts = np.rint(differences * samples).astype(np.int64)
        if np.abs(counts - differences * samples).max(initial=0) > 1e-6:
            raise ValueError(
                f"the differences are no multiples of 1/{samples}: give their `samples`"
            )
        tests = [difference_test(column, samples, clusters) for column in counts.T]
    together = family(differences, clusters, alpha=alpha, seed=seed, draws=draws)
    bounds = np.array([test.interval(together.level) for test in tests])
    freedom = tests[0].groups - 1
    return Simultaneous(
        low=bounds[:, 0],
        high=bounds[:, 1],
        p_adjusted=np.array([together.adjust(test.p_value) for test in tests]),
        critical=float(special.stdtrit(freedom, 1 - together.level / 2)),
        level=together.level,
        covariance=together.covariance,
    )


def _smallest(covariance: np.ndarray, freedom: int, count: int, seed: int) -> Smallest:
    """Draws of the smallest two-sided p-value. Of equal candidates the covariance is singular, which is fine."""
    errors = np.sqrt(np.diag(covariance))
    fixed = ~(errors > 0)
    scale = np.where(fixed, 1.0, errors)
    correlation = covariance / np.outer(scale, scale)
    correlation[np.diag_indices(len(errors))] = 1.0
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    normal, error = _variates(len(errors), freedom, count, seed)
    return Smallest(np.sort(-np.abs(normal @ root.T).max(axis=1) / error), freedom)


@lru_cache(maxsize=4)
def _variates(m: int, freedom: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, m) independent normal scores, and (count,) standard deviations that they are measured by."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((count, m))
    return normal, np.sqrt(rng.chisquare(freedom, count) / freedom)
