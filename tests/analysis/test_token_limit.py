"""Accuracy at smaller token limits: by hand, by cutting each answer, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.token_limit import (
    limit_curve,
    limit_differences,
    order_changes,
    usual_limits,
)

DRAW = np.random.default_rng(1)
TOKENS = {m: np.round(DRAW.lognormal(7, 1, (120, 4))) for m in ("base", "tuned")}
RIGHT = {m: DRAW.random((120, 4)) < 0.4 for m in TOKENS}


def test_a_curve_worked_by_hand() -> None:
    curve = limit_curve(
        {"m": [True, True, False, True]}, {"m": [100, 200, 50, 400]}, [99, 100, 250, 400]
    )
    assert curve["rate"].tolist() == [0, 0.25, 0.5, 0.75]
    assert curve["cut"].tolist() == [0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize("limit", [200, 1_000, 5_000, 10**6])
def test_each_limit_is_what_cutting_gives(limit: int) -> None:
    curve = limit_curve(RIGHT, TOKENS, [10, limit])
    row = curve[(curve["model"] == "tuned") & (curve["limit"] == limit)].iloc[0]
    kept = RIGHT["tuned"] & (TOKENS["tuned"] <= limit)
    expected = clustered_rate(kept.sum(axis=1), 4)
    assert (row["rate"], row["low"], row["high"]) == pytest.approx([float(e) for e in expected])
    assert row["cut"] == pytest.approx((TOKENS["tuned"] > limit).mean())


def test_at_the_largest_limit_nothing_is_lost() -> None:
    curve = limit_curve(RIGHT, TOKENS)
    for model, part in curve.groupby("model"):
        assert part["rate"].is_monotonic_increasing
        assert part["cut"].is_monotonic_decreasing
        assert part["rate"].iloc[-1] == pytest.approx(RIGHT[str(model)].mean())
    assert curve["limit"].max() == max(t.max() for t in TOKENS.values())


def test_differences_are_paired_comparisons() -> None:
    table = limit_differences(RIGHT, TOKENS, limits=[500, 2_000])
    expected = paired_comparison(
        RIGHT["tuned"] & (TOKENS["tuned"] <= 500), RIGHT["base"] & (TOKENS["base"] <= 500)
    )
    row = table.iloc[0]
    assert (row["model"], row["reference"], row["limit"]) == ("tuned", "base", 500)
    assert (row["difference"], row["low"], row["high"], row["p_value"]) == pytest.approx(
        (expected.difference, expected.low, expected.high, expected.p_value)
    )
    back = limit_differences(RIGHT, TOKENS, "tuned", [500, 2_000])
    assert back["difference"].tolist() == pytest.approx((-table["difference"]).tolist())


def test_a_model_that_thinks_longer_loses_at_small_limits() -> None:
    # The candidate solves more, but takes 1,000 tokens where the base takes 100.
    right = {"base": [True] * 40 + [False] * 60, "long": [True] * 60 + [False] * 40}
    tokens = {"base": [100] * 100, "long": [1_000] * 100}
    differences = limit_differences(right, tokens, limits=[50, 100, 500, 999, 1_000])
    (change,) = order_changes(differences).to_dict("records")
    assert (change["from_limit"], change["to_limit"]) == (100, 999)
    assert change["difference"] == pytest.approx(-0.4)
    assert change["clear"]


def test_equal_models_never_change_order() -> None:
    twice = {"a": RIGHT["base"], "b": RIGHT["base"]}
    differences = limit_differences(twice, {"a": TOKENS["base"], "b": TOKENS["base"]})
    assert (differences["p_value"] == 1).all()
    assert order_changes(differences).empty


def test_one_model_has_no_difference() -> None:
    differences = limit_differences({"base": RIGHT["base"]}, {"base": TOKENS["base"]})
    assert differences.empty
    assert order_changes(differences).empty


def test_wrong_answers_need_no_length_and_right_ones_do() -> None:
    curve = limit_curve({"m": [True, False]}, {"m": [100, np.nan]}, [100])
    assert curve["rate"].tolist() == [0.5]
    with pytest.raises(ValueError, match="m: 1 of 2 right answers have no length"):
        limit_curve({"m": [True, True]}, {"m": [100, np.nan]}, [100])
    with pytest.raises(ValueError, match="reference 'x' is not one of base, tuned"):
        limit_differences(RIGHT, TOKENS, "x")
    with pytest.raises(ValueError, match="no limits"):
        limit_curve(RIGHT, TOKENS, [])


def test_the_usual_limits_rise_to_the_longest() -> None:
    limits = usual_limits(TOKENS)
    assert limits == sorted(set(limits))
    assert limits[-1] == int(max(t.max() for t in TOKENS.values()))
    assert 20 <= len(limits) <= 40
    assert usual_limits({"m": [7, 7]}) == [7]


@pytest.mark.slow
def test_eight_models_of_2500_questions_and_16_samples_are_quick() -> None:
    draw = np.random.default_rng(2)
    tokens = {f"m{n}": draw.lognormal(8, 1, (2_500, 16)).round() for n in range(8)}
    right = {model: draw.random((2_500, 16)) < 0.2 for model in tokens}
    started = time.process_time()
    limit_curve(right, tokens)
    limit_differences(right, tokens)
    assert time.process_time() - started < 8  # about 1.5 s
