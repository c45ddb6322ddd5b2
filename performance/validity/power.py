"""Is a difference found as often as the formula says?

Promised: one sample at any n (the formula is the mid-p test's own); several from 50 questions on, where the
questions' differences are near enough to normal; and for each of several candidates at the level of their family.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.power import power
from llmc_lib.analysis.simultaneous import family, level_of
from llmc_lib.analysis.variance import VarianceParts
from performance.validity.comparison import BETTER, EQUAL, HIGH
from performance.validity.draws import Types, draw, rates, row


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, types in (("better", BETTER), ("high rates", HIGH), ("equal", EQUAL)):
        for n, k in ((30, 1), (150, 1), (600, 1), (60, 4), (150, 16)):
            expected = power(float(np.subtract(*rates(types))), n, true_parts(types), k)
            right = draw(rng, types, repetitions, n, k).sum(axis=3)
            found = [difference_test(a - b, k).p_value < 0.05 for a, b in right]
            setting = f"n={n}, k={k}, {name}, formula {expected:.3f}"
            # Where few questions differ signs are flipped, which finds a little less than the t-test.
            less = 0.08 if k > 1 and n < 100 else 0.03
            allowed = (max(0.0, expected - less), expected + 0.03)
            yield row("paired test", "power", setting, np.mean(found), allowed, repetitions)
    # One of several candidates: what is found 80% of the time alone is found far less often.
    for m in (3, 8):
        # The reference, the better one, the others.
        several: Types = ((1.0, (0.10, 0.18, *[0.10] * (m - 1))),)
        parts = true_parts(((1.0, (0.18, 0.10)),))
        expected = power(0.08, 300, parts, 1, level_of(m))
        found = [_finds(models) for models in draw(rng, several, repetitions // 4, 300, 1)]
        setting = f"n=300, k=1, one of {m} candidates, formula {expected:.3f}"
        allowed = (max(0.0, expected - 0.04), expected + 0.04)
        yield row("paired test", "power", setting, np.mean(found), allowed, len(found))


def _finds(models: np.ndarray) -> bool:
    """Is the first candidate told apart from the reference at the level of all of them?"""
    differences = models[1:, :, 0].astype(int) - models[0, :, 0]
    level = family(differences.T, draws=4_000).level
    return difference_test(differences[0], 1).p_value < level


def true_parts(types: Types) -> VarianceParts:
    """The parts of the variance of a question's difference, from the chances themselves."""
    shares = np.array([share for share, _ in types])
    chances = np.array([chance for _, chance in types])
    differences = chances[:, 0] - chances[:, 1]
    between = float(shares @ differences**2 - (shares @ differences) ** 2)
    within = float(shares @ (chances * (1 - chances)).sum(axis=1))
    return VarianceParts(between + within, within)
