"""The interval and the test of a paired difference where most questions are never solved, as HLE's are.

Questions: `draws.hle_chances`, and for several samples `draws.mixed_chances` beside it. The candidate is another model
of the family. "equal": both have a rate of 5%. "5% against 2%": the reference has lost 60% of what it could solve.
"2% learned": the candidate solves 2% of all questions in all samples, whatever they were.

Promised: type I errors of at most 5.5%; coverage of at least 93.5%, or an interval that is marked as too narrow
(`PairedComparison.narrow`): where the models differ on a kind of question so rare that hardly any of those asked is of
it no interval can hold without allowing for it everywhere. So what is counted is an interval that misses the truth and
is not marked, in at most 6.5%; the share that is marked is in the setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from performance.validity.draws import (
    TYPE_I,
    Found,
    compared,
    hle_chances,
    mixed_chances,
    of_counts,
    row,
    sample,
    sibling,
)

#: Questions, samples, what is true.
SETTINGS = [
    (100, 1, "equal"), (2158, 1, "equal"), (50, 16, "equal"), (100, 4, "equal"), (400, 8, "equal"),
    (1000, 4, "equal"), (2158, 4, "equal"),
    (100, 1, "5% against 2%"), (50, 16, "5% against 2%"), (100, 16, "5% against 2%"), (2158, 4, "5% against 2%"),
    (100, 1, "2% learned"), (50, 16, "2% learned"), (100, 16, "2% learned"), (400, 8, "2% learned"), (2158, 4, "2% learned"),
]  # fmt: skip
#: Where the second population could be harder: it has more questions that are solved now and then.
MIXED = [(50, 16, "equal"), (1000, 4, "equal"), (100, 16, "5% against 2%"), (100, 16, "2% learned"), (400, 8, "2% learned")]  # fmt: skip
MEAN = 0.05


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    for name, population in (("", hle_chances), (", mixed", mixed_chances)):
        rng = np.random.default_rng(seed)
        for n, k, case in SETTINGS if not name else MIXED:
            found, truth = simulated(rng, repetitions, n, k, case, population)
            setting = f"n={n}, k={k}{name}, {case}"
            yield from _told(found, truth, setting)
            if case == "equal":
                value = np.mean([test.p_value < 0.05 for test in found])
                yield row("paired test", "type I error", setting, value, TYPE_I, repetitions)


def simulated(
    rng: np.random.Generator, repetitions: int, n: int, k: int, case: str, population: Any
) -> tuple[list[Found], float]:
    """What simulated evaluations tell, and the true difference."""
    found, truth = [], 0.0
    for _ in range(repetitions):
        base = population(rng, (n,), MEAN)
        other = sibling(rng, base, MEAN, population)
        if case == "5% against 2%":
            base, truth = np.where(rng.random(n) < 0.4, base, 0.0), 0.03
        elif case == "2% learned":
            other, truth = np.where(rng.random(n) < 0.02, 1.0, other), 0.02 * (1 - MEAN)
        right = sample(rng, np.stack([other, base]), k).sum(axis=-1)
        counts = right[0] - right[1]
        if k == 1:
            found.append(of_counts(n, int((counts > 0).sum()), int((counts < 0).sum())))
        else:
            found.append(compared(counts, k))
    return found, truth


def _told(found: list[Found], truth: float, setting: str) -> Iterator[dict[str, Any]]:
    missed = np.array([not one.low <= truth <= one.high for one in found])
    narrow = np.array([one.narrow for one in found])
    setting += f" (covers {1 - missed.mean():.3f}, marked {narrow.mean():.2f})"
    value = np.mean(missed & ~narrow)
    yield row("difference, missed unmarked", "miss", setting, value, (0.0, 0.065), len(found))
