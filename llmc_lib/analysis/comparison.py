"""Compare two models on the same questions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.given import check_alpha, cluster_codes, right_or_wrong
from llmc_lib.analysis.intervals import standard_error
from llmc_lib.analysis.permutation import SignFlip
from llmc_lib.analysis.signed import binomial_share, signed_interval, size_distribution
from llmc_lib.analysis.unequal import unequal_runs

Test = Literal["mcnemar_midp", "sign_flip", "paired_t", "clustered_t", "unequal_t"]
#: With fewer questions (clusters) that differ, counted by how much, signs are flipped and not scaled to a t.
FEW = 30
#: With fewer than these, a kind of question that none of them is of can change the result by more than they show.
_HIDDEN = 8


@dataclass(frozen=True)
class Unpaired:
    """What the two models would say if they had answered different questions. Its difference is the same."""

    standard_error: float
    low: float
    high: float
    p_value: float  # two-sided


@dataclass(frozen=True)
class PairedComparison:
    """What the same questions say about two models. Rates and differences are fractions."""

    n: int  # questions that both models were asked
    difference: float  # rate of the candidate minus rate of the reference
    low: float  # interval of the difference; leaves out 0 exactly where p_value < alpha
    high: float
    alpha: float  # its level
    # The interval at 1 - 2 · alpha: two one-sided tests at alpha (Schuirmann 1987).
    inner_low: float
    inner_high: float
    p_value: float  # two-sided
    # Questions on which the candidate is right, or more often right, than the reference.
    gained: int
    lost: int  # questions on which the reference is
    test: Test
    #: The interval is too narrow where the models differ on a kind of question so rare that few of these are of it.
    narrow: bool
    variance: float  # of a question's difference, under the null hypothesis
    standard_error: float  # of the difference; NaN for one question (cluster)
    groups: int  # that are independent of each other: questions, or clusters
    unpaired: Unpaired
    correlation: float | None  # of the questions' rates; None where a model has one rate on all
    variance_reduction: float | None  # the share of the unpaired variance that pairing takes away


def paired_comparison(
    candidate: ArrayLike,
    reference: ArrayLike,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> PairedComparison:
    """Difference of two models' rates on the same questions, with its interval and test.

    Parameters: two boolean arrays of shape (n,) or (n, k): correct or not, on the same n ≥ 1 questions
    in the same order, k samples of each (a missing answer is False), k of each model its own; confidence 1 - alpha;
    `clusters`, (n,), a label a question: questions of one cluster are not independent.

    Test and interval invert each other: at every level the interval leaves out 0 exactly where the test rejects.

    One sample per question: McNemar's test (among the questions on which exactly one model is right, is the
    split further from even than chance makes it?) with the mid-p value, which keeps its level and finds more than
    the exact one (Fagerland, Lydersen & Laake, BMC Med. Res. Methodol. 13, 2013), and the interval of
    `signed.signed_interval` from the same mid-p distribution. The exact p-value is `permutation_test`'s.

    Several samples: a question's samples are no independent questions. The n differences of the
    questions' rates are tested against 0 by a t-test, and their standard error gives the interval
    (Miller, "Adding Error Bars to Evals", 2024, section 4: paired and clustered by question). Where fewer than
    `FEW` questions differ the t-test finds too much; there it is the exact sign-flip test and the interval
    that inverts it (`permutation.SignFlip`). They are counted by how much they differ, (Σ d²)² / Σ d⁴: a few large
    differences among many small ones are few.

    Clusters: the same with the sums of clusters, the cluster-robust standard error and G - 1 degrees of freedom,
    for any k; with few clusters, or some far larger than the others, by flipping the signs of clusters
    (Canay, Romano & Shaikh, Econometrica 85, 2017).

    Unequal numbers of samples: `unequal.unequal_runs`.

    Beside it `unpaired`, as evaluators in use have it (Welch's t-test of the questions' rates), and what
    pairing buys: 1 - paired variance / unpaired variance, which is the correlation where both models'
    rates vary alike.

    Raises `ValueError` for arrays that are empty, of different questions, or neither true nor false (NaN), for labels
    that are not one a question, and for alpha outside (0, 1).

    >>> base = np.repeat([True, False], [80, 120])
    >>> tuned = base.copy()
    >>> tuned[:6], tuned[80:100] = False, True
    >>> found = paired_comparison(tuned, base)
    >>> found.gained, found.lost
    (20, 6)
    >>> print(f"{found.difference:+.3f}, {found.low:+.3f} to {found.high:+.3f}, p = {found.p_value:.4f}")
    +0.070, +0.020 to +0.121, p = 0.0059
    """
    check_alpha(alpha)
    a, b = tables(candidate, reference)
    n = len(a)
    rate_a, rate_b = a.mean(axis=1), b.mean(axis=1)
    counts = a.sum(axis=1) * b.shape[1] - b.sum(axis=1) * a.shape[1]
    found = paired_test(a, b, clusters)
    low, high = found.interval(alpha)
    inner_low, inner_high = found.interval(min(2 * alpha, 0.999))
    error_a, error_b = standard_error(rate_a, clusters)[0], standard_error(rate_b, clusters)[0]
    apart = error_a**2 + error_b**2
    error = found.error
    return PairedComparison(
        n=n,
        difference=found.difference,
        low=low,
        high=high,
        alpha=alpha,
        inner_low=inner_low,
        inner_high=inner_high,
        p_value=found.p_value,
        gained=int((counts > 0).sum()),
        lost=int((counts < 0).sum()),
        test=found.test,
        narrow=found.hides((high - low) / 2, alpha),
        variance=found.variance,
        standard_error=error,
        groups=found.groups,
        unpaired=_unpaired(found.difference, error_a, error_b, found.groups, alpha),
        correlation=_correlation(rate_a, rate_b),
        variance_reduction=1 - error**2 / apart if apart > 0 else None,
    )


@dataclass(frozen=True)
class DifferenceTest:
    """The test of one difference, with its intervals at any level."""

    test: Test
    difference: float
    p_value: float
    error: float  # standard error; NaN for one question (cluster)
    groups: int  # questions, or clusters
    variance: float
    effective: float  # questions (clusters) that differ, counted by how much
    interval: Callable[[float], tuple[float, float]]  # alpha → low, high

    def hides(self, half: float, alpha: float) -> bool:
        """Could questions too rare to be among these change the result by more than the interval allows?

        Of `groups` questions none is of a kind that makes up less than `unseen_share` of all, with a chance of
        alpha / 2. One sample per question takes it into account: every difference there is a whole question.
        """
        if self.test == "mcnemar_midp" or self.effective >= _HIDDEN:
            return False
        return half < unseen_share(self.groups, alpha)


def tables(
    candidate: ArrayLike, reference: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two models' answers to the same n questions as (n, k) and (n, m). Raises `ValueError` as `paired_comparison` does."""
    a, b = right_or_wrong(candidate, "candidate"), right_or_wrong(reference, "reference")
    if a.shape[:1] != b.shape[:1] or a.ndim not in (1, 2) or b.ndim not in (1, 2):
        raise ValueError(
            f"both must have the same questions, as (n,) or (n, k): {a.shape}, {b.shape}"
        )
    if a.size == 0 or b.size == 0:
        raise ValueError("no question in common")
    return a.reshape(len(a), -1), b.reshape(len(b), -1)


