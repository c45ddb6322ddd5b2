"""Bad input gets a clear message from every function that takes answers; numpy would read NaN as right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llmc_lib.analysis import (
    Thresholds,
    accuracy_by_finish,
    accuracy_by_length,
    adjust,
    calibration,
    difference_variance_parts,
    limit_curve,
    missing_answers,
    paired_comparison,
    pass_at_k,
    permutation_test,
    rate_interval,
    rerun,
    variance_parts,
    wilson,
)

RIGHT = np.array([True, False, True, False])
TOKENS = [1, 2, 3, 4]

TAKE_ANSWERS: dict[str, Callable[[Any], object]] = {
    "paired_comparison": lambda a: paired_comparison(RIGHT, a),
    "permutation_test": lambda a: permutation_test(a, RIGHT),
    "rate_interval": rate_interval,
    "variance_parts": variance_parts,
    "difference_variance_parts": lambda a: difference_variance_parts(RIGHT, a),
    "missing_answers": lambda a: missing_answers(RIGHT, RIGHT, a, RIGHT),
    "rerun": lambda a: rerun(RIGHT, a),
    "pass_at_k": lambda a: pass_at_k(np.array([a, a], dtype=object), 1),
    "calibration": lambda a: calibration([0.5] * 4, a),
    "accuracy_by_length": lambda a: accuracy_by_length({"m": a}, {"m": TOKENS}),
    "accuracy_by_finish": lambda a: accuracy_by_finish({"m": a}, {"m": ["stop"] * 4}),
    "limit_curve": lambda a: limit_curve({"m": a}, {"m": TOKENS}),
}
BAD = {
    "NaN": ([1, 0, float("nan"), 1], "values are missing"),
    "None": ([True, None, False, True], "values are missing"),
    "a share": ([0.5, 1, 0, 1], "true or false, not 0.5"),
    "texts": (["yes", "no", "no", "yes"], "true and false"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("name", TAKE_ANSWERS)
def test_answers_that_are_neither_right_nor_wrong_are_refused(name: str, what: str) -> None:
    values, message = BAD[what]
    with pytest.raises(ValueError, match=message):
        TAKE_ANSWERS[name](values)


@pytest.mark.parametrize("name", [n for n in TAKE_ANSWERS if n != "pass_at_k"])
def test_zeros_and_ones_are_answers(name: str) -> None:
    TAKE_ANSWERS[name]([1, 0, 0.0, 1])


TAKE_CLUSTERS: dict[str, Callable[[Any], object]] = {
    "paired_comparison": lambda c: paired_comparison(RIGHT, RIGHT, clusters=c),
    "permutation_test": lambda c: permutation_test(RIGHT, ~RIGHT, c),
    "rate_interval": lambda c: rate_interval(RIGHT, clusters=c),
    "difference_variance_parts": lambda c: difference_variance_parts(RIGHT, ~RIGHT, c),
    "calibration": lambda c: calibration([0.5] * 4, RIGHT, clusters=c),
    "accuracy_by_length": lambda c: accuracy_by_length({"m": RIGHT}, {"m": TOKENS}, clusters=c),
    "accuracy_by_finish": lambda c: accuracy_by_finish(
        {"m": RIGHT}, {"m": ["stop"] * 4}, clusters=c
    ),
    "limit_curve": lambda c: limit_curve({"m": RIGHT}, {"m": TOKENS}, clusters=c),
}


@pytest.mark.parametrize("name", TAKE_CLUSTERS)
def test_a_label_a_question(name: str) -> None:
    take = TAKE_CLUSTERS[name]
    for labels in ([1], [1, 2, 3, 4, 5]):
        with pytest.raises(ValueError, match=f"{len(labels)} clusters for 4 questions"):
            take(labels)
    with pytest.raises(ValueError, match="1 of 4 questions have no label"):
        take([1, 2, None, 3])
    take(["a", "a", "b", "c"])


@pytest.mark.parametrize(
    "take",
    [
        lambda alpha: paired_comparison(RIGHT, ~RIGHT, alpha),
        lambda alpha: rate_interval(RIGHT, alpha),
        lambda alpha: wilson(1, 3, alpha),
        lambda alpha: rerun(RIGHT, ~RIGHT, alpha=alpha),
        lambda alpha: pass_at_k(np.ones((2, 2), bool), 1, alpha),
    ],
)
@pytest.mark.parametrize("alpha", [0, 1, 95, float("nan")])
def test_alpha_is_no_percentage(take: Callable[[float], object], alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        take(alpha)


def test_p_values_and_thresholds_are_checked() -> None:
    for values in ([0.1, float("nan")], [0.1, 5]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            adjust(values)
    cases: list[dict[str, Any]] = [{"significance": 5}, {"power": 80}, {"correction": "none"}]
    for wrong in cases:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Thresholds(**wrong)
