"""What labels by people say of grades: a grader's error rates, and rates and differences corrected for them.

Every answer has a grade, some answers of each stratum are drawn and have a label, which is taken for the truth. The
corrected rate is the graded one plus the weighted mean of label minus grade: the difference estimator of survey sampling
(Särndal, Swensson & Wretman, "Model Assisted Survey Sampling", 1992, section 6.3), called prediction-powered inference
where the grader is a model (Angelopoulos et al., Science 382, 2023). As the grade is one of the things by which answers
are stratified, this is the weighted mean of the labels' rates over the strata: it needs no assumption on how the grader errs, each
model has its own error rates, and a grader that favours one of them is corrected. (Rogan & Gladen's correction, Am. J.
Epidemiology 107, 1978, divides by sensitivity + specificity − 1, both estimated, and with one pair of them for all models it
keeps the favour.)

Errors are rare, so that many strata have labels of one kind alone and no variance can be seen in them. Hence variances are smoothed, and
intervals are Wilson's of the answers graded correct and of the others, put together and compared by the method of variance estimates
recovery (MOVER: Zou & Donner, Stat. Med. 27, 2008, with their correlation for a difference).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.given import check_alpha

#: As many labels the assumed share of a stratum counts, for the variances alone.
_DRAWN = 4.0
#: The variance of the share of right answers in a stratum without a label: any share is as likely as any other.
_UNKNOWN = 1 / 12


class Estimate(NamedTuple):
    """A rate or a difference with its interval, fractions."""

    value: float
    low: float
    high: float

    def widened(self, graded: float, low: float, high: float, scale: float = 1.0) -> Estimate:
        """The same with the noise of the choice of questions and of sampling, which is that of the interval (`low`,
        `high`) around what was `graded`, times `scale`: the two are independent (two-phase sampling: Särndal et al., chapter 9)."""
        below = math.hypot(self.value - self.low, scale * (graded - low))
        above = math.hypot(self.high - self.value, scale * (high - graded))
        return Estimate(self.value, self.value - below, self.value + above)


@dataclass(frozen=True)
class Labelled:
    """The strata of one model's answers, (H,) each, and its labelled answers, (n,) each."""

    sizes: NDArray[np.int64]
    labels: NDArray[np.int64]  # labelled answers
    right: NDArray[np.int64]  # of these
    correct: NDArray[np.bool_]  # are its answers graded correct?
    assumed: NDArray[np.float64]  # the share of right answers that was assumed before any label
    unit: NDArray[np.object_]  # which question and sample a labelled answer is to
    stratum: NDArray[np.int64]
    is_right: NDArray[np.bool_]

    @staticmethod
    def of(
        sizes: ArrayLike,
        correct: ArrayLike,
        wrong: ArrayLike,
        unit: ArrayLike,
        stratum: ArrayLike,
        right: ArrayLike,
    ) -> Labelled:
        """Count the labels of each stratum. (H,): `sizes`, `correct` and `wrong`, the share of wrong grades that is assumed
        (`audit_design.assumed_wrong`); (n,): what is labelled, in which stratum, and whether it is right.

        Raises `ValueError` for a stratum with more labels than answers."""
        whole, of = np.asarray(sizes, dtype=np.int64), np.asarray(stratum, dtype=np.int64)
        is_right, graded = np.asarray(right, dtype=bool), np.asarray(correct, dtype=bool)
        labels = np.bincount(of, minlength=len(whole))
        if len(labels) > len(whole) or (labels > whole).any():
            raise ValueError("a stratum has more labels than answers")
        hits = np.bincount(of, weights=is_right, minlength=len(whole)).astype(np.int64)
        assumed = np.where(graded, 1 - np.asarray(wrong), np.asarray(wrong))
        units = np.asarray(unit, dtype=object)
        return Labelled(whole, labels, hits, graded, assumed, units, of, is_right)

    @property
    def shares(self) -> NDArray[np.float64]:
        """(H,): right answers among the labelled; where there is no label, as assumed."""
        return np.where(self.labels > 0, self.right / np.maximum(self.labels, 1), self.assumed)

    @property
    def variances(self) -> NDArray[np.float64]:
        """(H,): of the shares. Where all labels of a stratum say the same, which is usual, the plain estimate is 0: here the assumed
        share counts as some labels."""
        smoothed, n, whole = self.smoothed, self.labels, self.sizes
        with np.errstate(divide="ignore", invalid="ignore"):
            found = smoothed * (1 - smoothed) / n * (whole - n) / np.maximum(whole - 1, 1)
        return np.where(n == whole, 0.0, np.where(n > 0, found, _UNKNOWN))

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """(H,): the shares, drawn to what is assumed; for variances alone."""
        return np.asarray((self.right + _DRAWN * self.assumed) / (self.labels + _DRAWN))


