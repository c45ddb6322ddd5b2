"""The same model twice under two engines (A/A): does the harness alone move its score, and how many answers turn?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from llmc_lib.analysis.given import answer_table
from llmc_lib.analysis.variance import VarianceParts, variance_parts


def turned(first: ArrayLike, again: ArrayLike) -> float:
    """The mean squared difference of a question's rates between two runs of one model, a fraction: with one sample per question the
    share of questions whose answer turned from right to wrong or back.

    Parameters: boolean arrays (n,) or (n, k), correct or not, on the same questions in the same order. One question is added
    on which one answer turned: that none did among few does not mean that none ever does. Raises `ValueError` for
    arrays that are empty, of different shapes, or neither true nor false.
    """
    a, b = answer_table(first), answer_table(again)
    if a.shape != b.shape:
        raise ValueError(f"both must be of one shape: {a.shape}, {b.shape}")
    n, k = a.shape
    differences = a.mean(axis=1) - b.mean(axis=1)
    return float((np.square(differences).sum() + 1 / k**2) / n)


def harness_part(first: ArrayLike, again: ArrayLike) -> float:
    """The part of the harness in the variance of one question's rate, of one model: what two runs differ by beyond sampling.

    Parameters: as `turned`. A question's rate in a run is its chance under that run's harness plus sampling noise, so half of
    `turned` is within / k + the variance of the chance over harnesses: a random effect of harness × question (Searle, Casella &
    McCulloch, Variance Components, 1992, ch. 4), 0 at least. Two harnesses are taken for two draws of those that one might use. With one
    sample a question sampling is not told apart, and is in it.
    """
    half = turned(first, again) / 2
    a, b = answer_table(first), answer_table(again)
    if a.shape[1] == 1:
        return half
    within = ((variance_parts(a).within or 0.0) + (variance_parts(b).within or 0.0)) / 2
    return float(max(0.0, half - within / a.shape[1]))


def within_rerun(parts: VarianceParts, harness: float, samples: int, models: int = 2) -> float:
    """`within` for `rerun.predict`, where the next run may have another harness.

    Parameters: the `parts` of a score (`models` 1) or a difference (2) with so many `samples` a question; `harness`, the
    `harness_part` of one model: of a difference both models' parts are taken to be alike and independent. At most
    all of the variance there is.
    """
    if parts.within is None:
        return min(parts.within_most, models * harness)
    return min(1.0, parts.within + models * samples * harness)
