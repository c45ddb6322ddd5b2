"""Each question twice: what a test makes of it that takes them for independent ones, and of clusters of two.

Two equal models of a family on HLE's population at a rate of 20%, one sample: a repeated question has the same chance, and is
answered anew ("sampled"), or it gets the same answer but for a share of 10% ("greedy"). Promised: with near duplicates as clusters the test errs in at most 5.5%; without it errs more (the rows
"taken for independent" show by how much, and are to lie above 6.5%).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import paired_comparison
from performance.validity.draws import TYPE_I, hle_chances, row, sample, sibling

_RATE = 0.2


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng, times = np.random.default_rng(seed), max(repetitions // 2, 1)
    for n, how, same in (
        (100, "greedy", 0.9),
        (500, "greedy", 0.9),
        (200, "sampled", 0.0),
        (1000, "sampled", 0.0),
    ):
        apart = together = 0
        labels = np.repeat(np.arange(n), 2)
        for _ in range(times):
            base = hle_chances(rng, (n,), _RATE)
            ours, theirs = (
                _twice(rng, chances, same) for chances in (sibling(rng, base, _RATE), base)
            )
            apart += paired_comparison(ours, theirs).p_value < 0.05
            together += paired_comparison(ours, theirs, clusters=labels).p_value < 0.05
        setting = f"{n} questions, each twice, {how}"
        yield row("clusters", "type I error", setting, together / times, TYPE_I, times)
        yield row(
            "taken for independent", "chance", setting, apart / times, (0.065, 0.2),
            times,
        )  # fmt: skip


def _twice(rng: np.random.Generator, chances: np.ndarray, same: float) -> np.ndarray:
    """(2 n,) bool: the answers to each question twice."""
    first = sample(rng, chances, 1)[:, 0]
    again = np.where(rng.random(len(chances)) >= same, sample(rng, chances, 1)[:, 0], first)
    return np.stack([first, again], axis=1).ravel()
