"""What a design can show: against enumeration, statsmodels, and the simulated power of the mid-p test."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from llmc_lib.analysis import (
    detectable,
    detectable_difference,
    difference_variance_parts,
    paired_comparison,
)
from llmc_lib.analysis.power import mcnemar_power, power, t_power
from llmc_lib.analysis.simultaneous import level_of
from llmc_lib.analysis.variance import VarianceParts


def _mid_p(gained: int, lost: int) -> float:
    """By its definition: the exact p-value less the chance of the split that was seen."""
    m = gained + lost
    if gained == lost:
        return 1.0
    return float(stats.binomtest(gained, m).pvalue - stats.binom.pmf(gained, m, 0.5))


@pytest.mark.parametrize(
    ("n", "difference", "discordance"), [(8, 0.3, 0.6), (12, -0.2, 0.5), (7, 1.0, 1.0)]
)
def test_mcnemars_power_is_the_sum_over_all_tables(
    n: int, difference: float, discordance: float
) -> None:
    gain, loss = (discordance + difference) / 2, (discordance - difference) / 2
    total = 0.0
    for gained, lost in itertools.product(range(n + 1), repeat=2):
        if gained + lost <= n and _mid_p(gained, lost) < 0.05:
            rest = n - gained - lost
            total += stats.multinomial.pmf([gained, lost, rest], n, [gain, loss, 1 - gain - loss])
    assert mcnemar_power(difference, n, discordance) == pytest.approx(total, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("discordant", [0.1, 0.4])
def test_the_difference_is_found_with_the_promised_power(discordant: float) -> None:
    n, rounds = 500, 4_000
    difference = detectable_difference(n, discordant)
    gained, lost = (discordant + difference) / 2, (discordant - difference) / 2
    tables = np.random.default_rng(11).multinomial(n, [gained, lost, 1 - discordant], rounds)
    p_values = {(g, k): _mid_p(g, k) for g, k in {tuple(t[:2]) for t in tables.tolist()}}
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


@pytest.mark.slow
def test_the_mid_p_test_finds_about_what_the_normal_approximation_says() -> None:
    approximate = 2.801585 * (0.2 / 500) ** 0.5
    assert 0.98 * approximate < detectable_difference(500, 0.2) < 1.02 * approximate
    assert detectable_difference(10**6, 0.2) == pytest.approx(
        2.801585 * (0.2 / 10**6) ** 0.5, rel=0.01
    )


def test_more_questions_find_less_and_no_promise_is_impossible() -> None:
    found = [detectable_difference(n, 0.2) for n in (1, 5, 6, 10, 100, 1_000, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1
    assert 0.9 < found[1] < 1  # of five all must be gained: mid-p 1/32
    # No discordant question was seen: a difference needs some, and 7 of 100 are found.
    assert detectable_difference(100, 0) == pytest.approx(0.066, abs=0.002)
    assert mcnemar_power(0.0, 100, 0.0) == 0
    assert (t_power(0.1, 1, 0.2), t_power(0.1, 9, 0.0), t_power(0.0, 9, 0.0)) == (0, 1, 0)


@pytest.mark.parametrize(("candidates", "alone"), [(3, 0.66), (8, 0.53)])
def test_one_of_several_candidates_must_be_larger_to_be_found(
    candidates: int, alone: float
) -> None:
    # What is found 80% of the time alone is found 66% of it among three, and 51 to 54% among eight.
    n, discordance = 500, 0.2
    level = level_of(candidates)
    difference = detectable_difference(n, discordance)
    assert mcnemar_power(difference, n, discordance, level) == pytest.approx(alone, abs=0.03)
    larger = detectable_difference(n, discordance, level)
    assert mcnemar_power(larger, n, discordance, level) == pytest.approx(0.8, abs=0.01)
    assert larger > 1.1 * difference
    surer = detectable_difference(n, discordance, level, power=0.9)
    assert mcnemar_power(surer, n, discordance, level) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("test", ["paired_t", "sign_flip", "clustered_t"])
def test_no_difference_among_few_questions_is_not_a_design_that_finds_everything(test: Any) -> None:
    assert detectable_difference(60, 0.0, test=test) == pytest.approx(0.048, abs=0.002)
    assert power(0.01, 60, VarianceParts(0.0, 0.0), 4) < 0.2


def test_a_verdicts_power_is_that_of_its_own_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 100, 4)) < 0.5
    found = paired_comparison(a, b)
    difference = detectable_difference(100, found.variance, test="paired_t")
    assert t_power(difference, 100, found.variance) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(("n", "rate"), [(0, 0.2), (-1, 0.2), (10, -0.1), (10, 1.1)])
def test_an_impossible_design_is_refused(n: int, rate: float) -> None:
    with pytest.raises(ValueError, match=r"must be positive|must lie in \[0, 1\]"):
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


def test_of_clusters_their_number_counts_and_not_that_of_questions() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 20)) < [[0.6], [0.4]]
    text = np.repeat(np.arange(20), 10)  # ten questions on each, all right or all wrong
    alone = difference_variance_parts(a, b)
    parts = difference_variance_parts(a[text], b[text], text)
    assert parts.cluster_size == 10
    assert parts.total == pytest.approx(10 * alone.total)
    assert power(0.3, 200, parts) == pytest.approx(t_power(0.3, 20, alone.total))
    found = detectable(200, parts)
    assert found > 2 * detectable(200, difference_variance_parts(a[text], b[text]))
    compared = paired_comparison(a[text], b[text], clusters=text)
    variance = 20 * compared.standard_error**2
    assert detectable_difference(20, variance, test="paired_t") == pytest.approx(found, rel=0.01)
