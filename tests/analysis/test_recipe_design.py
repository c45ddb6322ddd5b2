"""Designs with several trainings: what one checkpoint hides, what more trainings find, and what to add next."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.analysis.recipe_design import (
    OWN,
    Costs,
    detectable_effect,
    effect_power,
    next_step,
    one_checkpoint_misleads,
)
from llmc_lib.analysis.variance import VarianceParts, assumed_parts

RNG = np.random.default_rng(11)


def _answers(n: int, k: int, trainings: int, spread: float) -> list[np.ndarray]:
    """A base, then trainings that are 10 points better."""
    chance = RNG.beta(1, 1, n) * 0.6 + 0.1
    shifts = [0.0, *(0.1 + spread * RNG.standard_normal(trainings))]
    return [RNG.random((n, k)) < np.clip(chance + shift, 0, 1)[:, None] for shift in shifts]


def test_a_verdict_on_one_checkpoint_says_little_of_the_recipe() -> None:
    parts = VarianceParts(0.11, None)
    found = [one_checkpoint_misleads(spread, 2158, parts) for spread in (0.0, 0.005, 0.01, 0.03)]
    assert found[0] == pytest.approx(0.05, abs=0.002)
    assert found == sorted(found)
    # As many as a normal distribution with both spreads has beyond the critical value of one of them.
    error = np.sqrt(0.11 / 2158)
    assert found[2] == pytest.approx(
        2 * stats.norm.sf(1.96 * error / np.hypot(error, 0.01)), abs=0.01
    )


def test_of_unequal_numbers_of_samples_more_of_them_are_no_option() -> None:
    base, *models = _answers(200, 4, 3, 0.01)
    assert {option.kind for option in next_step(models, base).options} == {
        "trainings",
        "questions",
        "samples",
    }
    found = next_step(models, base[:, :1])
    assert {option.kind for option in found.options} == {"trainings", "questions"}
    assert all(0 < option.half <= found.half for option in found.options)


def test_trainings_that_differ_wildly_have_a_number_too() -> None:
    for parts in (VarianceParts(0.3, None), VarianceParts(0.1, 0.2), VarianceParts(0.3, None, 4.0)):
        found = [one_checkpoint_misleads(spread, 300, parts) for spread in (0.02, 0.13, 0.2, 0.49)]
        assert all(found[0] < later < 1 for later in found[1:])


def test_more_trainings_find_smaller_effects() -> None:
    parts = assumed_parts(0.2)
    found = [detectable_effect(count, 0.01, 2158, parts) for count in (2, 3, 4, 5, 8)]
    assert found == sorted(found, reverse=True)
    assert effect_power(found[2], 4, 0.01, 2158, parts) == pytest.approx(0.8, abs=1e-3)
    many = detectable_effect(500, 0.0, 2158, parts)
    shared = (1 - OWN) * parts.total / 2158
    assert many == pytest.approx(2.8 * np.sqrt(shared), rel=0.02)
    # Two trainings know so little of their spread that only large effects are found.
    assert found[0] > 3 * found[1]


def test_where_the_next_hour_goes() -> None:
    base, *models = _answers(400, 4, 3, 0.05)
    cheap = next_step(models, base, Costs(training=60.0, answer=0.01))
    assert cheap.best == "trainings"
    assert cheap.seconds == 3600.0
    numbers = {option.kind: option.number for option in cheap.options}
    assert numbers["trainings"] == 3 + int(3600 / (60 + 16))
    assert numbers["questions"] == 400 + 3600 * 100 / 4 / 4
    assert numbers["samples"] == 4 + 3600 * 100 // 4 // 400
    dear = next_step(models, base, Costs(training=36_000.0, answer=0.01))
    assert dear.seconds == 36_016.0  # as long as one more training takes
    assert {o.kind: o.number for o in dear.options}["trainings"] == 4
    assert all(option.half <= cheap.half for option in cheap.options)


def test_trainings_that_do_not_differ_call_for_questions() -> None:
    base, *models = _answers(200, 4, 5, 0.0)
    found = next_step(models, base, Costs(training=36_000.0, answer=1.0))
    assert found.best == "questions"
    left = next_step(models, base, more_questions=False, more_samples=False)
    assert [option.kind for option in left.options] == ["trainings"]
    assert left.seconds is None
    assert left.options[0].number == 10
    one = next_step([m[:, 0] for m in models], base[:, 0])
    assert [option.kind for option in one.options] == ["trainings", "questions"]
