"""Coverage of the intervals of a rate.

Promised: Wilson's from 20 questions on with at least 3 right (or wrong) ones expected, as the average over
rates from 0.8 to 1.2 times the stated one (the coverage of every interval of counts jumps with the rate; at
single rates it is between 0.91 and 0.98 here); k samples clustered by question from 50 questions on, also where most
questions are never solved (`draws.hle_chances`), rates from 0.02; clusters from 30 on, of like and of log-normal
sizes. With fewer than 10 questions' worth of right answers it is on the wide side, up to 0.975. Not promised:
fewer clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from llmc_lib.analysis.intervals import rate_interval, wilson
from performance.validity.draws import (
    COVERAGE,
    WIDE,
    draw,
    hle_chances,
    lognormal_clusters,
    rates,
    row,
    sample,
)

_bounds = cache(wilson)

#: Hard questions with few that a model can solve, and a benchmark around its middle.
HARD = ((0.7, (0.02,)), (0.2, (0.15,)), (0.1, (0.6,)))
MIDDLE = ((0.3, (0.1,)), (0.4, (0.5,)), (0.3, (0.9,)))
RARE = ((0.9, (0.02,)), (0.1, (0.32,)))


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for n, rate in (
        (20, 0.2), (20, 0.5), (50, 0.1), (50, 0.5), (200, 0.03), (200, 0.2), (1000, 0.02), (1000, 0.2)
    ):  # fmt: skip
        truth = rng.uniform(0.8 * rate, 1.2 * rate, repetitions)
        counts = rng.binomial(n, truth)
        low, high = np.array([_bounds(int(count), n) for count in counts]).T
        value = np.mean((low <= truth) & (truth <= high))
        yield row("Wilson", "coverage", f"n={n}, rates around {rate}", value, COVERAGE, repetitions)
    for name, types in (("0.05", RARE), ("0.1", HARD), ("0.5", MIDDLE)):
        for n, k in ((50, 4), (200, 16)):
            value = _covered(draw(rng, types, repetitions, n, k)[:, 0], float(rates(types)[0]))
            setting = f"n={n}, k={k}, rate {name}"
            allowed = WIDE if n * float(name) < 10 else COVERAGE
            yield row("by question", "coverage", setting, value, allowed, repetitions)
    for groups, size, k in ((30, 5, 1), (100, 4, 4)):
        clusters = np.repeat(np.arange(groups), size)
        drawn = draw(rng, MIDDLE, repetitions, groups * size, k, cluster=size)[:, 0]
        value = _covered(drawn, 0.5, clusters)
        setting = f"{groups} clusters of {size}, k={k}, rate 0.5"
        yield row("by cluster", "coverage", setting, value, COVERAGE, repetitions)

    for mean, n, k in ((0.05, 100, 16), (0.02, 100, 16), (0.05, 50, 4), (0.02, 300, 4), (0.05, 1000, 4)):  # fmt: skip
        of_hle = (sample(rng, hle_chances(rng, (n,), mean), k) for _ in range(repetitions))
        value = np.mean([low <= mean <= high for low, high in map(rate_interval, of_hle)])
        setting = f"n={n}, k={k}, rate {mean}, most never solved"
        allowed = WIDE if n * mean < 10 else COVERAGE
        yield row("by question", "coverage", setting, value, allowed, repetitions)
    for groups, k in ((30, 1), (30, 4), (60, 4)):
        covered = []
        for _ in range(repetitions):
            clusters = lognormal_clusters(rng, groups)
            drawn = sample(rng, rng.beta(0.5, 1.5, groups)[clusters], k)
            low, high = rate_interval(drawn, clusters=clusters)
            covered.append(low <= 0.25 <= high)
        setting = f"{groups} clusters of log-normal sizes, k={k}, rate 0.25"
        yield row("by cluster", "coverage", setting, np.mean(covered), COVERAGE, repetitions)


def _covered(drawn: np.ndarray, truth: float, clusters: np.ndarray | None = None) -> float:
    found = np.array([rate_interval(one, clusters=clusters) for one in drawn])
    return float(np.mean((found[:, 0] <= truth) & (truth <= found[:, 1])))
