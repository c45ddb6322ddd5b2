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


def hle_chances(rng: np.random.Generator, shape: tuple[int, ...], mean: float) -> np.ndarray:
    """Chances of a right answer, of questions as HLE's are to models of 2025: most are never solved.

    0 for 70% of them and Beta(0.5, b) for the others, b so that the mean is `mean`: at a mean of 5% and 16 samples 81%
    of the questions have no right answer at all, and the rest lie all over the scale, most near 0. Chosen to have that
    shape; pass rates by question are not published for it.
    """
    inner = mean / 0.3
    solved = rng.random(shape) < 0.3
    return np.where(solved, rng.beta(0.5, 0.5 * (1 - inner) / inner, shape), 0.0)


def sample(rng: np.random.Generator, chances: np.ndarray, k: int) -> np.ndarray:
    """Answers to questions of these chances, (…, k) bool."""
    return np.asarray(rng.random((*chances.shape, k), dtype=np.float32) < chances[..., None])


def lognormal_clusters(rng: np.random.Generator, groups: int) -> np.ndarray:
    """Labels of the questions of clusters whose sizes are log-normal (log-deviation 1, median about 3)."""
    sizes = np.maximum(1, np.rint(np.exp(rng.normal(1.2, 1.0, groups)))).astype(int)
    return np.repeat(np.arange(groups), sizes)


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
