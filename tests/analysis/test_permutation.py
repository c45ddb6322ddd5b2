"""The sign-flip test: against all sign patterns, scipy and McNemar."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmc_lib.analysis import paired_comparison, permutation_test
from llmc_lib.analysis.permutation import _SHARES, SignFlip, _even_tails, _in_steps, _tails


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


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_of_one_sample_it_is_mcnemars_exact_one(answers: list[tuple[bool, bool]]) -> None:
    a, b = zip(*answers, strict=True)
    gained, lost = (sum(x > y for x, y in pairs) for pairs in (answers, [p[::-1] for p in answers]))
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert permutation_test(a, b) == pytest.approx(expected, abs=1e-9)
    assert permutation_test(b, a) == pytest.approx(expected, abs=1e-9)


def test_a_plain_difference_has_the_smallest_p_value_that_is_told() -> None:
    assert permutation_test(np.ones(5_000, bool), np.zeros(5_000, bool)) == 1e-10


def _brute(counts: np.ndarray, share: float, seen: int) -> tuple[float, float]:
    """P(Σ ± d ≥ seen) and P(> seen), each sign a gain with this chance, over all patterns."""
    as_far = farther = 0.0
    for signs in itertools.product([1, -1], repeat=len(counts)):
        chance = np.prod([share if sign > 0 else 1 - share for sign in signs])
        total = np.dot(signs, np.abs(counts))
        as_far, farther = as_far + chance * (total >= seen), farther + chance * (total > seen)
    return as_far, farther


@pytest.mark.parametrize("counts", [[4, 2, -1, 3], [2, 2, 2, 2], [-6, -3], [1, -1, 2, -4, 8, 3]])
def test_the_tails_at_other_shares_count_all_patterns(counts: list[int]) -> None:
    differences = np.array(counts)
    steps = _in_steps(differences)
    as_far, farther = _tails(*steps)
    for at in (0, 20, 40, 63, -1):
        expected = _brute(differences, float(_SHARES[at]), int(differences.sum()))
        assert (as_far[at], farther[at]) == pytest.approx(expected, abs=1e-9)
    expected = _brute(differences, 0.5, int(differences.sum()))
    assert _even_tails(*steps) == pytest.approx(expected, abs=1e-9)


def test_few_questions_gained_by_one_answer_each_are_no_finding() -> None:
    # The t-test says 0.045 "better"; four coins fall alike one time in eight.
    counts = np.r_[np.ones(4, int), np.zeros(96, int)]
    found = paired_comparison(_answers(counts, 4), np.zeros((100, 4), bool))
    assert found.test == "sign_flip"
    assert found.p_value == pytest.approx(0.125)
    assert found.low < 0 < found.difference < found.high


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 4, 16])
def test_the_interval_leaves_out_0_exactly_where_the_test_rejects(k: int) -> None:
    rng = np.random.default_rng(k)
    rejected = 0
    for _ in range(150):
        n = int(rng.integers(8, 90))
        counts = rng.integers(-k, k + 1, n) * (rng.random(n) < 0.3)
        counts = np.where(rng.random(n) < rng.random(), np.abs(counts), counts)
        flip = SignFlip(counts, np.full(n, float(k)))
        for alpha in (0.1, 0.05, 0.003):
            low, high = flip.interval(alpha)
            assert (low > 0 or high < 0) == (flip.p_value < alpha)
            assert low - 1e-9 <= counts.mean() / k <= high + 1e-9
            rejected += flip.p_value < alpha
        mirrored = SignFlip(-counts, np.full(n, float(k)))
        assert mirrored.p_value == pytest.approx(flip.p_value)
        assert mirrored.interval(0.05) == pytest.approx(tuple(-x for x in flip.interval(0.05)[::-1]))  # fmt: skip
    assert rejected > 20


def test_of_large_clusters_it_counts_in_steps_and_stays_near() -> None:
    rng = np.random.default_rng(6)
    counts = rng.integers(-900, 1_200, 25)
    flip = SignFlip(counts, np.full(25, 4_000.0))
    right = np.repeat(np.maximum(counts, 0), 1), np.repeat(np.maximum(-counts, 0), 1)
    columns = np.arange(1_200)
    exact = permutation_test(columns < right[0][:, None], columns < right[1][:, None])
    assert flip.p_value == pytest.approx(exact, abs=0.003)


def _answers(counts: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(np.arange(k) < counts[:, None])


def test_many_questions_are_near_the_t_test() -> None:
    a, b = _table(8, 3_000, 4, shift=0.01)
    assert permutation_test(a, b) == pytest.approx(paired_comparison(a, b).p_value, abs=0.01)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="the same questions"):
        permutation_test([True], [True, False])
