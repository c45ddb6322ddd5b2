"""What a design can show: against the simulated power of the exact test."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import detectable_difference, paired_comparison


@pytest.mark.parametrize("discordant", [0.1, 0.2, 0.4])
def test_the_difference_is_found_with_the_promised_power(discordant: float) -> None:
    n, rounds = 500, 1_500
    difference = detectable_difference(n, discordant)
    gained, lost = (discordant + difference) / 2, (discordant - difference) / 2
    tables = np.random.default_rng(11).multinomial(n, [gained, lost, 1 - discordant], rounds)
    p_values = {
        (int(g), int(k)): paired_comparison(
            [True] * g + [False] * (n - g), [False] * g + [True] * k + [False] * (n - g - k)
        ).p_value
        for g, k in {tuple(table[:2]) for table in tables.tolist()}
    }
    found = np.mean([p_values[g, k] < 0.05 for g, k, _ in tables.tolist()])
    assert abs(found - 0.8) <= 0.05


def test_the_formula_worked_by_hand() -> None:
    # (1.959964 + 0.841621) · sqrt(0.2 / 500)
    assert detectable_difference(500, 0.2) == pytest.approx(2.801585 * 0.02, abs=1e-6)


def test_more_questions_find_less_and_no_promise_is_impossible() -> None:
    found = [detectable_difference(n, 0.2) for n in (1, 10, 100, 1_000, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1
    assert detectable_difference(100, 0) > 0


@pytest.mark.parametrize(("n", "rate"), [(0, 0.2), (-1, 0.2), (10, -0.1), (10, 1.1)])
def test_an_impossible_design_is_refused(n: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        detectable_difference(n, rate)
