"""What callers give, checked in one place: a wrong array must not become a wrong result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def right_or_wrong(values: ArrayLike, name: str = "correct") -> NDArray[np.bool_]:
    """The values as booleans, of the same shape.

    Raises `ValueError` for what is neither true nor false (0 or 1 are taken), above all for NaN and None, which numpy
    would read as true, and as false.
    """
    try:
        given = np.asarray(values)
        if given.dtype == bool:
            return given
        numbers = given.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of true and false ({error})") from None
    if missing := int(np.isnan(numbers).sum()):
        raise ValueError(
            f"{name}: {missing:,} of {numbers.size:,} values are missing (NaN, None). A missing answer counts as "
            "wrong: put False (`missing_answers` says what they could change)"
        )
    if odd := numbers[(numbers != 0) & (numbers != 1)].ravel().tolist():
        raise ValueError(f"{name} must be true or false, not {odd[0]:g}")
    return numbers.astype(bool)


def answer_table(correct: ArrayLike) -> NDArray[np.bool_]:
    """Right and wrong answers, (n,) or (n, k), as questions × samples. Raises `ValueError` for another shape, and for none."""
    values = right_or_wrong(correct)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"correct must be of shape (n,) or (n, k), not empty: {values.shape}")
    return with_samples(values)


def with_samples(values: ArrayLike) -> NDArray[Any]:
    """An array (n,) as (n, 1): one sample a question."""
    array = np.asarray(values)
    return array[:, None] if array.ndim == 1 else array


class NotKnown(ValueError):
    """These answers do not allow a figure. `reason`: a code, and the numbers that a reader is told with it."""

    def __init__(self, message: str, code: str, **numbers: int | str) -> None:
        super().__init__(message)
        self.reason = {"code": code, **numbers}


def cluster_codes(clusters: ArrayLike, n: int) -> NDArray[np.intp]:
    """(n,): the number of each question's cluster, from 0. Raises `ValueError` for labels that are not one a question."""
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise ValueError(
            f"{labels.size} clusters for {n} questions: give a label for each question"
        )
    codes = np.asarray(pd.factorize(labels)[0])
    if missing := int((codes < 0).sum()):
        raise ValueError(f"clusters: {missing:,} of {n:,} questions have no label (NaN, None)")
    return codes


def check_alpha(alpha: float) -> None:
    """Raises `ValueError` where 1 - alpha is no confidence."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha ({alpha}) must lie between 0 and 1; 0.05 is a confidence of 95%")
