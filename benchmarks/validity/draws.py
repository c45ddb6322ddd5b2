"""What the simulations share: answers drawn from known chances, and rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Types of questions: (share, chance of a right answer of each model). The true rates follow exactly.
Types = Sequence[tuple[float, Sequence[float]]]

COVERAGE = (0.935, 0.965)
TYPE_I = (0.0, 0.055)


def draw(
    rng: np.random.Generator, types: Types, repetitions: int, n: int, k: int, cluster: int = 1
) -> np.ndarray:
    """Answers, (repetitions, models, n, k) bool. Each repetition draws its questions anew.

    With `cluster` above 1 so many questions in a row are of one type: they are not independent.
    """
    shares = np.array([share for share, _ in types])
    chances = np.array([chance for _, chance in types])  # (types, models)
    drawn = rng.choice(len(types), size=(repetitions, n // cluster), p=shares / shares.sum())
    of_question = chances[np.repeat(drawn, cluster, axis=1)].transpose(0, 2, 1)
    return np.asarray(
        rng.random((*of_question.shape, k), dtype=np.float32) < of_question[..., None]
    )


def rates(types: Types) -> np.ndarray:
    """(models,): the true rates."""
    shares = np.array([share for share, _ in types])
    return np.asarray(shares @ np.array([chance for _, chance in types]) / shares.sum())


def row(
    what: str,
    kind: str,
    setting: str,
    value: float | np.floating[Any],
    allowed: tuple[float, float],
    repetitions: int,
) -> dict[str, Any]:
    """A row of the table: `value` must lie within `allowed`."""
    low, high = allowed
    return {
        "what": what,
        "kind": kind,
        "setting": setting,
        "value": float(value),
        "low": low,
        "high": high,
        "repetitions": repetitions,
    }
