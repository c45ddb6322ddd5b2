"""A difference over questions and prompts: does the interval cover where both are random, does the interaction keep its level?

Two models on questions as HLE's are; a prompt shifts the difference of all questions (normal, its standard deviation is given in
points) and adds its own noise to each question. Promised: the interval over prompts covers in 93.5% to 98.5% with two prompts (wider
than need be), whatever the prompts' standard deviation, and the test of "the difference depends on the prompt" errs in at most
5.5% where the prompts do not shift it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.crossed import crossed, interaction
from performance.validity.draws import TYPE_I, row

_PROMPTS = 2


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for n in (200, 2158):
        for points in (0.0, 1.0, 3.0):
            setting = f"n={n}, {_PROMPTS} prompts, sd {points:g} points"
            drawn = [_counts(rng, n, points / 100) for _ in range(repetitions)]
            held = [found.low <= 0 <= found.high for found in map(crossed, drawn)]
            what = "difference over prompts"
            yield row(what, "coverage", setting, np.mean(held), (0.935, 0.985), repetitions)
            if not points:
                found = [
                    interaction(counts[:, 0], counts[:, 1], 1).p_value < 0.05 for counts in drawn
                ]
                what = "depends on the prompt"
                yield row(what, "type I error", setting, np.mean(found), TYPE_I, repetitions)


def _counts(rng: np.random.Generator, n: int, spread: float) -> np.ndarray:
    """(n, prompts): right answers of the candidate minus those of the reference, -1, 0 or 1, with the true mean 0 over prompts."""
    of_question = rng.choice([-0.3, 0.0, 0.3], size=(n, 1), p=[0.15, 0.7, 0.15])
    mean = of_question + spread * rng.standard_normal(_PROMPTS)
    either = 0.04 + np.abs(mean)  # discordant by noise, or by more than that
    drawn = rng.random((n, _PROMPTS))
    up = np.clip((either + mean) / 2, 0, 1)
    return (drawn < up).astype(int) - (drawn > 1 - np.clip((either - mean) / 2, 0, 1))
