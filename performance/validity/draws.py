"""What the simulations share: answers drawn from known chances, and rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from llmc_lib.analysis.comparison import Test, difference_test

#: Types of questions: (share, chance of a right answer of each model). The true rates follow exactly.
Types = Sequence[tuple[float, Sequence[float]]]

COVERAGE = (0.935, 0.965)
#: Where few questions carry a result: counts come in steps, and what holds for each covers more on average.
WIDE = (0.935, 0.975)
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


#: Of a rate's variance p · (1 - p) so much lies between HLE's questions, the rest between samples of one question;
#: and chances of two models of a family have this correlation. Fitted in performance/validity/population.py.
HLE_BETWEEN = 0.65
HLE_FAMILY = 0.77
_POOL = 1 << 20


def hle_chances(
    rng: np.random.Generator, shape: tuple[int, ...], mean: float, between: float = HLE_BETWEEN
) -> np.ndarray:
    """Chances of a right answer of HLE's questions: Beta(mean · s, (1 - mean) · s), s = 1 / between - 1.

    Most questions are never solved: at a mean of 5% in 88% of them none of 16 samples is right, at 20% in 59%.
    """
    return _pool(mean, between)[rng.integers(_POOL, size=shape)]


@cache
def _pool(mean: float, between: float) -> np.ndarray:
    """Drawn once: a beta distribution with so small parameters is slow to draw from."""
    spread = 1 / between - 1
    found = np.random.default_rng(_POOL).beta(mean * spread, (1 - mean) * spread, _POOL)
    return np.asarray(np.minimum(found * (mean / found.mean()), 1.0))


def mixed_chances(rng: np.random.Generator, shape: tuple[int, ...], mean: float) -> np.ndarray:
    """A second population that fits the same answers: 0 for 60% of the questions, a beta distribution for the others,
    which are solved now and then rather than always."""
    return np.where(rng.random(shape) < 0.4, hle_chances(rng, shape, mean / 0.4, 0.4), 0.0)


def sibling(
    rng: np.random.Generator, chances: np.ndarray, mean: float, population: Any = hle_chances
) -> np.ndarray:
    """Chances of another model of the family with the same mean: on most questions the first one's, on the rest new."""
    other = population(rng, chances.shape, mean)
    return np.where(rng.random(chances.shape) < HLE_FAMILY, chances, other)


def sample(rng: np.random.Generator, chances: np.ndarray, k: int) -> np.ndarray:
    """Answers to questions of these chances, (…, k) bool."""
    return np.asarray(rng.random((*chances.shape, k), dtype=np.float32) < chances[..., None])


def lognormal_clusters(rng: np.random.Generator, groups: int) -> np.ndarray:
    """Labels of the questions of clusters whose sizes are log-normal (log-deviation 1, median about 3)."""
    sizes = np.maximum(1, np.rint(np.exp(rng.normal(1.2, 1.0, groups)))).astype(int)
    return np.repeat(np.arange(groups), sizes)


class Found(NamedTuple):
    """The same as `paired_comparison` finds, without what simulations do not need."""

    low: float
    high: float
    p_value: float
    narrow: bool
    test: Test


def compared(counts: np.ndarray, k: int, clusters: ArrayLike | None = None) -> Found:
    """From the right answers of the candidate minus those of the reference, as `difference_test`."""
    test = difference_test(counts, k, clusters)
    low, high = test.interval(0.05)
    return Found(low, high, test.p_value, test.hides((high - low) / 2, 0.05), test.test)


@cache
def of_counts(n: int, gained: int, lost: int) -> Found:
    """With one sample the same numbers of gained and lost questions come again, and are compared once."""
    return compared(np.repeat([1, -1, 0], [gained, lost, n - gained - lost]), 1)


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
