"""Agreement of two graders: against figures of textbooks and worked by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmc_lib.analysis.agreement import agreement, contradiction


def _pairs(both: int, first: int, second: int, neither: int) -> tuple[list[str], list[str]]:
    right, wrong = "correct", "incorrect"
    return (
        [right] * (both + first) + [wrong] * (second + neither),
        [right] * both + [wrong] * first + [right] * second + [wrong] * neither,
    )


def test_kappa_of_a_textbooks_table() -> None:
    # 20, 5, 10, 15: agreement 0.7, by chance 0.5, kappa 0.4 (the usual example of two readers of grants).
    found = agreement(*_pairs(20, 5, 10, 15))
    assert (found["n"], found["decided"], found["agreed"]) == (50, 50, 35)
    assert found["kappa"] == pytest.approx(0.4)
    low, high = found["ci95"]
    # Fleiss, Cohen and Everitt's large-sample standard error of this table is 0.1271.
    assert (low, high) == pytest.approx((0.4 - 1.96 * 0.1271, 0.4 + 1.96 * 0.1271), abs=2e-3)


def test_what_one_has_not_decided_is_counted_apart() -> None:
    found = agreement(
        ["correct", "ungraded", "incorrect", None, "correct", "incorrect"],
        ["correct", "correct", "ungraded", "correct", "incorrect", "incorrect"],
    )
    assert (found["n"], found["decided"], found["agreed"]) == (5, 3, 2)
    assert found["counts"]["ungraded"]["correct"] == 1
    assert found["counts"]["incorrect"]["ungraded"] == 1
    json.dumps(found)


@pytest.mark.parametrize(
    "pair", [([], []), (["correct"] * 3, ["correct"] * 3), (["ungraded"], ["correct"])]
)
def test_where_kappa_says_nothing_there_is_none(pair: tuple[list[str], list[str]]) -> None:
    found = agreement(*pair)
    assert (found["kappa"], found["ci95"]) == (None, None)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        agreement(["correct"], [])


def test_full_agreement_has_no_interval() -> None:
    found = agreement(*_pairs(3, 0, 0, 2))
    assert (found["kappa"], found["ci95"]) == (pytest.approx(1.0), None)


def _graded(pairs: dict[tuple[str, str], int]) -> dict[str, Any] | None:
    rows = [pair for pair, n in pairs.items() for _ in range(n)]
    return contradiction(agreement([a for a, _ in rows], [b for _, b in rows]))


def test_graders_that_contradict_each_other_wholesale_are_told() -> None:
    fault = {("correct", "incorrect"): 64, ("incorrect", "incorrect"): 236}
    found = _graded(fault)
    assert found is not None
    assert (found["decided"], found["first"], found["second"], found["kappa"]) == (300, 64, 0, None)
    swapped = {
        ("correct", "incorrect"): 30,
        ("incorrect", "correct"): 30,
        ("correct", "correct"): 5,
        ("incorrect", "incorrect"): 5,
    }
    assert _graded(swapped) is not None


def test_ordinary_disagreement_is_no_contradiction() -> None:
    usual = {
        ("correct", "correct"): 180,
        ("incorrect", "incorrect"): 108,
        ("correct", "incorrect"): 9,
        ("incorrect", "correct"): 3,
    }
    assert _graded(usual) is None
    assert _graded({("correct", "incorrect"): 12, ("incorrect", "incorrect"): 7}) is None  # too few
    assert _graded({("correct", "correct"): 50}) is None
