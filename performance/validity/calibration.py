"""Coverage of the 95% intervals of calibration errors, over questions and samples.

Confidences are stated in ten steps. A question has a step of its own, and each of its samples states that one
or a neighbour; how often it is right is drawn from a beta distribution around a share of its step's confidence.
Promised: 300 to 2,500 questions, 1 to 4 samples, any error, and for the expected calibration error at least the
coverage: where many gaps are hardly larger than their standard errors it covers more often than in 95% of cases,
and the upper end of the allowed range is 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib.analysis.calibration import binned_errors
from performance.validity.pass_at_k import coverage

_LEVELS = np.arange(1, 11) / 10
_MOVES = np.array(
    [0.2, 0.6, 0.2]
)  # a sample's confidence: a step below its question's, at it, above
#: Questions, samples, share of the stated confidence that is right, are the gaps clear and confidences high?
SETTINGS = [
    (300, 1, 0.2, True),
    (300, 1, 0.6, False),
    (1_000, 1, 0.9, False),
    (2_500, 1, 0.2, True),
    (500, 4, 0.8, False),
    (500, 1, 1.0, False),
]


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """Two rows a setting; `repetitions` simulated evaluations each."""
    random = np.random.default_rng([seed, 2])
    for n, samples, share, clear in SETTINGS:
        levels = np.arange(1, 11.0) ** 2 if clear else np.ones(10)
        levels /= levels.sum()
        squares, absolutes = _truth(levels, share, samples)
        covered = np.zeros((repetitions, 2), dtype=bool)
        for number in range(repetitions):
            given, right, at = _drawn(random, n, samples, levels, share)
            rms, ece = binned_errors(given, right, at, len(_LEVELS))
            covered[number] = rms.low <= squares <= rms.high, ece.low <= absolutes <= ece.high
        for column, (what, truth) in enumerate(
            {"RMS calibration error": squares, "ECE": absolutes}.items()
        ):
            setting = f"n={n}, k={samples}, true {truth:.1%}"
            found = coverage(what, setting, [covered[:, column]])
            yield found | {"high": 1.0} if what == "ECE" and not clear else found


def _drawn(
    random: np.random.Generator, n: int, samples: int, levels: NDArray[np.float64], share: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]:
    """Confidences, grades and steps of an evaluation, (n, samples)."""
    own = random.choice(len(levels), n, p=levels)
    mean = share * _LEVELS[own]
    if (
        samples == 1
    ):  # a sample of a question of any rate is right as often as questions are on average
        at = own[:, None]
        return _LEVELS[at], random.random((n, 1)) < mean[:, None], at
    rates = np.where(mean < 1, random.beta(2 * mean, np.maximum(2 * (1 - mean), 1e-9)), 1.0)
    at = np.clip(own[:, None] + random.choice([-1, 0, 1], (n, samples), p=_MOVES), 0, 9)
    return _LEVELS[at], random.random((n, samples)) < rates[:, None], at


def _truth(levels: NDArray[np.float64], share: float, samples: int) -> tuple[float, float]:
    """The true errors."""
    stated, right = levels.copy(), levels * share * _LEVELS
    if samples > 1:
        moves = np.zeros((10, 10))
        for own in range(10):
            for move, chance in zip((-1, 0, 1), _MOVES, strict=True):
                moves[own, min(max(own + move, 0), 9)] += chance
        stated, right = levels @ moves, (levels * share * _LEVELS) @ moves
    gap = _LEVELS - right / stated
    return float(np.sqrt((stated * gap**2).sum())), float((stated * np.abs(gap)).sum())
