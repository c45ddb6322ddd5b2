"""Answers arrive by length: the beginning of the drawn order is what the look of performance/arrival.py is at."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.sequential import unplanned_level
from performance.arrival import N, ends, evaluation, hle, looks, p_values


def test_slots_are_refilled_in_the_drawn_order() -> None:
    assert ends(np.array([5.0, 1.0, 1.0, 9.0]), at_once=2).tolist() == [5.0, 1.0, 2.0, 11.0]


def test_its_p_values_are_those_of_the_package() -> None:
    counts = np.random.default_rng(0).choice([-1, 0, 0, 1, 1], size=60)
    expected = [difference_test(counts[:n], 1).p_value for n in range(1, 61)]
    np.testing.assert_allclose(p_values(counts), expected, rtol=1e-9)


def test_there_is_no_look_before_a_question_in_front_is_answered() -> None:
    counts, both = np.ones(30, int), np.arange(30.0)
    both[2] = 100.0
    found = looks(counts, both, np.full(30, 0.05))
    assert found["finished"][10]
    assert np.flatnonzero(found["beginning"]).tolist() == [29]


@pytest.mark.slow
def test_equal_models_are_rarely_called_different_though_short_answers_come_first() -> None:
    rng = np.random.default_rng(1)
    levels = np.array([unplanned_level((n + 1) / N) for n in range(N)])
    found = [evaluation(rng, *hle(rng), levels) for _ in range(40)]
    assert sum(each["beginning"].any() for each in found) <= 6
    assert sum(each["finished"].any() for each in found) >= 12
    assert np.mean([each["arrived"] for each in found]) < -0.01 < np.mean([each["first"] for each in found])  # fmt: skip
