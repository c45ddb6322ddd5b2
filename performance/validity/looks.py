"""Looks at an unfinished evaluation: is one of all of them wrong in at most 5% of the runs, and what do they cost?

Promised: with a look after every 20th question (or more often) any of one, or of 3, equal candidates is ever called
different in at most 5.5% of the runs, on questions as HLE's are, few of them and many, with clusters, planned and not; all
intervals of the looks hold at once in at least 93.5%; what a fixed design finds in 80% of the runs is found by unplanned looks in 75% or
more. Looks are far from independent of each other, so that coverage is above 95%. The same for answers that arrive in the order of their
length: performance/arrival.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from llmc_lib.analysis.betting import Bets
from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.sequential import Look, at_look
from llmc_lib.analysis.simultaneous import Family, family
from performance.validity.draws import (
    TYPE_I,
    hle_chances,
    lognormal_clusters,
    mixed_chances,
    row,
    sample,
    sibling,
)
from performance.validity.hle_candidates import told

MEAN = 0.15
_POPULATIONS = {"HLE": hle_chances, "mixed": mixed_chances}


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for k in (1, 4):
        hold = [_all_hold(rng, 500, k, 0.06) for _ in range(repetitions)]
        setting = f"HLE, n=500, k={k}, 5 points, 10 unplanned looks"
        yield row("all intervals", "coverage", setting, np.mean(hold), (0.935, 0.99), repetitions)
    repetitions //= 2  # of many looks each
    for name, n, k, looks in (
        ("HLE", 2158, 1, 108),
        ("HLE", 200, 1, 100),
        ("HLE", 60, 1, 60),
        ("HLE", 2158, 4, 54),
        ("HLE", 200, 4, 50),
        ("mixed", 300, 4, 50),
    ):
        found = [_found(_counts(rng, n, k, population=name), k, looks) for _ in range(repetitions)]
        setting = f"{name}, n={n}, k={k}, {looks} unplanned looks"
        yield row("any look", "type I error", setting, np.mean(found), TYPE_I, repetitions)
    for n, k in ((2158, 1), (300, 4)):
        found = [_found(_counts(rng, n, k), k, 5, planned=5) for _ in range(repetitions)]
        setting = f"HLE, n={n}, k={k}, 5 planned looks"
        yield row("any look", "type I error", setting, np.mean(found), TYPE_I, repetitions)
    yield from _clustered(rng, repetitions)
    found = [_any_of_3(rng) for _ in range(repetitions)]
    setting = "HLE, n=600, k=1, any of 3 candidates, 20 unplanned looks"
    yield row("any look", "type I error", setting, np.mean(found), TYPE_I, repetitions)
    found = [Bets(_counts(rng, 2158, 1), 2158).p_value < 0.05 for _ in range(repetitions)]
    setting = "HLE, n=2158, k=1, a look after every question"
    yield row("bets", "type I error", setting, np.mean(found), TYPE_I, repetitions)
    yield from _power(rng, repetitions)


def _counts(
    rng: np.random.Generator, n: int, k: int, learned: float = 0.0, population: str = "HLE"
) -> np.ndarray:
    """(n,): right answers of a sibling, which has learned a share of all questions, minus those of the reference."""
    draw = _POPULATIONS[population]
    base = draw(rng, (n,), MEAN)
    other = sibling(rng, base, MEAN, draw)
    other[rng.random(n) < learned] = 1.0
    right = sample(rng, np.stack([other, base]), k).sum(axis=-1)
    return np.asarray(right[0] - right[1])


def _at(n: int, looks: int) -> Iterator[tuple[int, float]]:
    for number in range(1, looks + 1):
        asked = round(n * number / looks)
        yield asked, number / looks


def _found(
    counts: np.ndarray,
    k: int,
    looks: int,
    *,
    planned: int = 0,
    clusters: np.ndarray | None = None,
) -> bool:
    """Does any of the looks reject?"""
    for asked, share in _at(len(counts), looks):
        level = Look(share, planned, alone=False).level(0.05)
        of = None if clusters is None else clusters[:asked]
        if asked > 1 and _p_value(counts[:asked], k, of) < level:
            return True
    return False


def _p_value(counts: np.ndarray, k: int, clusters: np.ndarray | None) -> float:
    if k > 1 or clusters is not None:
        return difference_test(counts, k, clusters).p_value
    return _of_counts(*(int(np.count_nonzero(of)) for of in (counts > 0, counts < 0)))


@cache
def _of_counts(gained: int, lost: int) -> float:
    """With one sample the same numbers of gained and lost questions come again; how many others there are does not matter."""
    return difference_test(np.repeat([1, -1, 0], [gained, lost, 1]), 1).p_value


def _clustered(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Clusters whose questions have one chance; they are asked in a random order of questions."""
    for groups, k in ((40, 1), (150, 4)):
        wrong = 0
        for _ in range(repetitions):
            clusters = lognormal_clusters(rng, groups)
            base = hle_chances(rng, (groups,), MEAN)
            chances = np.stack([sibling(rng, base, MEAN), base])[:, clusters]
            right = sample(rng, chances, k).sum(axis=-1)
            order = rng.permutation(len(clusters))
            wrong += _found((right[0] - right[1])[order], k, 20, clusters=clusters[order])
        setting = f"HLE, {groups} clusters of log-normal sizes, k={k}, 20 unplanned looks"
        yield row("any look", "type I error", setting, wrong / repetitions, TYPE_I, repetitions)


def _any_of_3(rng: np.random.Generator) -> bool:
    base = hle_chances(rng, (600,), MEAN)
    right = sample(rng, np.stack([base, *(sibling(rng, base, MEAN) for _ in range(3))]), 1)[..., 0]
    counts = (right[1:].astype(int) - right[0]).T
    for asked, share in _at(600, 20):
        seen = counts[:asked]

        def made(alpha: float, seen: np.ndarray = seen) -> Family:
            return family(seen.astype(float), alpha=alpha, draws=4_000)

        level = at_look(made, Look(share, alone=False), 0.05).level
        if min(_p_value(each, 1, None) for each in seen.T) < level:
            return True
    return False


def _all_hold(rng: np.random.Generator, n: int, k: int, learned: float) -> bool:
    """Do the intervals of all looks hold the true difference?"""
    counts, true = _counts(rng, n, k, learned), learned * (1 - MEAN)
    for asked, share in _at(n, 10):
        level = Look(share, alone=False).level(0.05)
        low, high = difference_test(counts[:asked], k).interval(level)
        if not low <= true <= high:
            return False
    return True


def _power(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Of a difference that one test of all questions finds in 80%."""
    n = 2158
    for k in (1, 4):
        learned = told(1, k)
        drawn = [_counts(rng, n, k, learned) for _ in range(repetitions)]
        size = f"HLE, n={n}, k={k}, {100 * learned * (1 - MEAN):.1f} points"
        for setting, value, allowed in (
            ("one look at all", [_p_value(c, k, None) < 0.05 for c in drawn], (0.77, 0.83)),
            ("5 planned looks", [_found(c, k, 5, planned=5) for c in drawn], (0.75, 0.83)),
            ("54 unplanned looks", [_found(c, k, 54) for c in drawn], (0.75, 0.83)),
            ("bets", [Bets(c / k, n).p_value < 0.05 for c in drawn], (0.52, 0.7)),
        ):  # fmt: skip
            yield row(
                "any look", "power", f"{size}, {setting}", np.mean(value), allowed, repetitions
            )
