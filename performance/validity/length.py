"""Coverage of the 95% intervals of accuracy by length and at smaller token limits, and of their differences.

A question's rate p of right answers is drawn from a beta distribution, the length of a completion is log-normal,
longer for harder questions (log-mean 8 - 1.5 p, log-deviation 0.7), and independent of the grade given p. Promised:
100 to 2,500 questions, 1 to 16 samples, an accuracy between 3% and 97% of at least 100 answers in a bin. Of two
models, one is as good as the other but writes half as much again: its difference at each limit is below 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.token_limit import limit_differences
from performance.validity.pass_at_k import blocks, coverage

_DEVIATION = 0.7
#: Questions, samples, mean rate, spread (a + b), tokens.
LIMITS = [(100, 1, 0.3, 1.0, 2_000), (300, 4, 0.1, 1.0, 1_500), (500, 16, 0.3, 0.5, 4_000), (2_500, 1, 0.1, 2.0, 1_000)]  # fmt: skip
#: The same, of completions between a half of these tokens and these.
BINS = [(500, 1, 0.3, 1.0, 2_000), (300, 4, 0.3, 1.0, 2_000), (300, 16, 0.15, 0.5, 3_000)]
DIFFERENCES = [(200, 1, 0.3, 1.0, 2_000), (300, 4, 0.3, 1.0, 2_000)]

Floats = NDArray[np.float64]


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """A row a setting; `repetitions` simulated evaluations each."""
    random = np.random.default_rng([seed, 3])
    for n, samples, mean, spread, limit in LIMITS:
        truth, _ = _truth(mean, spread, 0, limit)
        covered = []
        for size in blocks(repetitions, n * samples):
            right, tokens = _drawn(random, (n, size), samples, mean, spread)
            kept = (right & (tokens <= limit)).sum(axis=-1)
            _, low, high = clustered_rate(kept, samples)
            covered.append((low <= truth) & (truth <= high))
        setting = f"n={n}, k={samples}, {limit:,} tokens, true {truth:.1%}"
        yield coverage("accuracy at a token limit", setting, covered)
    for n, samples, mean, spread, longest in BINS:
        hits, share = _truth(mean, spread, longest // 2, longest)
        covered = []
        for size in blocks(repetitions, n * samples):
            right, tokens = _drawn(random, (n, size), samples, mean, spread)
            inside = (tokens > longest // 2) & (tokens <= longest)
            asked, good = inside.sum(axis=-1), (right & inside).sum(axis=-1)
            _, low, high = clustered_rate(good, asked)
            covered.append((low <= hits / share) & (hits / share <= high))
        setting = f"n={n}, k={samples}, up to {longest:,} tokens, true {hits / share:.1%}"
        yield coverage("accuracy in a bin of length", setting, covered)
    for n, samples, mean, spread, limit in DIFFERENCES:
        truth = _truth(mean, spread, 0, limit / 1.5)[0] - _truth(mean, spread, 0, limit)[0]
        held = np.zeros(repetitions, dtype=bool)
        for number in range(repetitions):
            rates = random.beta(mean * spread, (1 - mean) * spread, n)
            first, second = (_answers(random, rates, samples) for _ in range(2))
            found = limit_differences(
                {"base": first[0], "longer": second[0]},
                {"base": first[1], "longer": 1.5 * second[1]},
                limits=[limit],
            )
            held[number] = found["low"][0] <= truth <= found["high"][0]
        setting = f"n={n}, k={samples}, {limit:,} tokens, true {100 * truth:.1f} points"
        yield coverage("difference at a token limit", setting, [held])


def _drawn(
    random: np.random.Generator, shape: tuple[int, int], samples: int, mean: float, spread: float
) -> tuple[NDArray[np.bool_], Floats]:
    return _answers(random, random.beta(mean * spread, (1 - mean) * spread, shape), samples)


def _answers(
    random: np.random.Generator, rates: Floats, samples: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Grades and lengths, the samples in a last axis of their own."""
    shape = (*rates.shape, samples)
    right = random.random(shape) < rates[..., None]
    return right, np.exp(8 - 1.5 * rates[..., None] + _DEVIATION * random.standard_normal(shape))


def _truth(mean: float, spread: float, shortest: float, longest: float) -> tuple[float, float]:
    """The shares of answers that are right and of such a length, and that are of such a length."""
    # Even steps of probability; the midpoint rule then is the mean over questions.
    rates = stats.beta.ppf((np.arange(20_000) + 0.5) / 20_000, mean * spread, (1 - mean) * spread)
    middle = 8 - 1.5 * rates
    inside = stats.norm.cdf((math.log(longest) - middle) / _DEVIATION)
    if shortest:
        inside = inside - stats.norm.cdf((math.log(shortest) - middle) / _DEVIATION)
    return float((rates * inside).mean()), float(inside.mean())
