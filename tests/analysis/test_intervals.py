"""Wilson's interval: against a published example, scipy, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from llmc_lib.analysis import wilson


def test_newcombes_published_example() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81/263, 15/148, 0/20, 1/29.
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


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
