"""The sign-flip test: against all sign patterns, scipy and McNemar."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmc_lib.analysis import paired_comparison, permutation_test


def _table(seed: int, n: int, k: int, shift: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.random(n)[:, None] * 0.7
    return rng.random((n, k)) < chance + shift, rng.random((n, k)) < chance


@pytest.mark.parametrize("seed", range(6))
def test_it_counts_all_sign_patterns(seed: int) -> None:
    a, b = _table(seed, 10, 4)
    differences = a.sum(axis=1) - b.sum(axis=1)
    sums = np.array(list(itertools.product([1, -1], repeat=10))) @ differences
    expected = np.mean(np.abs(sums) >= abs(differences.sum()))
    assert permutation_test(a, b) == pytest.approx(expected, abs=1e-9)


def test_clusters_are_flipped_together() -> None:
    a, b = _table(3, 24, 2)
    clusters = np.repeat(np.arange(8), 3)
    sums = (a.sum(axis=1) - b.sum(axis=1)).reshape(8, 3).sum(axis=1)
    patterns = np.array(list(itertools.product([1, -1], repeat=8))) @ sums
    expected = np.mean(np.abs(patterns) >= abs(sums.sum()))
    assert permutation_test(a, b, clusters) == pytest.approx(expected, abs=1e-9)


def test_it_is_scipys_random_one() -> None:
    a, b = _table(1, 60, 8, shift=0.03)
    expected = stats.permutation_test(
        (a.mean(axis=1), b.mean(axis=1)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        rng=np.random.default_rng(0),
        vectorized=True,
    ).pvalue
    assert permutation_test(a, b) == pytest.approx(expected, abs=0.015)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_of_one_sample_it_is_mcnemars(answers: list[tuple[bool, bool]]) -> None:
    a, b = zip(*answers, strict=True)
    expected = paired_comparison(a, b).p_value
    assert permutation_test(a, b) == pytest.approx(expected, abs=1e-9)
    assert permutation_test(b, a) == pytest.approx(expected, abs=1e-9)


def test_a_plain_difference_has_the_smallest_p_value_that_is_told() -> None:
    assert permutation_test(np.ones(5_000, bool), np.zeros(5_000, bool)) == 1e-10


def test_many_questions_are_near_the_t_test() -> None:
    a, b = _table(8, 3_000, 4, shift=0.01)
    assert permutation_test(a, b) == pytest.approx(paired_comparison(a, b).p_value, abs=0.01)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="of one shape"):
        permutation_test([True], [True, False])