def paired_test(
    candidate: NDArray[np.bool_], reference: NDArray[np.bool_], clusters: ArrayLike | None = None
) -> DifferenceTest:
    """The test of `paired_comparison`, from `tables`."""
    samples = candidate.shape[1]
    if samples == reference.shape[1]:
        counts = candidate.sum(axis=1) - reference.sum(axis=1)
        return difference_test(counts, samples, clusters)
    found = unequal_runs(candidate, reference, clusters)
    return DifferenceTest(
        test="unequal_t",
        difference=found.difference,
        p_value=found.p_value,
        error=found.error,
        groups=found.groups,
        variance=min(1.0, found.error**2 * len(candidate)) if found.groups > 1 else 1.0,
        effective=found.effective,
        interval=found.interval,
    )


def difference_test(
    counts: NDArray[np.int64], samples: int, clusters: ArrayLike | None = None
) -> DifferenceTest:
    """`paired_comparison` from the right answers of the candidate minus those of the reference, (n,) whole numbers,
    to each of n questions, with `samples` answers each."""
    n = len(counts)
    error, groups = standard_error(counts / samples, clusters)
    difference = int(counts.sum()) / (n * samples)
    variance = min(1.0, error**2 * n) if groups > 1 else 1.0
    test: Test
    interval: Callable[[float], tuple[float, float]]
    if samples == 1 and clusters is None:
        gained, lost = (int(np.count_nonzero(of)) for of in (counts > 0, counts < 0))
        test = "mcnemar_midp"
        share = binomial_share(gained, lost)
        tail = share.lost
        p_value = min(1.0, 2 * min(tail, 1 - tail))
        effective, variance = float(gained + lost), (gained + lost) / n
        size = size_distribution(variance, n)
        interval = functools.partial(signed_interval, size, share, share)
    else:
        sums, codes = counts, None
        if clusters is not None:
            codes = cluster_codes(clusters, n)
            sums = np.rint(np.bincount(codes, weights=counts)).astype(np.int64)
        squares = np.square(sums.astype(float))
        fourth = float(squares @ squares)
        effective = float(squares.sum()) ** 2 / fourth if fourth else 0.0
        if groups == 1:
            test, p_value, interval = "sign_flip", 1.0, _nothing
        elif effective < FEW or not error > 0:
            asked = np.ones(n) if codes is None else np.bincount(codes).astype(float)
            flip = SignFlip(sums, asked * samples)
            test, p_value, interval = "sign_flip", flip.p_value, flip.interval
        else:
            test = "paired_t" if clusters is None else "clustered_t"
            p_value = float(2 * special.stdtr(groups - 1, -abs(difference) / error))
            interval = functools.partial(_t_interval, difference, error, groups - 1)
    return DifferenceTest(
        test=test,
        difference=difference,
        p_value=p_value,
        error=error,
        groups=groups,
        variance=variance,
        effective=effective,
        interval=interval,
    )


