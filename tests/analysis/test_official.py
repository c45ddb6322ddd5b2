"""What HLE's evaluator prints, exactly: on the reference set, and by hand on small ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.official import calib_err, official

SHARED = Path(os.environ.get("LLMC_SHARED", Path(__file__).parents[3] / "shared"))
REFERENCE = SHARED / "reference" / "hle_judged"


def _answers(correct: list[bool], categories: list[str]) -> pd.DataFrame:
    ids = [f"q{n:04}" for n in range(len(correct))]
    return pd.DataFrame({"question_id": ids, "correct": correct, "category": categories})


def _printed(confidence: Any, correct: Any, beta: int = 100) -> float:
    """The published formula, word for word in what it computes: bins, the last one left out."""
    order = np.argsort(confidence, kind="stable")
    confidence, correct = confidence[order], correct[order]
    bins = [[i * beta, (i + 1) * beta] for i in range(len(confidence) // beta)]
    bins[-1] = [bins[-1][0], len(confidence)]
    error = 0.0
    for low, high in bins[:-1]:
        gap = abs(np.nanmean(confidence[low:high]) - np.nanmean(correct[low:high]))
        error += (high - low) / len(confidence) * gap**2
    return float(np.sqrt(error))


@pytest.mark.parametrize("n", [100, 199, 200, 250, 1000, 2119])
def test_the_calibration_error_is_that_of_the_published_formula(n: int) -> None:
    draw = np.random.default_rng(n)
    confidence = draw.integers(0, 101, n) / 100
    correct = draw.random(n) < 0.3
    assert calib_err(confidence, correct) == pytest.approx(_printed(confidence, correct), abs=1e-15)


def test_the_last_bin_is_in_no_bin() -> None:
    # 100 answers of no confidence, all right: a gap of 1 in the only bin that counts, of 250 answers.
    confidence = [0.0] * 100 + [1.0] * 150
    correct = [True] * 100 + [False] * 150
    assert calib_err(confidence, correct) == pytest.approx(np.sqrt(100 / 250))
    assert calib_err(confidence[:199], correct[:199]) == 0.0
    assert calib_err(confidence[:99], correct[:99]) is None


def test_the_figures_by_hand() -> None:
    found = official(_answers([True] * 37 + [False] * 163, ["Math"] * 150 + ["Physics"] * 50))
    assert found == {
        "accuracy": 18.5,
        "wald_half_width": 5.38,  # 1.96 · sqrt(18.5 · 81.5 / 200)
        "calibration_error": None,
        "n": 200,
        "accuracy_per_category": {"Math": 37 / 150 * 100, "Physics": 0.0},
    }
    json.dumps(found)


def test_the_half_width_is_of_the_rounded_accuracy() -> None:
    found = official(_answers([True, False, False], ["Math"] * 3))
    assert (found["accuracy"], found["wald_half_width"]) == (33.33, 53.34)


def test_where_a_judge_has_verdicts_they_are_what_is_counted() -> None:
    rows = _answers([True, True, False, False], ["Math"] * 4)
    rows["by_judge"] = ["incorrect", "correct", None, "ungraded"]
    rows["confidence"] = [90.0, 80.0, float("nan"), 70.0]
    found = official(rows)
    assert (found["accuracy"], found["n"]) == (50.0, 2)
    rows["by_judge"] = None
    assert official(rows)["n"] == 4


def test_the_order_of_the_rows_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    rows = _answers(list(draw.random(450) < 0.3), ["Math"] * 450)
    rows["confidence"] = draw.integers(0, 11, 450) * 10
    assert official(rows) == official(rows.sample(frac=1, random_state=1))


def test_no_answer_has_no_figure() -> None:
    found = official(_answers([], []))
    assert (found["accuracy"], found["wald_half_width"], found["n"]) == (None, None, 0)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference set is not here")
@pytest.mark.parametrize("model", ["base", "submitted"])
def test_the_reference_set_itself(model: str) -> None:
    judged = json.loads((REFERENCE / f"judged_hle_{model}.json").read_text())
    lines = (REFERENCE / "questions.jsonl").read_text().splitlines()
    categories = {row["id"]: row["category"] for row in map(json.loads, lines)}
    rows = _answers(
        [row["judge_response"]["correct"] == "yes" for row in judged.values()],
        [categories[id_] for id_ in judged],
    )
    rows["question_id"] = list(judged)
    rows["confidence"] = [row["judge_response"]["confidence"] for row in judged.values()]
    found = official(rows)
    expected = json.loads((REFERENCE / "expected_official.json").read_text())[model]
    assert found["accuracy"] == expected["overall_accuracy"]
    assert found["wald_half_width"] == expected["wald_half_width"]
    assert found["calibration_error"] == expected["calibration_error"]
    assert found["n"] == expected["num_questions"]
    assert found["accuracy_per_category"] == expected["accuracy_per_category"]
