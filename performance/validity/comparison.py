"""Coverage of the interval of a paired difference, and the tests' errors where there is none.

Promised: type I errors of at most 5.5% everywhere. Coverage with one sample from 100 questions on and at least 10
discordant ones expected (by exact enumeration in tests/analysis/test_comparison.py from 4 on, there up to 0.985); with
several from 50 questions on; clusters from 30 on, of like and of log-normal sizes. Where few questions differ the
sign-flip test is exact and below its level, and its interval on the wide side (up to 0.975). Most questions never
solved: performance/validity/hle_differences.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.simultaneous import family
from performance.validity.draws import (
    COVERAGE,
    TYPE_I,
    WIDE,
    Found,
    Types,
    compared,
    draw,
    lognormal_clusters,
    of_counts,
    rates,
    row,
    sample,
)

#: (share of questions, (chance of the candidate, chance of the reference)).
EQUAL = ((0.6, (0.03, 0.03)), (0.2, (0.5, 0.3)), (0.2, (0.3, 0.5)))
BETTER = ((0.6, (0.05, 0.02)), (0.3, (0.5, 0.3)), (0.1, (0.7, 0.8)))
HIGH = ((0.8, (0.97, 0.95)), (0.2, (0.7, 0.5)))


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, types in (("equal", EQUAL), ("better", BETTER), ("high rates", HIGH)):
        for n, k in ((100, 1), (1000, 1), (50, 4), (200, 16)):
            found = _compared(draw(rng, types, repetitions, n, k))
            yield from _rows(found, types, f"n={n}, k={k}, {name}")
    groups, size = 30, 5
    clusters = np.repeat(np.arange(groups), size)
    for name, types in (("equal", EQUAL), ("better", BETTER)):
        drawn = draw(rng, types, repetitions, groups * size, 4, cluster=size)
        yield from _rows(
            _compared(drawn, clusters), types, f"{groups} clusters of {size}, k=4, {name}"
        )
    yield from _few(rng, repetitions)
    yield from _sizes(rng, repetitions)
    for n, k in ((100, 1), (50, 4), (12, 4)):
        drawn = draw(rng, EQUAL, repetitions, n, k)
        value = np.mean([permutation_test(a, b) < 0.05 for a, b in drawn])
        yield row("permutation test", "type I error", f"n={n}, k={k}", value, TYPE_I, repetitions)
    drawn = draw(rng, _seven(), repetitions // 4, 300, 1)
    value = np.mean([_any_found(models) for models in drawn])
    setting = "n=300, k=1, any of 7 equal candidates"
    yield row("McNemar, family", "type I error", setting, value, TYPE_I, repetitions // 4)


def _compared(drawn: np.ndarray, clusters: np.ndarray | None = None) -> list[Found]:
    """With one sample the same numbers of gained and lost questions come again, and are compared once."""
    n, k = drawn.shape[2:]
    if k > 1 or clusters is not None:
        right = drawn.sum(axis=3)
        return [compared(counts, k, clusters) for counts in right[:, 0] - right[:, 1]]
    gained = (drawn[:, 0] & ~drawn[:, 1]).sum(axis=(1, 2))
    lost = (drawn[:, 1] & ~drawn[:, 0]).sum(axis=(1, 2))
    return [of_counts(n, int(g), int(w)) for g, w in zip(gained, lost, strict=True)]


def _rows(found: list[Found], types: Types, setting: str) -> Iterator[dict[str, Any]]:
    candidate, reference = rates(types)
    truth = candidate - reference
    name = Counter(one.test for one in found).most_common(1)[0][0]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    allowed = WIDE if name == "sign_flip" else COVERAGE
    yield row(f"difference, {name}", "coverage", setting, covered, allowed, len(found))
    if abs(truth) < 1e-12:
        value = np.mean([one.p_value < 0.05 for one in found])
        yield row(name, "type I error", setting, value, TYPE_I, len(found))


def _seven() -> Types:
    return ((0.6, (0.05,) * 8), (0.4, (0.4,) * 8))


def _any_found(models: np.ndarray) -> bool:
    differences = models[1:, :, 0].astype(int) - models[0, :, 0]
    level = family(differences.T, draws=4_000).level
    return min(difference_test(one, 1).p_value for one in differences) < level


def _few(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Few discordant questions, one sample each: equal models, and all differences on one side."""
    for n, gain, loss in ((60, 0.05, 0.05), (200, 0.02, 0.02), (60, 0.1, 0.0), (200, 0.05, 0.005)):
        tables = rng.multinomial(n, [gain, loss, 1 - gain - loss], repetitions)
        found = [of_counts(n, int(g), int(k)) for g, k, _ in tables]
        truth = gain - loss
        covered = np.mean([one.low <= truth <= one.high for one in found])
        setting = f"n={n}, k=1, gained {gain}, lost {loss}"
        yield row("difference, mcnemar_midp", "coverage", setting, covered, WIDE, repetitions)
        if gain == loss:
            value = np.mean([one.p_value < 0.05 for one in found])
            yield row("mcnemar_midp", "type I error", setting, value, TYPE_I, repetitions)


def _sizes(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Clusters of log-normal sizes; of a cluster's questions the two models differ alike."""
    for groups, k in ((20, 1), (30, 1), (30, 4), (60, 4)):
        found = []
        for _ in range(repetitions):
            clusters = lognormal_clusters(rng, groups)
            base, shift = rng.beta(0.5, 1.5, groups), rng.normal(0, 0.2, groups)
            pair = (np.clip(base + np.maximum(side * shift, 0), 0, 1) for side in (1, -1))
            a, b = (sample(rng, chance[clusters], k) for chance in pair)
            found.append(compared(a.sum(axis=1) - b.sum(axis=1), k, clusters))
        setting = f"{groups} clusters of log-normal sizes, k={k}"
        covered = np.mean([one.low <= 0 <= one.high for one in found])
        yield row("difference, sign_flip", "coverage", setting, covered, WIDE, repetitions)
        value = np.mean([one.p_value < 0.05 for one in found])
        yield row("sign_flip", "type I error", setting, value, TYPE_I, repetitions)
