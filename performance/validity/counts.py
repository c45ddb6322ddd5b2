"""Coverage of the 95% interval of a difference of two means of counts, and how often its test finds one that is not there.

The counts are false claims of an answer: of a question's answers some make none at all (a share `silent`), the others a
number with a Poisson distribution whose mean varies between questions (gamma, shape 2), the same question's for both models but for
a factor. Promised: 90 to 1,000 questions, 1 to 4 answers each, from 0.05 to 3 counts an answer. Where few questions differ (90
questions with 0.05 each) the interval is on the wide side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.reinforced import mean_change
from performance.validity.draws import COVERAGE, TYPE_I, row

#: Questions, answers, counts an answer of the one model, factor of the other.
SETTINGS = [
    (90, 1, 0.3, 1.0),
    (90, 4, 0.3, 0.6),
    (315, 1, 0.3, 0.6),
    (315, 4, 0.3, 1.0),
    (315, 4, 3.0, 0.7),
    (1_000, 1, 0.05, 0.5),
]
FEW = (90, 1, 0.05, 1.0)
_WIDE = (0.935, 1.0)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """A row a setting; `repetitions` simulated evaluations each."""
    random = np.random.default_rng([seed, 7])
    for n, samples, mean, factor in [*SETTINGS, FEW]:
        truth = mean * (factor - 1)
        covered = found = 0
        for _ in range(repetitions):
            change = mean_change(
                _counts(random, rates := _rates(random, n, mean), samples, factor),
                _counts(random, rates, samples, 1.0),
                0.05,
            )
            covered += change.low <= truth <= change.high
            found += change.p_value < 0.05
        setting = f"n={n}, k={samples}, {mean:g} an answer, times {factor:g}"
        allowed = _WIDE if (n, samples, mean, factor) == FEW else COVERAGE
        what = "difference of counts"
        yield row(what, "coverage", setting, covered / repetitions, allowed, repetitions)
        if factor == 1:
            yield row(what, "type I error", setting, found / repetitions, TYPE_I, repetitions)


def _rates(random: np.random.Generator, n: int, mean: float, silent: float = 0.3) -> np.ndarray:
    """The mean count of an answer to each question."""
    found: np.ndarray = random.gamma(2.0, mean / (1 - silent) / 2, n)
    return found * (random.random(n) >= silent)


def _counts(
    random: np.random.Generator, rates: np.ndarray, samples: int, factor: float
) -> np.ndarray:
    counts: np.ndarray = random.poisson(rates[:, None] * factor, (len(rates), samples))
    return counts
