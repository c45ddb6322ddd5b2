"""Unequal numbers of samples: against formulas, enumeration, and simulation of the regime where variances are too small."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmc_lib.analysis import (
    difference_variance_parts,
    missing_answers,
    paired_comparison,
    permutation_test,
    rerun,
    variance_parts,
)
from llmc_lib.analysis.summary.again import another_run
from llmc_lib.analysis.unequal import unequal_runs


def _drawn(seed: int, n: int, k: int, m: int, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.5, 1.5, n)
    better = chance + gain * (1 - chance)
    return rng.random((n, k)) < better[:, None], rng.random((n, m)) < chance[:, None]


def test_one_base_run_and_five_of_the_candidate() -> None:
    five, one = _drawn(1, 2_000, 5, 1, 0.05)
    found = paired_comparison(five, one)
    differences = five.mean(axis=1) - one.mean(axis=1)
    assert found.difference == pytest.approx(five.mean() - one.mean())
    assert found.standard_error == pytest.approx(differences.std(ddof=1) / np.sqrt(2_000))
    assert (found.test, found.n, found.groups) == ("unequal_t", 2_000, 2_000)
    assert found.gained == (differences > 0).sum()
    assert found.p_value == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, rel=0.05)


@pytest.mark.slow
@given(st.integers(0, 500), st.integers(2, 30), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_the_interval_leaves_out_0_where_the_test_rejects(
    seed: int, n: int, k: int, m: int, clustered: bool
) -> None:
    a, b = _drawn(seed, n, k, m + k, 0.3)
    clusters = np.arange(n) // 2 if clustered else None
    found = unequal_runs(a, b, clusters)
    for alpha in (0.2, 0.05, found.p_value * 0.99, min(0.99, found.p_value * 1.01)):
        low, high = found.interval(alpha)
        assert -1 <= low <= found.difference <= high <= 1
        assert (low > 0 or high < 0) == (found.p_value < alpha)


def test_the_models_exchanged_give_the_mirrored_interval() -> None:
    a, b = _drawn(3, 60, 5, 1)
    one, other = paired_comparison(a, b), paired_comparison(b, a)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p_value == pytest.approx(other.p_value)


def test_a_base_that_was_unlucky_once_proves_nothing() -> None:
    # Each of five questions is solved by one of six answers, by chance always by one of the candidate's five.
    a, b = np.zeros((500, 5), bool), np.zeros((500, 1), bool)
    a[:5, 0] = True
    found = unequal_runs(a, b)
    # Of one right answer among six the candidate's share is hypergeometric; its variance is the least that is taken.
    one = stats.hypergeom(6, 1, 5).var() * (1 / 5 + 1) ** 2
    assert found.error == pytest.approx(np.sqrt(5 * one) / 500)
    assert found.p_value > 0.2
    assert paired_comparison(a, b).low < 0


def test_models_that_agree_everywhere_may_differ_on_what_was_not_asked() -> None:
    found = paired_comparison(np.ones((40, 5)), np.ones((40, 1)))
    assert (found.difference, found.p_value) == (0, 1)
    assert found.low < -0.05 < 0.05 < found.high
    assert paired_comparison(np.ones((1, 5)), np.ones((1, 2))).low == -1


@pytest.mark.parametrize(("k", "m"), [(5, 1), (1, 4), (3, 2)])
@pytest.mark.parametrize("rare", [False, True])
def test_equal_models_are_found_different_in_5_percent_at_most(k: int, m: int, rare: bool) -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(600):
        chance = np.where(rng.random(80) < 0.1, 0.2, 0.0) if rare else rng.beta(0.3, 2.0, 80)
        a, b = (rng.random((80, size)) < chance[:, None] for size in (k, m))
        rejected += unequal_runs(a, b).p_value < 0.05
    assert rejected <= 600 * 0.05 + 2 * np.sqrt(600 * 0.05 * 0.95)


def test_the_permutation_test_counts_all_ways_to_exchange_a_questions_answers() -> None:
    a = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], bool)
    b = np.array([[0, 1], [0, 0], [1, 0], [1, 1]], bool)
    right = a.sum(axis=1) + b.sum(axis=1)
    chance: dict[int, float] = {}
    for given_ in product(range(4), repeat=4):
        weight = float(
            np.prod([stats.hypergeom.pmf(x, 5, r, 3) for x, r in zip(given_, right, strict=True)])
        )
        chance[sum(given_)] = chance.get(sum(given_), 0.0) + weight
    middle, seen = right.sum() * 3 / 5, int(a.sum())
    expected = sum(
        p for total, p in chance.items() if abs(total - middle) >= abs(seen - middle) - 1e-9
    )
    assert permutation_test(a, b) == pytest.approx(expected)
    assert np.isnan(permutation_test(a, b, np.array([0, 0, 1, 1])))


def test_missing_answers_of_unequal_runs_have_bounds() -> None:
    a, b = _drawn(4, 60, 5, 1)
    lacks_a, lacks_b = np.zeros_like(a), np.zeros_like(b)
    lacks_a[:3, :2], lacks_b[5:7] = True, True
    a, b = a & ~lacks_a, b & ~lacks_b
    found = missing_answers(a, b, lacks_a, lacks_b)
    assert found is not None
    assert (found.candidate, found.reference) == (6, 2)
    assert found.least.difference < paired_comparison(a, b).difference < found.most.difference
    assert found.complete is not None
    assert found.complete.n == 55


def test_the_variance_of_one_run_is_part_of_the_whole_and_not_told_apart() -> None:
    a, b = _drawn(5, 3_000, 4, 1)
    parts = difference_variance_parts(a, b)
    known = difference_variance_parts(*_drawn(5, 3_000, 4, 4))
    assert parts.within is None
    assert parts.total == pytest.approx(known.total, rel=0.1)
    again = rerun(a, b)
    assert again.basis == "bound"
    assert rerun(*_drawn(5, 3_000, 4, 2)).basis == "measured"
    # Two answers of the base in place of one: the noise that may be sampling is less.
    assert again.error > rerun(*_drawn(5, 3_000, 4, 2)).error


def test_the_next_run_lies_where_it_is_predicted() -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(300):
        chance = rng.beta(0.5, 1.5, 150)
        first, second = (
            [rng.random((150, size)) < chance[:, None] for size in (5, 2)] for _ in "ab"
        )
        found = rerun(*first)
        inside += found.low <= second[0].mean() - second[1].mean() <= found.high
    assert inside / 300 == pytest.approx(0.95, abs=0.035)


def test_another_run_helps_the_model_with_fewer_most() -> None:
    a, b = _drawn(7, 4_000, 5, 1)
    found = another_run(a, b)
    assert found is not None
    assert (found["helps_most"], found["assumed"]) == ("reference", "reference")
    assert found["reference"] < found["model"] < 1
    # What it says of the second run is what the second run does.
    _, two = _drawn(7, 4_000, 5, 2)
    now, then = paired_comparison(a, b).standard_error, paired_comparison(a, two).standard_error
    assert found["reference"] == pytest.approx(then / now, abs=0.03)
    assert another_run(a[:, :1], b) is None


def test_another_run_of_a_model_that_never_varies_helps_nothing() -> None:
    a, _ = _drawn(9, 300, 5, 1)
    fixed = np.repeat(a[:, :1], 2, axis=1)
    found = another_run(a, fixed)
    assert found is not None
    assert found["helps_most"] == "model"
    assert found["reference"] == 1.0
    assert variance_parts(fixed).within == 0
