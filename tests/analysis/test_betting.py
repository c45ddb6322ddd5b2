"""Bets: fair by enumeration, valid at any time on tails as HLE's, and narrow to a point where the benchmark ends."""

import itertools

import numpy as np
import pytest

from llmc_lib.analysis.betting import Bets


@pytest.mark.parametrize("n", [1, 4, 8])
def test_the_capital_is_fair_enumerated(n: int) -> None:
    """Over all signs of n discordant questions its mean is 1, and it ever reaches 20 in at most 5% of them."""
    found = [Bets(np.array(signs), asked=n) for signs in itertools.product([-1.0, 1.0], repeat=n)]
    assert np.mean([bets.e_value for bets in found]) == pytest.approx(1)
    assert np.mean([bets.p_value <= 0.05 for bets in found]) <= 0.05


@pytest.mark.slow
def test_without_replacement_it_is_fair_enumerated() -> None:
    """Over all orders of a benchmark whose mean is 0."""
    orders = set(itertools.permutations([1.0, 1.0, -1.0, -1.0, 0.5, -0.5]))
    for n in (2, 4, 6):
        found = [Bets(np.array(order[:n]), asked=6, finite=True).e_value for order in orders]
        assert np.mean(found) == pytest.approx(1)


def test_concordant_questions_change_nothing_against_no_difference() -> None:
    signs = np.array([1.0, 1.0, -1.0, 1.0, 1.0])
    apart = Bets(signs, asked=50)
    among = Bets(np.concatenate([signs, np.zeros(20)]), asked=50)
    assert among.e_value == pytest.approx(apart.e_value)


def _heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Differences of 4 samples each as of questions that are hardly ever solved: nearly all 0, few large, no bias."""
    chances = rng.beta(0.08, 0.46, (2, n))
    return np.asarray(np.diff(rng.binomial(4, chances) / 4, axis=0)[0])


@pytest.mark.slow
def test_the_sequence_holds_the_mean_at_all_looks_on_heavy_tails() -> None:
    rng = np.random.default_rng(3)
    missed = sum(Bets(_heavy(rng, 300), asked=300).p_value < 0.05 for _ in range(1_000))
    assert missed <= 50  # 5%, of which 3% are used


@pytest.mark.slow
def test_the_finite_sequence_holds_what_the_benchmark_shows_and_ends_there() -> None:
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(30):
        all_ = _heavy(rng, 120)
        truth = all_.mean()
        ends = [Bets(all_[:n], asked=120, finite=True).interval() for n in (30, 60, 90, 115, 120)]
        missed += not all(low - 1e-6 <= truth <= high + 1e-6 for low, high in ends)
        widths = [high - low for low, high in ends]
        assert widths == sorted(widths, reverse=True)
        assert ends[-1] == pytest.approx((truth, truth), abs=1e-6)
    assert missed <= 4


def test_interval_and_p_value_agree() -> None:
    rng = np.random.default_rng(5)
    for gained in (0.1, 0.2, 0.4):
        found = Bets(rng.choice([1.0, -1.0, 0.0], p=[gained, 0.1, 0.9 - gained], size=150), 200)
        low, high = found.interval(0.05)
        assert (low > 0 or high < 0) == (found.p_value < 0.05)


@pytest.mark.parametrize("differences", [[], [0.0] * 11, [1.5], [float("nan")], [[0.0]]])
def test_what_are_no_differences_is_refused(differences: list[float]) -> None:
    with pytest.raises(ValueError, match="differences"):
        Bets(np.array(differences), asked=10)


@pytest.mark.slow
def test_a_stratified_order_errs_no_more_often() -> None:
    """Questions as `question_bank` orders them, of categories that differ from each other by far."""
    rng = np.random.default_rng(6)
    category = np.repeat([0, 1, 2, 3], [80, 40, 20, 20])
    gain = np.array([0.4, -0.2, -0.9, 0.9])[category]
    all_ = np.where(rng.random(160) < np.abs(gain), np.sign(gain), 0.0)
    missed = 0
    for _ in range(60):
        place = np.empty(160)
        for at in (np.flatnonzero(category == each) for each in range(4)):
            place[rng.permutation(at)] = (np.arange(len(at)) + rng.random()) / len(at)
        order = np.argsort(place)
        ends = [Bets(all_[order[:n]], 160, finite=True).interval() for n in (20, 60, 110)]
        missed += not all(low <= all_.mean() <= high for low, high in ends)
    assert missed <= 3
