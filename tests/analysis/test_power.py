"""What a design can show: against enumeration, statsmodels, and the simulated power of the exact test."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from llmc_lib.analysis import detectable_difference, paired_comparison
from llmc_lib.analysis.power import mcnemar_power, power, t_power
from llmc_lib.analysis.variance import VarianceParts


@pytest.mark.parametrize(
    ("n", "difference", "discordance"), [(8, 0.3, 0.6), (12, -0.2, 0.5), (7, 1.0, 1.0)]
)
def test_mcnemars_power_is_the_sum_over_all_tables(
    n: int, difference: float, discordance: float
) -> None:
    gain, loss = (discordance + difference) / 2, (discordance - difference) / 2
    total = 0.0
    for gained, lost in itertools.product(range(n + 1), repeat=2):
        if gained + lost <= n and (
            gained + lost and stats.binomtest(gained, gained + lost).pvalue <= 0.05
        ):
            rest = n - gained - lost
            total += stats.multinomial.pmf([gained, lost, rest], n, [gain, loss, 1 - gain - loss])
    assert mcnemar_power(difference, n, discordance) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("discordant", [0.1, 0.4])
def test_the_difference_is_found_with_the_promised_power(discordant: float) -> None:
    n, rounds = 500, 4_000
    difference = detectable_difference(n, discordant)
    gained, lost = (discordant + difference) / 2, (discordant - difference) / 2
    tables = np.random.default_rng(11).multinomial(n, [gained, lost, 1 - discordant], rounds)
    p_values = {
        (g, k): stats.binomtest(g, g + k).pvalue for g, k in {tuple(t[:2]) for t in tables.tolist()}
    }
    found = np.mean([p_values[g, k] < 0.05 for g, k, _ in tables.tolist()])
    assert abs(found - 0.8) <= 0.02


@pytest.mark.parametrize(("n", "difference", "variance"), [(30, 0.1, 0.05), (200, -0.02, 0.08)])
def test_the_power_of_several_samples_is_statsmodels(
    n: int, difference: float, variance: float
) -> None:
    expected = TTestPower().power(difference / variance**0.5, n, 0.05)
    assert t_power(difference, n, variance) == pytest.approx(expected, abs=1e-5)
    assert t_power(difference, 20_000, variance) == pytest.approx(
        TTestPower().power(difference / variance**0.5, 20_000, 0.05), abs=1e-4
    )


def test_millers_formula_worked_by_hand() -> None:
    # Section 5, the difference of 3 points, ω² = 1/9: (1.96 + 0.84)² · (1/9) / 0.03² = 969 questions.
    assert t_power(0.03, 969, 1 / 9) == pytest.approx(0.8, abs=0.002)
    # With 1/6 of sampling variance in each model and 10 samples: 1/9 + 2 / 60 for 1/9.
    parts = VarianceParts(1 / 9 + 2 / 6, 2 / 6)
    n = round(7.849 * (1 / 9 + 2 / 60) / 0.03**2)
    assert power(0.03, n, parts, 10) == pytest.approx(0.8, abs=0.002)


def test_the_exact_test_finds_a_little_less_than_the_normal_approximation() -> None:
    approximate = 2.801585 * (0.2 / 500) ** 0.5
    assert approximate < detectable_difference(500, 0.2) < 1.05 * approximate
    assert detectable_difference(10**6, 0.2) == pytest.approx(
        2.801585 * (0.2 / 10**6) ** 0.5, rel=0.01
    )


def test_more_questions_find_less_and_no_promise_is_impossible() -> None:
    found = [detectable_difference(n, 0.2) for n in (1, 5, 6, 10, 100, 1_000, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[1] == 1  # five discordant questions are never significant
    assert found[2] < 1
    # No discordant question was seen: a difference needs some, and 8 of 100 are found.
    assert detectable_difference(100, 0) == pytest.approx(0.078, abs=0.001)
    assert mcnemar_power(0.0, 100, 0.0) == 0
    assert (t_power(0.1, 1, 0.2), t_power(0.1, 9, 0.0), t_power(0.0, 9, 0.0)) == (0, 1, 0)


def test_a_verdicts_power_is_that_of_its_own_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 100, 4)) < 0.5
    found = paired_comparison(a, b)
    difference = detectable_difference(100, found.variance, test="paired_t")
    assert t_power(difference, 100, found.variance) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(("n", "rate"), [(0, 0.2), (-1, 0.2), (10, -0.1), (10, 1.1)])
def test_an_impossible_design_is_refused(n: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        detectable_difference(n, rate)


@pytest.mark.parametrize(("name", "value"), [("alpha", 0), ("alpha", 1), ("power", 1)])
def test_an_impossible_level_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} .* between 0 and 1"):
        detectable_difference(10, 0.2, **{name: value})  # type: ignore[arg-type]


def test_no_design_has_a_power_that_is_not_a_number() -> None:
    # Among these are places where the library's noncentral t is none.
    for n in (2, 50, 500, 2_500, 9_999):
        found = [t_power(difference, n, 0.00157) for difference in np.linspace(0, 0.2, 400)]
        assert np.isfinite(found).all()
        assert np.all(np.diff(found) > -1e-9)
