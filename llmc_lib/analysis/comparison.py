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
    p_value: float  # exact McNemar, two-sided
    gained: int  # questions that only the candidate answers correctly
    lost: int  # questions that only the reference answers correctly


def paired_comparison(
    candidate: ArrayLike, reference: ArrayLike, alpha: float = 0.05
) -> PairedComparison:
    """Difference of two models' rates, one sample a question, with its interval and test.

    Parameters: two boolean arrays of one length n ≥ 1, correct or not on the same questions in the
    same order (a missing answer is False); confidence 1 - alpha.

    The test is McNemar's exact one: among the questions on which exactly one model is right
    ("discordant"), is the split further from even than chance makes it? The interval is the
    Wald interval with Bonett and Price's Laplace adjustment (J. Educ. Behav. Stat. 37, 2012), one
    of the two that Fagerland, Lydersen and Laake recommend (Statistics in Medicine 33, 2014).

    Raises `ValueError` for arrays that are empty or of different lengths.
    """
    a, b = np.asarray(candidate, dtype=bool), np.asarray(reference, dtype=bool)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"both must be one-dimensional and equally long: {a.shape}, {b.shape}")
    n = len(a)
    if n == 0:
        raise ValueError("no question in common")
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
    )


def adjust(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being several, by Holm's method (family-wise error rate)."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
