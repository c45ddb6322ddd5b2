"""The interval and the test of a paired difference where the two models answered unequally often.

Questions as HLE's, most of them never solved (`draws.hle_chances`), at rates of 5% and 0.5%; as of a benchmark of middling
rates (`comparison.EQUAL`, `BETTER`); heavy tails, where one question in a hundred flips as a whole among others that hardly
differ; and clusters of log-normal sizes. "equal": both models have the same rate; the candidate is another model of the
family, or (0.5%) the same one again.

Promised: type I errors of at most 5.5%, from 40 questions on; an interval that misses the truth and is not marked as too
narrow (`PairedComparison.narrow`) in at most 6.5%, from 40 questions on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import paired_test
from performance.validity.comparison import BETTER, EQUAL
from performance.validity.draws import (
    TYPE_I,
    Types,
    hle_chances,
    lognormal_clusters,
    rates,
    row,
    sample,
    sibling,
)

#: Chances of candidate and reference of one evaluation, each (n,), and the clusters of its questions.
Chances = tuple[np.ndarray, np.ndarray, np.ndarray | None]
#: Samples of the candidate and of the reference.
RUNS = [(5, 1), (1, 5), (3, 2), (16, 1)]


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, truth, drawn, sizes in _populations(rng):
        for n in sizes:
            for k, m in RUNS if n < 2000 else RUNS[:1]:
                setting = f"n={n}, {k} and {m} samples, {name}"
                yield from _told(rng, partial(drawn, n), truth, (k, m), setting, repetitions)


def _populations(
    rng: np.random.Generator,
) -> Iterator[tuple[str, float, Callable[[int], Chances], tuple[int, ...]]]:
    """Name, true difference, what draws n questions, and for which n."""

    def family(n: int) -> Chances:
        base = hle_chances(rng, (n,), 0.05)
        return sibling(rng, base, 0.05), base, None

    def lost(n: int) -> Chances:
        other, base, _ = family(n)
        return other, np.where(rng.random(n) < 0.4, base, 0.0), None

    def rare(n: int) -> Chances:
        chance = np.where(rng.random(n) < 0.05, 0.1, 0.0)
        return chance, chance, None

    def flips(n: int) -> Chances:
        base = hle_chances(rng, (n,), 0.05)
        at = rng.random(n)
        return np.where(at < 0.01, 1.0, np.where(at < 0.02, 0.0, base)), np.where(at < 0.01, 0.0, np.where(at < 0.02, 1.0, base)), None  # fmt: skip

    def of(types: Types) -> Callable[[int], Chances]:
        shares = np.array([share for share, _ in types])
        chances = np.array([chance for _, chance in types])

        def drawn(n: int) -> Chances:
            kind = chances[rng.choice(len(types), size=n, p=shares)]
            return kind[:, 0], kind[:, 1], None

        return drawn

    def clusters(groups: int) -> Chances:
        labels = lognormal_clusters(rng, groups)
        candidate, base, _ = of(EQUAL)(groups)
        return candidate[labels], base[labels], labels

    better = float(np.subtract(*rates(BETTER)))
    yield "HLE 5%, equal", 0.0, family, (40, 100, 400, 2158)
    yield "HLE 5% against 2%", 0.03, lost, (40, 100, 400)
    yield "0.5%, equal", 0.0, rare, (100, 500)
    yield "one in 100 flips, equal", 0.0, flips, (100, 500)
    yield "equal", 0.0, of(EQUAL), (40, 200)
    yield "better", better, of(BETTER), (40, 200)
    yield "clusters, equal", 0.0, clusters, (30,)


def _told(
    rng: np.random.Generator,
    drawn: Callable[[], Chances],
    truth: float,
    samples: tuple[int, int],
    setting: str,
    repetitions: int,
) -> Iterator[dict[str, Any]]:
    missed = rejected = 0
    for _ in range(repetitions):
        candidate, base, clusters = drawn()
        test = paired_test(
            sample(rng, candidate, samples[0]), sample(rng, base, samples[1]), clusters
        )
        low, high = test.interval(0.05)
        missed += not low <= truth <= high and not test.hides((high - low) / 2, 0.05)
        rejected += test.p_value < 0.05
    value = missed / repetitions
    yield row("difference, missed unmarked", "miss", setting, value, (0.0, 0.065), repetitions)
    if not truth:
        yield row("t-test", "type I error", setting, rejected / repetitions, TYPE_I, repetitions)
