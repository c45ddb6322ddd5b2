"""What a rerun would most likely show, and which designs find what this one does not."""

from __future__ import annotations

import pytest

from llmc_lib.analysis import Thresholds, VarianceParts, needed
from llmc_lib.analysis.outlook import FEW_DIFFERING, needed_designs, samples_needed, stable
from llmc_lib.analysis.power import power
from llmc_lib.analysis.rerun import predict

LIMITS = Thresholds(smallest_interesting=0.02)
LEVEL = LIMITS.significance


def test_a_sign_is_stable_where_even_a_sceptic_expects_it_again() -> None:
    assert stable(predict(0.3, 500, 0.1, samples=4, score=False, basis="given"))
    assert not stable(predict(0.0, 500, 0.1, samples=4, score=False, basis="bound"))
    assert not stable(predict(0.01, 500, 0.1, samples=4, score=False, basis="bound"))


@pytest.mark.parametrize("difference", [0.014, 0.02, 0.03])
def test_samples_are_the_fewest_that_find_it(difference: float) -> None:
    parts = VarianceParts(0.12, 0.11)  # nearly all of it is sampling
    k = samples_needed(difference, 500, parts, LEVEL, 0.8)
    assert k is not None
    assert power(difference, 500, parts, k) >= 0.8
    assert k == 1 or power(difference, 500, parts, k - 1) < 0.8
    found = needed_designs(500, 1, parts, Thresholds(difference), level=LEVEL)
    if k > 1:
        assert found
        assert (found.designs[0].questions, found.designs[0].samples) == (None, k)


def test_where_samples_do_not_help_there_are_questions() -> None:
    parts = VarianceParts(0.12, 0.01)
    assert samples_needed(0.01, 500, parts, LEVEL, 0.8) is None
    found = needed_designs(500, 4, parts, Thresholds(0.01), level=LEVEL)
    assert found
    assert found.designs[0].samples is None
    assert found.designs[0].questions == int(needed(0.01, parts, (4,))["questions"][0])


def test_the_shrunken_difference_is_planned_for_where_it_is_smaller_than_what_matters() -> None:
    parts = VarianceParts(0.2, None)

    def sizes(shrunken: float | None) -> tuple[list[float], bool]:
        found = needed_designs(500, 1, parts, LIMITS, level=LEVEL, shrunken=shrunken)
        assert found
        assert [d.shrunken for d in found.designs] == [False, True][: len(found.designs)]
        return [d.size for d in found.designs], found.none_for_shrunken

    assert sizes(None) == ([0.02], False)
    assert sizes(-0.0063) == ([0.02, 0.0063], False)
    assert sizes(0.03) == ([0.02], False)
    assert sizes(0.0) == ([0.02], True)


def test_nothing_is_needed_or_known() -> None:
    found = VarianceParts(0.1, None)
    assert needed_designs(500, 1, found, Thresholds(0.2), level=LEVEL) is None
    assert needed_designs(500, 4, VarianceParts(0.0, 0.0), LIMITS, level=LEVEL) is None
    few = FEW_DIFFERING - 1
    assert (
        needed_designs(42, 1, VarianceParts(0.02, None), LIMITS, level=LEVEL, differing=few) is None
    )
    assert needed_designs(42, 1, VarianceParts(0.02, None), LIMITS, level=LEVEL, differing=few + 1)


def test_a_greedy_run_is_offered_no_further_samples() -> None:
    parts = VarianceParts(0.2, None)
    greedy, sampled = (
        needed_designs(500, 1, parts, LIMITS, level=LEVEL, greedy=greedy)
        for greedy in (True, False)
    )
    assert greedy
    assert sampled
    assert greedy.designs[0].questions == sampled.designs[0].questions
    assert greedy.designs[0].samples is None
    assert (sampled.designs[0].samples or 0) > 1
