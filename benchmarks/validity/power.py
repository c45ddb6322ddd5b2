"""Is a difference found as often as the formula says?

Promised: one sample at any n (the formula is the exact test's own); several from 50 questions on, where the
questions' differences are near enough to normal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.validity.comparison import BETTER, EQUAL, HIGH
from benchmarks.validity.draws import Types, draw, rates, row
from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.power import power
from llmc_lib.analysis.variance import VarianceParts


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See benchmarks/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, types in (("better", BETTER), ("high rates", HIGH), ("equal", EQUAL)):
        for n, k in ((30, 1), (150, 1), (600, 1), (60, 4), (150, 16)):
            expected = power(float(np.subtract(*rates(types))), n, true_parts(types), k)
            found = [
                paired_comparison(a, b).p_value for a, b in draw(rng, types, repetitions, n, k)
            ]
            value = np.mean(np.array(found) < 0.05)
            setting = f"n={n}, k={k}, {name}, formula {expected:.3f}"
            allowed = (max(0.0, expected - 0.03), expected + 0.03)
            yield row("paired test", "power", setting, value, allowed, repetitions)


def true_parts(types: Types) -> VarianceParts:
    """The parts of the variance of a question's difference, from the chances themselves."""
    shares = np.array([share for share, _ in types])
    chances = np.array([chance for _, chance in types])
    differences = chances[:, 0] - chances[:, 1]
    between = float(shares @ differences**2 - (shares @ differences) ** 2)
    within = float(shares @ (chances * (1 - chances)).sum(axis=1))
    return VarianceParts(between + within, within)
