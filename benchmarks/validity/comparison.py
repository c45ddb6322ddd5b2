"""Coverage of the interval of a paired difference, and the tests' errors where there is none.

Promised: with one sample from 100 questions on and at least 10 discordant ones expected; with several from 50
questions on; clusters from 30 of like size on. McNemar's exact test keeps its level at any n, and is far below
it with few discordant questions (2% at 20), as every exact test of counts is. The interval of one sample is a
little wide with fewer than 30 discordant questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.validity.draws import COVERAGE, TYPE_I, Types, draw, rates, row
from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.permutation import permutation_test

#: (share of questions, (chance of the candidate, chance of the reference)).
EQUAL = ((0.6, (0.03, 0.03)), (0.2, (0.5, 0.3)), (0.2, (0.3, 0.5)))
BETTER = ((0.6, (0.05, 0.02)), (0.3, (0.5, 0.3)), (0.1, (0.7, 0.8)))
HIGH = ((0.8, (0.97, 0.95)), (0.2, (0.7, 0.5)))


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See benchmarks/validity/__main__.py."""
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
    for n, k in ((100, 1), (50, 4), (12, 4)):
        drawn = draw(rng, EQUAL, repetitions, n, k)
        value = np.mean([permutation_test(a, b) < 0.05 for a, b in drawn])
        yield row("permutation test", "type I error", f"n={n}, k={k}", value, TYPE_I, repetitions)
    drawn = draw(rng, _seven(), repetitions // 4, 300, 1)
    value = np.mean([_any_found(models) for models in drawn])
    setting = "n=300, k=1, any of 7 equal candidates"
    yield row("McNemar, Holm", "type I error", setting, value, TYPE_I, repetitions // 4)


def _compared(drawn: np.ndarray, clusters: np.ndarray | None = None) -> list[PairedComparison]:
    return [paired_comparison(a, b, clusters=clusters) for a, b in drawn]


def _rows(found: list[PairedComparison], types: Types, setting: str) -> Iterator[dict[str, Any]]:
    candidate, reference = rates(types)
    truth, name = candidate - reference, found[0].test
    covered = np.mean([one.low <= truth <= one.high for one in found])
    yield row(f"difference, {name}", "coverage", setting, covered, COVERAGE, len(found))
    if abs(truth) < 1e-12:
        value = np.mean([one.p_value < 0.05 for one in found])
        yield row(name, "type I error", setting, value, TYPE_I, len(found))


def _seven() -> Types:
    return ((0.6, (0.05,) * 8), (0.4, (0.4,) * 8))


def _any_found(models: np.ndarray) -> bool:
    p_values = [paired_comparison(one, models[0]).p_value for one in models[1:]]
    return min(adjust(p_values)) < 0.05
