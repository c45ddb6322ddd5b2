"""Does the next run on the same questions fall where it is predicted?

Promised: prediction intervals from 100 questions × 4 samples on, or with one sample and a `within` that is
known. With one sample and no `within` the interval is a bound: its coverage is at least 95%, and far more where
most of the discordance is between questions. The chance of another sign is right on average where all
differences are alike likely before the run (the flat prior that it states), which is how they are drawn here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.rerun import rerun
from performance.validity.draws import COVERAGE, row


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for n, k, after in ((100, 4, 4), (500, 8, 1), (200, 2, 2)):
        this, following, _ = _two_runs(rng, repetitions, n, k, after, 0.0)
        setting = f"n={n}, k={k}, next k={after}"
        score = [rerun(a, next_samples=after) for a in this[:, 0]]
        value = _held([(r.low, r.high) for r in score], following[:, 0].mean(axis=(1, 2)))
        yield row("next score", "coverage", setting, value, COVERAGE, repetitions)
        paired = [rerun(a, b, next_samples=after) for a, b in this]
        value = _held([(r.low, r.high) for r in paired], _difference(following))
        yield row("next difference", "coverage", setting, value, COVERAGE, repetitions)
    this, following, within = _two_runs(rng, repetitions, 500, 1, 1, 0.0)
    known = [rerun(a, b, within=w) for (a, b), w in zip(this, within, strict=True)]
    value = _held([(r.low, r.high) for r in known], _difference(following))
    yield row(
        "next difference, within given", "coverage", "n=500, k=1", value, COVERAGE, repetitions
    )
    bound = [rerun(a, b) for a, b in this]
    value = _held([(r.low, r.high) for r in bound], _difference(following))
    allowed = (COVERAGE[0], 1.0)  # a bound: at least
    yield row("next difference, bound", "coverage", "n=500, k=1", value, allowed, repetitions)
    for n, k in ((200, 4), (1000, 2)):
        this, following, _ = _two_runs(rng, repetitions, n, k, k, 0.1)
        first, then = _difference(this), _difference(following)
        told = np.array([rerun(a, b).sign_flip for a, b in this])
        near = np.abs(first) < 0.05  # where the answer is not plain
        expected = float(told[near].mean())
        value = float(np.mean(first[near] * then[near] < 0))
        setting = f"n={n}, k={k}, formula {expected:.3f}"
        allowed = (expected - 0.03, expected + 0.03)
        yield row("another sign", "chance", setting, value, allowed, int(near.sum()))


def _two_runs(
    rng: np.random.Generator, repetitions: int, n: int, k: int, after: int, spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two runs, (repetitions, 2, n, k) and (…, after) bool, on the same questions; and the true `within`.

    The true difference of the two models is uniform on ±spread.
    """
    base = rng.beta(0.5, 1.5, (repetitions, n)) * 0.75 + 0.12
    shift = rng.uniform(-spread, spread, (repetitions, 1))
    noise = rng.uniform(-0.02, 0.02, (repetitions, n))
    chance = np.clip(np.stack([base + shift + noise, base], axis=1), 0, 1)
    within = (chance * (1 - chance)).mean(axis=2).sum(axis=1)
    runs = [
        rng.random((*chance.shape, samples), dtype=np.float32) < chance[..., None]
        for samples in (k, after)
    ]
    return runs[0], runs[1], within


def _difference(runs: np.ndarray) -> np.ndarray:
    rates = runs.mean(axis=(2, 3))
    return np.asarray(rates[:, 0] - rates[:, 1])


def _held(bounds: list[tuple[float, float]], values: np.ndarray) -> float:
    low, high = np.array(bounds).T
    return float(np.mean((low - 1e-12 <= values) & (values <= high + 1e-12)))
