"""Compare two models on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests


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
    test: str  # "mcnemar_exact" (one sample a question) or "paired_t" (several)
    variance: float  # of a question's difference, under the null hypothesis

    @property
    def test_name(self) -> str:
        """The test in words."""
        return {"mcnemar_exact": "exact McNemar test", "paired_t": "t-test clustered by question"}[
            self.test
        ]


def paired_comparison(
    candidate: ArrayLike, reference: ArrayLike, alpha: float = 0.05
) -> PairedComparison:
    """Difference of two models' rates on the same questions, with its interval and test.

    Parameters: two boolean arrays of shape (n,) or (n, k): correct or not, on the same n ≥ 1 questions
    in the same order, k samples of each (a missing answer is False); confidence 1 - alpha.

    One sample a question: McNemar's exact test (among the questions on which exactly one model is
    right, is the split further from even than chance makes it?) and the Wald interval with Bonett and
    Price's Laplace adjustment (J. Educ. Behav. Stat. 37, 2012), one of the two that Fagerland, Lydersen
    and Laake recommend (Statistics in Medicine 33, 2014).

    Several samples: a question's samples are no independent questions. The n differences of the
    questions' rates are tested against 0 by a t-test, and their standard error gives the interval
    (Miller, "Adding Error Bars to Evals", 2024, section 4: paired and clustered by question).

    Raises `ValueError` for arrays that are empty or of different shapes.
    """
    a, b = np.asarray(candidate, dtype=bool), np.asarray(reference, dtype=bool)
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise ValueError(f"both must be of one shape, (n,) or (n, k): {a.shape}, {b.shape}")
    if a.size == 0:
        raise ValueError("no question in common")
    if a.ndim == 2 and a.shape[1] > 1:
        return _several(a.mean(axis=1) - b.mean(axis=1), alpha)
    return _one(a.ravel(), b.ravel(), alpha)


def _one(a: np.ndarray, b: np.ndarray, alpha: float) -> PairedComparison:
    n = len(a)
    gained, lost = int((a & ~b).sum()), int((~a & b).sum())
    p_value = stats.binomtest(gained, gained + lost, 0.5).pvalue if gained + lost else 1.0
    p_gain, p_loss = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    centre = p_gain - p_loss
    half = float(stats.norm.ppf(1 - alpha / 2)) * math.sqrt((p_gain + p_loss - centre**2) / (n + 2))
    return PairedComparison(
        n=n,
        difference=(gained - lost) / n,
        low=max(-1.0, centre - half),
        high=min(1.0, centre + half),
        p_value=float(p_value),
        gained=gained,
        lost=lost,
        test="mcnemar_exact",
        variance=(gained + lost) / n,
    )


def _several(differences: np.ndarray, alpha: float) -> PairedComparison:
    n, mean = len(differences), float(differences.mean())
    variance = float(differences.var(ddof=1)) if n > 1 else 1.0
    error = math.sqrt(variance / n)
    if n > 1 and error > 0:
        half = float(stats.t.ppf(1 - alpha / 2, n - 1)) * error
        p_value = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    elif n > 1 and mean == 0:
        # No question differs: what k samples of n questions can still hide is bounded as for k = 1.
        half, p_value = 1 - (alpha / 2) ** (1 / n), 1.0
    else:
        half, p_value = 1.0, 1.0
    return PairedComparison(
        n=n,
        difference=mean,
        low=max(-1.0, mean - half),
        high=min(1.0, mean + half),
        p_value=p_value,
        gained=int((differences > 0).sum()),
        lost=int((differences < 0).sum()),
        test="paired_t",
        variance=variance,
    )


def adjust(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being several, by Holm's method (family-wise error rate)."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