def rate(found: Labelled, whole: int, alpha: float = 0.05, of: ArrayLike | None = None) -> Estimate:
    """The share of right answers among `whole`; what is in no stratum has no answer, or one that is wrong by definition.

    `of`, (H,) bool: the strata that count (those that are graded correct: `whole` is then the number of their answers). The interval
    is that of the labels alone: these answers, were all labelled (see `Estimate.widened`). It puts together (MOVER) that of the answers
    graded correct and that of the others, as errors are rare among either.
    """
    use = np.ones(len(found.sizes), bool) if of is None else np.asarray(of, dtype=bool)
    value = below = above = 0.0
    for part in (use & found.correct, use & ~found.correct):
        weight = float(found.sizes[part].sum()) / whole
        if weight > 0:
            share, low, high = _share(found, part, alpha)
            value += weight * share
            below += (weight * (share - low)) ** 2
            above += (weight * (high - share)) ** 2
    return Estimate(value, max(value - math.sqrt(below), 0.0), min(value + math.sqrt(above), 1.0))


def _share(found: Labelled, of: NDArray[np.bool_], alpha: float) -> Estimate:
    """The share of right answers in some strata: Wilson's interval with the effective number of labels, which is the number of a simple
    random sample with the same variance (Franco et al., J. Survey Statistics and Methodology 7, 2019)."""
    check_alpha(alpha)
    weights = found.sizes[of] / found.sizes[of].sum()
    value, variance = float(weights @ found.shares[of]), float(weights**2 @ found.variances[of])
    if variance == 0:  # all are labelled
        return Estimate(value, value, value)
    mean = float(weights @ found.smoothed[of])
    n = mean * (1 - mean) / variance
    hits = min(value, 1.0) * n
    low, high = special.betaincinv(
        [hits + 0.5] * 2, [n - hits + 0.5] * 2, [alpha / 2, 1 - alpha / 2]
    )
    return Estimate(value, min(float(low), value), max(float(high), value))


def difference(
    candidate: Labelled, reference: Labelled, whole: int | tuple[int, int], alpha: float = 0.05
) -> Estimate:
    """The difference of two models' shares of right answers, corrected, with the interval of the labels alone. `whole`: the answers
    of each, of the candidate and of the reference where they were asked unequally often.

    MOVER with the correlation of the two estimates (Zou & Donner 2008): labels of the same questions, drawn together, see errors
    of the grader that both models share.
    """
    of_a, of_b = whole if isinstance(whole, tuple) else (whole, whole)
    a, b = rate(candidate, of_a, alpha), rate(reference, of_b, alpha)
    r = correlation(candidate, reference)

    def reach(one: float, two: float) -> float:
        return math.sqrt(max(one**2 + two**2 - 2 * r * one * two, 0.0))

    value = a.value - b.value
    below = reach(a.value - a.low, b.high - b.value)
    above = reach(a.high - a.value, b.value - b.low)
    return Estimate(value, max(value - below, -1.0), min(value + above, 1.0))


def correlation(one: Labelled, two: Labelled) -> float:
    """The correlation of two models' estimates, 0 to 0.95, from the questions of which both are labelled.

    Of samples with permanent random numbers an answer of each model is drawn with the smaller of the two inclusion
    probabilities (Poisson's approximation). Negative ones are taken as 0.
    """
    first, second = _residuals(one), _residuals(two)
    both = first.keys() & second.keys()
    covariance = 0.0
    for unit in both:
        (e, f), (g, h) = first[unit], second[unit]
        joint = min(f, h)
        covariance += e * g * (joint / (f * h) - 1) / joint
    scale = math.sqrt(float(one.sizes**2 @ one.variances) * float(two.sizes**2 @ two.variances))
    return min(max(covariance / scale, 0.0), 0.95) if scale > 0 else 0.0


def _residuals(found: Labelled) -> dict[object, tuple[float, float]]:
    """Unit → its label less the mean of the stratum, and the share of the stratum that is labelled."""
    means = found.shares
    fraction = found.labels / np.maximum(found.sizes, 1)
    return {
        unit: (float(right) - float(means[of]), float(fraction[of]))
        for unit, of, right in zip(found.unit, found.stratum, found.is_right, strict=True)
    }
