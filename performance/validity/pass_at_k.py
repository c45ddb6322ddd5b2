"""Coverage of the 95% intervals of pass@k and majority@k over questions and samples.

A question's rate of right answers is drawn from a beta distribution with a `mean` and a `spread` (its a + b: at
0.5 most questions are always or never solved, at 5 all are much alike). Promised: 100 to 2,500 questions, 4 to 16
samples, any k up to their number, from 5 questions on that can be expected to have a right answer (of 100, at 16 samples
and a rate of 2%). With fewer than 10 questions' worth of right answers it is on the wide side, up to 0.975. Not promised:
30 questions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.pass_at_k import question_majority, question_pass_at_k
from performance.validity.draws import COVERAGE, WIDE, row

#: Questions, mean rate, spread, samples K, tries k.
PASS = [
    (100, 0.02, 0.5, 16, 1),
    (100, 0.05, 0.5, 16, 4),
    (100, 0.1, 1.0, 4, 1),
    (100, 0.3, 2.0, 8, 4),
    (300, 0.05, 0.5, 16, 4),
    (300, 0.5, 0.5, 8, 2),
    (500, 0.2, 5.0, 8, 8),
    (1_000, 0.1, 1.0, 16, 8),
    (2_500, 0.2, 1.0, 8, 4),
]
MAJORITY = [(100, 0.4, 1.0, 8, 3), (300, 0.2, 2.0, 8, 4), (300, 0.5, 5.0, 5, 5)]
_WRONG = 3  # wrong answers to a question, equally likely
_BLOCK = 2_000_000  # questions drawn at a time


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """A row a setting; `repetitions` simulated evaluations each."""
    random = np.random.default_rng([seed, 1])
    for n, mean, spread, samples, k in PASS:
        a, b = mean * spread, (1 - mean) * spread
        truth = 1 - math.exp(special.betaln(a, b + k) - special.betaln(a, b))
        covered = []
        for size in blocks(repetitions, n):
            right = random.binomial(samples, random.beta(a, b, (n, size)))
            covered.append(covers(question_pass_at_k(right, samples, k), truth))
        yield coverage("pass@k", f"n={n}, K={samples}, k={k}, true {truth:.1%}", covered, n * truth)
    for n, mean, spread, samples, k in MAJORITY:
        a, b = mean * spread, (1 - mean) * spread
        truth = true_majority(a, b, k)
        covered = []
        for size in blocks(repetitions, n):
            rates = random.beta(a, b, (n, size))
            chances = np.stack([rates, *[(1 - rates) / _WRONG] * _WRONG], axis=-1)
            votes = random.multinomial(samples, chances)
            covered.append(covers(_majority(votes, samples)[..., k], truth))
        yield coverage(
            "majority@k", f"n={n}, K={samples}, k={k}, true {truth:.1%}", covered, n * truth
        )


def true_majority(a: float, b: float, k: int) -> float:
    """majority@k of questions whose rate is of a beta distribution, by each outcome of k votes."""
    total = 0.0
    for votes in itertools.product(range(k + 1), repeat=_WRONG + 1):
        if sum(votes) != k or votes[0] < max(votes):
            continue
        ways = math.factorial(k) / math.prod(map(math.factorial, votes))
        chance = math.exp(special.betaln(a + votes[0], b + k - votes[0]) - special.betaln(a, b))
        total += ways * chance / _WRONG ** (k - votes[0]) / votes.count(votes[0])
    return total


def _majority(votes: NDArray[np.int64], samples: int) -> NDArray[np.float64]:
    """majority@k for k = 0 to K of each question, whose first column of votes is the right answer's."""
    flat = votes.reshape(-1, _WRONG + 1)
    flat = np.column_stack([flat[:, 0], np.sort(flat[:, 1:], axis=1)])
    code = flat @ ((samples + 1) ** np.arange(_WRONG + 1))
    _, first, back = np.unique(code, return_index=True, return_inverse=True)
    table = [
        question_majority(
            samples,
            tuple((int(n), float(place == 0)) for place, n in enumerate(kind) if n),
        )
        for kind in flat[first]
    ]
    return np.asarray(np.array(table)[back].reshape(*votes.shape[:-1], samples + 1))


def covers(values: NDArray[np.float64], truth: float) -> NDArray[np.bool_]:
    """Does the interval of each evaluation, (questions, evaluations), hold the truth?"""
    _, low, high = clustered_rate(values)
    return np.asarray((low <= truth) & (truth <= high))


def blocks(repetitions: int, n: int) -> Iterator[int]:
    """Sizes of parts of the repetitions that fit in memory."""
    size = max(1, _BLOCK // n)
    for start in range(0, repetitions, size):
        yield min(size, repetitions - start)


def coverage(
    what: str, setting: str, covered: list[NDArray[np.bool_]], right: float = math.inf
) -> dict[str, Any]:
    """A row of coverage, where `right` questions' worth of right answers are expected."""
    found = np.concatenate(covered)
    allowed = WIDE if right < 10 else COVERAGE
    return row(f"{what}: 95% interval", "coverage", setting, found.mean(), allowed, len(found))
