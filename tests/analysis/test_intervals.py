"""Wilson's interval: against a published example, scipy, and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmc_lib.analysis import rate_interval, wilson
from llmc_lib.analysis.intervals import standard_error


def test_newcombes_published_example() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 15/148, 0/20, 1/29.
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.slow
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_scipys(case: tuple[int, int]) -> None:
    successes, n = case
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    found = wilson(successes, n)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found[0] <= successes / n <= found[1] <= 1


def test_more_confidence_is_wider() -> None:
    assert wilson(5, 20, alpha=0.01)[0] < wilson(5, 20)[0] < wilson(5, 20, alpha=0.2)[0]


def test_nothing_asked_is_nothing_known() -> None:
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (1, 0)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        wilson(successes, n)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.8])
def test_it_covers_the_truth(rate: float) -> None:
    counts = np.random.default_rng(3).binomial(200, rate, 2_000)
    bounds = {k: wilson(k, 200) for k in map(int, set(counts))}
    covered = np.mean([bounds[k][0] <= rate <= bounds[k][1] for k in map(int, counts)])
    assert 0.92 <= covered <= 0.985


def test_the_clustered_error_is_millers_equation_worked_by_hand() -> None:
    # Mean 0.5; sums of the clusters' deviations: 1, -1, 0. sqrt(2) / 6, times sqrt(3 / 2).
    values, clusters = [1, 1, 0, 0, 1, 0], list("aabbcc")
    error, groups = standard_error(values, clusters)
    assert error == pytest.approx(math.sqrt(2) / 6 * math.sqrt(1.5))
    assert groups == 3
    assert standard_error(values)[0] == pytest.approx(np.std(values, ddof=1) / math.sqrt(6))


def test_one_sample_is_wilsons_and_samples_that_agree_add_nothing() -> None:
    correct = np.arange(40) < 12
    assert rate_interval(correct) == wilson(12, 40)
    many = rate_interval(np.repeat(correct[:, None], 8, axis=1))
    assert many == pytest.approx(wilson(12, 40), abs=0.01)


def test_samples_that_are_all_noise_are_as_good_as_questions() -> None:
    correct = np.random.default_rng(1).random((200, 16)) < 0.3
    low, high = rate_interval(correct)
    expected = wilson(int(correct.sum()), correct.size)
    assert high - low == pytest.approx(expected[1] - expected[0], rel=0.15)


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_a_rate_at_the_end_of_the_scale_has_the_width_of_its_questions(n: int, value: bool) -> None:
    found = rate_interval(np.full((n, 8), value))
    assert found == pytest.approx(wilson(n * value, n))
    assert rate_interval(np.full((n, 8), value), clusters=np.zeros(n)) == (0, 1)


def test_clusters_that_agree_count_once() -> None:
    alone = np.random.default_rng(6).random(30) < 0.4
    correct, clusters = np.repeat(alone, 5), np.repeat(np.arange(30), 5)
    low, high = rate_interval(correct, clusters=clusters)
    assert low == pytest.approx(wilson(int(alone.sum()), 30)[0], abs=0.02)
    assert high - low > 2 * (wilson(int(correct.sum()), 150)[1] - correct.mean())


def test_no_question_is_nothing_known() -> None:
    assert rate_interval([]) == (0, 1)
