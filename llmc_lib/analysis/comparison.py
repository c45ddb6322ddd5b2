"""Compare two models on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from llmc_lib.analysis.intervals import standard_error

Test = Literal["mcnemar_exact", "paired_t", "clustered_t"]
_TESTS: dict[Test, str] = {
    "mcnemar_exact": "exact McNemar test",
    "paired_t": "t-test clustered by question",
    "clustered_t": "t-test clustered by the given clusters",
}


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
    low: float  # interval of the difference
    high: float
    p_value: float  # two-sided
    gained: (
        int  # questions on which the candidate is right, or more often right, than the reference
    )
    lost: int  # questions on which the reference is
    test: Test  # "mcnemar_exact" (one sample a question), "paired_t" (several), "clustered_t"
    variance: float  # of a question's difference, under the null hypothesis
    standard_error: float  # of the difference; NaN for one question (cluster)
    unpaired: Unpaired
    correlation: float | None  # of the questions' rates; None where a model has one rate on all
    variance_reduction: float | None  # the share of the unpaired variance that pairing takes away

    @property
    def test_name(self) -> str:
        """The test in words."""
        return _TESTS[self.test]


def paired_comparison(
    candidate: ArrayLike,
    reference: ArrayLike,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> PairedComparison:
    """Difference of two models' rates on the same questions, with its interval and test.

    Parameters: two boolean arrays of shape (n,) or (n, k): correct or not, on the same n ≥ 1 questions
    in the same order, k samples of each (a missing answer is False); confidence 1 - alpha; `clusters`,
    (n,), a label a question: questions of one cluster are not independent.

    One sample a question: McNemar's exact test (among the questions on which exactly one model is
    right, is the split further from even than chance makes it?) and the Wald interval with Bonett and
    Price's Laplace adjustment (J. Educ. Behav. Stat. 37, 2012), one of the two that Fagerland, Lydersen
    and Laake recommend (Statistics in Medicine 33, 2014). Test and interval are two methods: the exact test
    is the more careful one, and near 0.05 the interval can exclude 0 while the test says no.

    Several samples: a question's samples are no independent questions. The n differences of the
    questions' rates are tested against 0 by a t-test, and their standard error gives the interval
    (Miller, "Adding Error Bars to Evals", 2024, section 4: paired and clustered by question). With fewer
    than about 20 questions that differ it is an approximation; `permutation_test` needs none.

    Clusters: the same with the cluster-robust standard error and G - 1 degrees of freedom, for any k. From
    about 20 clusters of like size on; with fewer it finds too much.

    Beside it `unpaired`, as evaluators in use have it (Welch's t-test of the questions' rates), and what
    pairing buys: 1 - paired variance / unpaired variance, which is the correlation where both models'
    rates vary alike.

    Raises `ValueError` for arrays that are empty or of different shapes.
    """
    a, b = np.asarray(candidate, dtype=bool), np.asarray(reference, dtype=bool)
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise ValueError(f"both must be of one shape, (n,) or (n, k): {a.shape}, {b.shape}")
    if a.size == 0:
        raise ValueError("no question in common")
    n = len(a)
    a, b = a.reshape(n, -1), b.reshape(n, -1)
    rate_a, rate_b = a.mean(axis=1), b.mean(axis=1)
    differences = rate_a - rate_b
    error, groups = standard_error(differences, clusters)
    difference = int(a.sum() - b.sum()) / a.size
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    if a.shape[1] == 1 and clusters is None:
        low, high = _bonett_price(gained, lost, n, alpha)
        # Twice the smaller tail of an even split: the two tails mirror each other.
        p_value = min(1.0, 2 * float(special.bdtr(min(gained, lost), gained + lost, 0.5)))
        test: Test = "mcnemar_exact"
        variance = (gained + lost) / n
    else:
        low, high, p_value = _t(difference, error, groups, groups - 1, alpha)
        test = "paired_t" if clusters is None else "clustered_t"
        variance = error**2 * n if groups > 1 else 1.0
    error_a, error_b = standard_error(rate_a, clusters)[0], standard_error(rate_b, clusters)[0]
    apart = error_a**2 + error_b**2
    return PairedComparison(
        n=n,
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        gained=gained,
        lost=lost,
        test=test,
        variance=variance,
        standard_error=error,
        unpaired=_unpaired(difference, error_a, error_b, groups, alpha),
        correlation=_correlation(rate_a, rate_b),
        variance_reduction=1 - error**2 / apart if apart > 0 else None,
    )


def _bonett_price(gained: int, lost: int, n: int, alpha: float) -> tuple[float, float]:
    p_gain, p_loss = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    centre = p_gain - p_loss
    half = float(special.ndtri(1 - alpha / 2)) * math.sqrt((p_gain + p_loss - centre**2) / (n + 2))
    return max(-1.0, centre - half), min(1.0, centre + half)


def _t(
    mean: float, error: float, groups: int, freedom: float, alpha: float
) -> tuple[float, float, float]:
    """Low, high, two-sided p-value."""
    if error > 0:
        half = float(special.stdtrit(freedom, 1 - alpha / 2)) * error
        p_value = float(2 * special.stdtr(freedom, -abs(mean) / error))
        return max(-1.0, mean - half), min(1.0, mean + half), p_value
    if groups == 1:
        return -1.0, 1.0, 1.0
    # All questions differ alike: no noise to measure, and the sign-flip test's p-value.
    return *unseen(mean, groups, alpha), min(1.0, 2 * 0.5**groups) if mean else 1.0


def unseen(mean: float, groups: int, alpha: float) -> tuple[float, float]:
    """Interval of a mean difference where all of `groups` questions (clusters) show the same, `mean`.

    A share s of other questions stays unseen with chance (1 - s)^groups; the largest s for which that is
    alpha / 2 could have any difference from -1 to 1.
    """
    share = 1 - (alpha / 2) ** (1 / groups)
    return mean - share * (1 + mean), mean + share * (1 - mean)


def _unpaired(
    difference: float, error_a: float, error_b: float, groups: int, alpha: float
) -> Unpaired:
    error = math.hypot(error_a, error_b)
    # Welch's degrees of freedom; both models have the same number of questions.
    freedom = (groups - 1) * error**4 / (error_a**4 + error_b**4) if error > 0 else 1.0
    return Unpaired(error, *_t(difference, error, groups, freedom, alpha))


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
    if method == "bh":
        return [float(p) for p in stats.false_discovery_control(values)]
    # Statsmodels' multipletests has it, and collects all garbage of the process each time: 60 ms.
    order = np.argsort(values)
    adjusted = np.empty(len(values))
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return [float(p) for p in np.minimum(adjusted, 1)]
