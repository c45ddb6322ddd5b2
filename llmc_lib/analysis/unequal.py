"""The difference of two models that answered the same questions unequally often, such as a base once and a candidate five times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.clustered import degrees_of_freedom
from llmc_lib.analysis.given import cluster_codes

#: With fewer questions that differ (counted by how much, in units of the model with fewer runs) the variance seen can be
#: too small by chance.
_FEW = 30


@dataclass(frozen=True)
class UnequalRuns:
    """A difference of two rates with its standard error. Fractions."""

    difference: float
    error: float  # NaN for one question (cluster)
    freedom: float  # degrees of freedom of Student's t
    groups: int  # questions, or clusters
    effective: float  # questions (clusters) that differ, counted by how much

    @property
    def p_value(self) -> float:
        """Two-sided."""
        if not self.error > 0 or not self.difference:
            return 1.0
        return float(2 * special.stdtr(self.freedom, -abs(self.difference) / self.error))

    def interval(self, alpha: float) -> tuple[float, float]:
        """At level 1 - alpha; leaves out 0 exactly where the p-value is below alpha."""
        if self.groups == 1:
            return -1.0, 1.0
        if not self.error > 0:  # nothing varies: only what none of these questions is of
            half = 1 - float((alpha / 2) ** (1 / self.groups))
        else:
            half = float(special.stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        return max(-1.0, self.difference - half), min(1.0, self.difference + half)


def unequal_runs(
    candidate: NDArray[np.bool_], reference: NDArray[np.bool_], clusters: ArrayLike | None = None
) -> UnequalRuns:
    """The difference of two models' rates, (n, k) and (n, m) bool, of the same n questions; `clusters`, (n,), a label a
    question.

    Each question's difference of rates, r_a / k - r_b / m, is one observation, as with equal numbers of runs (Miller, "Adding
    Error Bars to Evals", 2024, section 4). Its standard error is that of their mean, and a t-test with Satterthwaite's
    degrees of freedom (`clustered.degrees_of_freedom`) compares it with 0: the differences have heavy tails, as one run is
    right or wrong at once and five are so by fifths.

    Where few questions differ that variance can be far too small: a base that was right by luck on none of its single
    runs leaves only the candidate's small steps. There the variance is at least what it is if all of a question's answers
    are alike for both models, R (K - R) / (k m (K - 1)) for R right ones of K = k + m: that of the hypergeometric
    distribution, under which labels are exchanged within a question (the permutation variance; Fisher 1935). The
    sign-flip test of equal runs does not hold here: a difference of unequal runs is skewed even if the models are equal.

    Simulated in performance/validity/unequal.py: 40 to 2,158 questions, 1 to 16 runs, rates from 0.5% to 50%, questions that
    flip as a whole among others that hardly differ, clusters.
    """
    n, k, m = len(candidate), candidate.shape[1], reference.shape[1]
    right = candidate.sum(axis=1) + reference.sum(axis=1)
    differences = candidate.mean(axis=1) - reference.mean(axis=1)
    difference = float(differences.mean())
    sums, rest = differences, differences - difference
    if clusters is not None:
        codes = cluster_codes(clusters, n)
        sums = np.bincount(codes, weights=differences)
        rest = np.bincount(codes, weights=rest)
    groups = len(sums)
    fourth = float((sums**4).sum())
    effective = float((sums**2).sum()) ** 2 / fourth if fourth else 0.0
    if groups == 1:
        return UnequalRuns(difference, math.nan, 1.0, 1, effective)
    squares = np.square(rest) * groups / (groups - 1)
    variance = float(squares.sum()) / n**2
    if variance < 1e-18 or effective < max(_FEW, 6 * (k + m) / min(k, m)):
        exchanged = float((right * (k + m - right)).sum()) / (k * m * (k + m - 1)) / n**2
        variance = max(variance, exchanged)
    freedom = float(degrees_of_freedom(squares[:, None], np.array([groups]))[0])
    return UnequalRuns(difference, math.sqrt(variance), freedom, groups, effective)
