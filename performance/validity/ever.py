"""Twenty candidates one after the other, each in a run of its own against the same base on the same questions.

Promised, for any number of runs and wherever one stops: among candidates that are no better than the base some is ever
called better in at most 5% of the cases, by the levels of `analysis.ever.online_levels`, which `make site` goes by. Beside it what
each run's own verdict does. With a base that is sampled anew in each run the runs are nearly independent; with one set
of its answers for all of them they are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import adjust, difference_test
from llmc_lib.analysis.ever import online_levels
from performance.validity.draws import TYPE_I, hle_chances, row, sample, sibling

RUNS, QUESTIONS, MEAN = 20, 1000, 0.2
#: As many independent candidates at 2.5% on the better side: 1 - 0.975 ** 20 = 39.7%.
UNADJUSTED = (0.30, 0.45)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for again in (True, False):
        base = "a base sampled in each run" if again else "one set of the base's answers"
        found = [_runs(rng, again=again) for _ in range(repetitions)]
        for name, some, allowed in (
            ("each by itself", _alone, UNADJUSTED if again else (0.1, 0.45)),
            ("Holm, at the end", _holm, TYPE_I),
            ("Holm after each run, ever", _holm_ever, (0.0, 0.12)),
            ("spent in order, ever", _spent, TYPE_I),
        ):
            value = np.mean([some(p, gains) for p, gains in found])
            kind = "type I error" if allowed == TYPE_I else "chance"
            setting = f"some of {RUNS} null candidates is better, {base}"
            yield row(name, kind, setting, value, allowed, repetitions)


def _runs(rng: np.random.Generator, *, again: bool) -> tuple[list[float], np.ndarray]:
    """The p-values of the runs, and which differences are gains. Candidates are other models of the base's rate."""
    chances = hle_chances(rng, (QUESTIONS,), MEAN)
    base = sample(rng, chances, 1)[:, 0]
    p_values, gains = [], []
    for _ in range(RUNS):
        if again:
            base = sample(rng, chances, 1)[:, 0]
        candidate = sample(rng, sibling(rng, chances, MEAN), 1)[:, 0]
        p_values.append(_p(int((candidate & ~base).sum()), int((base & ~candidate).sum())))
        gains.append(candidate.sum() > base.sum())
    return p_values, np.array(gains)


@cache
def _p(gained: int, lost: int) -> float:
    counts = np.zeros(QUESTIONS, dtype=np.int64)
    counts[:gained], counts[gained : gained + lost] = 1, -1
    return difference_test(counts, 1).p_value


def _alone(p_values: list[float], gains: np.ndarray) -> bool:
    return bool((gains & (np.array(p_values) < 0.05)).any())


def _holm(p_values: list[float], gains: np.ndarray) -> bool:
    return bool((gains & (np.array(adjust(p_values)) < 0.05)).any())


def _holm_ever(p_values: list[float], gains: np.ndarray) -> bool:
    return any(_holm(p_values[:k], gains[:k]) for k in range(1, len(p_values) + 1))


def _spent(p_values: list[float], gains: np.ndarray) -> bool:
    levels = online_levels([[p if gain else 1.0] for p, gain in zip(p_values, gains, strict=True)])
    return bool((gains & (np.array(p_values) < np.array(levels))).any())