def _nothing(alpha: float) -> tuple[float, float]:
    """One question (cluster), of which nothing is known."""
    return -1.0, 1.0


def _t_interval(mean: float, error: float, freedom: float, alpha: float) -> tuple[float, float]:
    half = float(special.stdtrit(freedom, 1 - alpha / 2)) * error
    return max(-1.0, mean - half), min(1.0, mean + half)


def unseen_share(groups: int, alpha: float) -> float:
    """The largest share of all questions of which `groups` of them have none with a chance of alpha / 2."""
    return 1 - float((alpha / 2) ** (1 / groups))


def _unpaired(
    difference: float, error_a: float, error_b: float, groups: int, alpha: float
) -> Unpaired:
    error = math.hypot(error_a, error_b)
    # Welch's degrees of freedom; both models have the same number of questions.
    freedom = (groups - 1) * error**4 / (error_a**4 + error_b**4) if error > 0 else 1.0
    # Each model has one rate on all questions (or there is one): nothing to measure noise by.
    if not error > 0:
        share = unseen_share(groups, alpha) if groups > 1 else 1.0
        low, high = difference - share * (1 + difference), difference + share * (1 - difference)
        return Unpaired(error, low, high, 1.0 if not difference or groups == 1 else 2 * 0.5**groups)
    p_value = float(2 * special.stdtr(freedom, -abs(difference) / error))
    return Unpaired(error, *_t_interval(difference, error, freedom, alpha), p_value)


def _correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    x, y = a - a.mean(), b - b.mean()
    return float(np.clip(x @ y / math.sqrt(float(x @ x) * float(y @ y)), -1, 1))


def adjust(p_values: Sequence[float], method: Literal["holm", "bh"] = "holm") -> list[float]:
    """p-values adjusted for being several.

    "holm": Holm's (Scand. J. Stat. 6, 1979), the chance of any false finding is at most alpha. "bh":
    Benjamini and Hochberg's (J. R. Stat. Soc. B 57, 1995), of what is found a share of at most alpha is
    false, on average; it finds more, and suits a screening of many categories.
    """
    if method not in ("holm", "bh"):
        raise ValueError(f"method must be 'holm' or 'bh', not {method!r}")
    values = np.asarray(p_values, dtype=float)
    if not len(values):
        return []
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p-values must lie between 0 and 1: {list(p_values)}")
    if method == "bh":
        from scipy import stats  # half a second to import

        return [float(p) for p in stats.false_discovery_control(values)]
    # Statsmodels' multipletests has it, and collects all garbage of the process each time: 60 ms.
    order = np.argsort(values)
    adjusted = np.empty(len(values))
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return [float(p) for p in np.minimum(adjusted, 1)]
