"""Bounds over uncertain keys, and the fewest wrong keys that turn a word."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.keys import (
    NEVER,
    UNKNOWN,
    answer_classes,
    fewest_keys,
    key_bounds,
)
from llmc_lib.analysis.verdict import Thresholds, verdict

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Models = tuple[Bools, Bools, Ints, Ints]


def test_answers_of_one_text_and_right_ones_are_together() -> None:
    texts = np.array([["1/2", "0.5", " x  y", "x y"], ["", "", "7", "7"]], dtype=object)
    correct = np.array([[True, True, False, False], [True, False, False, False]])
    possible = np.array([[True] * 4, [True, True, True, False]])
    (half, also, first, second), (right, unknown, seven, never) = answer_classes(
        texts, correct, possible
    )
    assert half == also
    assert first == second != half
    assert (unknown, never) == (UNKNOWN, NEVER)
    assert len({half, first, right, seven}) == 4


def _keyed(classes: Ints, chosen: frozenset[int]) -> NDArray[np.bool_]:
    return np.isin(classes, list(chosen))


def _worlds(a: Ints, b: Ints) -> Iterator[float]:
    """The differences under every key of every question."""
    of_question = []
    for mine, other in zip(a, b, strict=True):
        names = sorted({*mine, *other} - {NEVER, UNKNOWN})
        free = int((mine == UNKNOWN).sum()), int((other == UNKNOWN).sum())
        found = set()
        for size in range(len(names) + 1):
            for chosen in itertools.combinations(names, size):
                sure = int(np.isin(mine, chosen).sum()) - int(np.isin(other, chosen).sum())
                found |= {sure + x - y for x in range(free[0] + 1) for y in range(free[1] + 1)}
        of_question.append(found)
    yield from (sum(world) / a.size for world in itertools.product(*of_question))


@pytest.mark.parametrize("samples", [1, 3])
def test_the_bounds_are_the_least_and_the_largest_of_all_keys(samples: int) -> None:
    rng = np.random.default_rng(samples)
    for _ in range(30):
        n = 4
        raw = rng.integers(-2, 3, (2, n, samples))
        a, b = (np.where(x >= 0, x + 10 * np.arange(n)[:, None], x) for x in raw)
        right = [np.where(x >= 0, x % 10 == 0, False) for x in (a, b)]
        found = key_bounds(right[0], right[1], a, b, np.ones(n, dtype=bool))
        worlds = list(_worlds(a, b))
        assert found.n == n
        assert found.least.difference == pytest.approx(min(worlds))
        assert found.most.difference == pytest.approx(max(worlds))


def test_only_uncertain_keys_move() -> None:
    right = np.array([True, False, True, False])
    other = np.array([False, False, True, True])
    a, b = np.array([0, 3, 5, 8]), np.array([1, 3, 5, 7])
    nothing = key_bounds(right, other, a, b, np.zeros(4, dtype=bool))
    assert (nothing.least.difference, nothing.most.difference) == (0.0, 0.0)
    first = key_bounds(right, other, a, b, np.array([True, False, False, False]))
    assert (first.least.difference, first.most.difference) == (-0.5, 0.0)
    with pytest.raises(ValueError, match="shapes differ"):
        key_bounds(right, other, a, b, np.ones(3, dtype=bool))


def _models(both: int, gained: int, lost: int, neither: int) -> Models:
    """Right and wrong of two models that never give the same wrong answer, and the classes of their answers."""
    counts = (both, gained, lost, neither)
    a = np.repeat([True, True, False, False], counts)
    b = np.repeat([True, False, True, False], counts)
    at = 3 * np.arange(len(a))
    return a, b, np.where(a, at, at + 1), np.where(b, at, at + 2)


def _word(gained: int, lost: int, n: int, thresholds: Thresholds) -> str:
    a, b = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    a[:gained], b[gained : gained + lost] = True, True
    found = paired_comparison(a, b, thresholds.significance)
    return verdict(found, thresholds)


@pytest.mark.parametrize("cells", [(4, 9, 1, 6), (6, 8, 3, 3), (2, 3, 3, 12), (10, 1, 0, 9)])
def test_the_fewest_keys_are_those_of_all_ways_to_turn_them(
    cells: tuple[int, int, int, int],
) -> None:
    thresholds, n = Thresholds(smallest_interesting=0.2), sum(cells)
    found = fewest_keys(*_models(*cells), thresholds)
    assert found is not None
    assert found.exact
    _, gained, lost, _ = cells
    present = _word(gained, lost, n, thresholds)
    # Every key can be turned in every way here, but that both are right: each question is gained, lost or neither.
    steps = [(-1, 1), (1, -1), (-1, 0), (0, -1), (1, 0), (0, 1)]
    reached = {(gained, lost)}
    for w in range(found.n + 1):
        words = {_word(g, x, n, thresholds) for g, x in reached}
        if w < found.n:
            assert words == {present}
        else:
            assert found.word in words - {present}
        reached |= {
            (g + i, x + j)
            for g, x in reached
            for i, j in steps
            if g + i >= 0 and x + j >= 0 and g + i + x + j <= n
        }


def test_answers_that_agree_cannot_be_turned() -> None:
    """Both models give the same answers wherever neither is right alone: only the discordant keys can be wrong."""
    a, b, of_a, of_b = _models(50, 12, 2, 136)
    shared = np.where(a == b, of_a, of_b)
    found = fewest_keys(a, b, of_a, shared, Thresholds())
    free = fewest_keys(a, b, of_a, of_b, Thresholds())
    assert found is not None
    assert free is not None
    assert free.n <= found.n
    same = np.zeros(40, dtype=bool), np.zeros(40, dtype=bool), np.arange(40), np.arange(40)
    assert fewest_keys(*same, Thresholds(smallest_interesting=0.2)) is None


def test_of_several_samples_the_number_is_enough() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((120, 4)) < 0.55, rng.random((120, 4)) < 0.4
    at = 3 * np.arange(120)[:, None]
    found = fewest_keys(a, b, np.where(a, at, at + 1), np.where(b, at, at + 2), Thresholds())
    assert found is not None
    assert not found.exact
    assert verdict(paired_comparison(a, b), Thresholds()) == "better"
    # The keys with the largest effect: the answer is that of the reference wherever it was wrong.
    worst = np.argsort(np.minimum(0, -(~b).sum(axis=1)) - a.sum(axis=1) + b.sum(axis=1), kind="stable")  # fmt: skip

    def word(n: int) -> str:
        turned, other = a.copy(), b.copy()
        turned[worst[:n]], other[worst[:n]] = False, ~b[worst[:n]]
        return verdict(paired_comparison(turned, other), Thresholds())

    assert 1 <= found.n <= 60
    assert word(found.n) == found.word != "better"
    assert word(found.n - 1) == "better"


@pytest.mark.slow
def test_a_robust_verdict_takes_more_than_are_searched_one_by_one() -> None:
    found = fewest_keys(*_models(200, 260, 20, 520), Thresholds())
    assert found is not None
    assert found.n > 24
    assert not found.exact
    assert _word(260, 20, 1000, Thresholds()) == "better"


def test_answers_without_any_class_have_their_bounds() -> None:
    none_right = np.zeros((8, 1), bool)
    nothing, unknown = np.full((8, 1), NEVER), np.full((8, 1), UNKNOWN)
    found = key_bounds(none_right, none_right, unknown, nothing, np.ones(8, bool))
    assert (found.least.difference, found.most.difference) == (0.0, 1.0)
