"""Designs: what is needed has the power that was asked for, and no smaller one has."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import assumed_parts, detectable, needed, power_curve
from llmc_lib.analysis.power import power

PARTS = assumed_parts(0.18, 0.5, 0.3)


def test_what_is_needed_is_enough_and_not_too_much() -> None:
    table = needed(0.03, PARTS, (1, 4, 16), available=1_000)
    assert table["answers"].tolist() == (table["questions"] * table["samples"]).tolist()
    assert table["questions"].is_monotonic_decreasing
    assert table["enough"].tolist() == [False, True, True]
    for k, n, attained in zip(table["samples"], table["questions"], table["power"], strict=True):
        assert power(0.03, n, PARTS, k) == attained >= 0.8
        assert power(0.03, n - 5, PARTS, k) < 0.8


def test_the_sample_sizes_follow_millers_formula() -> None:
    table = needed(0.01, PARTS, (2, 8))
    for k, n in zip(table["samples"], table["questions"], strict=True):
        assert n == pytest.approx(7.849 * PARTS.of_mean(k) / 0.01**2, rel=0.001)


def test_the_detectable_difference_is_where_the_curve_crosses() -> None:
    for samples in (1, 4):
        found = detectable(500, PARTS, samples)
        curve = power_curve(500, PARTS, samples, [0, found, 1])
        assert curve["power"][1] == pytest.approx(0.8, abs=1e-3)
        assert curve["power"][2] == pytest.approx(1)
    whole = power_curve(500, PARTS)
    assert len(whole) == 61
    assert whole["power"].is_monotonic_increasing
    assert whole["power"].iloc[-1] == pytest.approx(0.99, abs=1e-3)
    assert np.all(whole["power"] >= 0)


@pytest.mark.parametrize("difference", [0, 1.5])
def test_an_impossible_difference_is_refused(difference: float) -> None:
    with pytest.raises(ValueError, match="must not be 0"):
        needed(difference, PARTS)


@pytest.mark.parametrize("target", [0, 1, 80])
def test_a_power_that_no_design_reaches_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        needed(0.05, PARTS, target=target)
