"""Do the intervals of all candidates hold at once?

Promised: simultaneous intervals from 200 questions with one sample, 100 with several. What is left of the winner's
overstatement: performance/validity/winners.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.simultaneous import simultaneous_intervals
from performance.validity.draws import COVERAGE, TYPE_I, draw, rates, row

M = 7
NULL = ((0.6, (0.05,) * (M + 1)), (0.4, (0.4,) * (M + 1)))
SPREAD = (
    (0.6, (0.05,) * (M + 1)),
    (0.4, (0.40, 0.30, 0.36, 0.38, 0.40, 0.42, 0.44, 0.50)),  # the reference first
)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, types in (("equal", NULL), ("spread", SPREAD)):
        for n, k in ((200, 1), (100, 8)):
            means = draw(rng, types, repetitions, n, k).mean(axis=3)
            truth = rates(types)[1:] - rates(types)[0]
            found = [
                simultaneous_intervals((one[1:] - one[0]).T, samples=k, seed=at, draws=4_000)
                for at, one in enumerate(means)
            ]
            setting = f"n={n}, k={k}, {M} candidates, {name}"
            value = np.mean([((s.low <= truth) & (truth <= s.high)).all() for s in found])
            yield row("all intervals at once", "coverage", setting, value, COVERAGE, repetitions)
            if name == "equal":
                value = np.mean([s.p_adjusted.min() < 0.05 for s in found])
                yield row("family", "type I error", setting, value, TYPE_I, repetitions)
