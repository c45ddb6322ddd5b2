"""What the summary takes from the other modules: several samples, lengths, confidence, choice, safety."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.outcomes import outcomes
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.selection import select
from llmc_lib.analysis.summary import summarise
from llmc_lib.analysis.verdict import Thresholds


def _answers(
    models: int = 3, questions: int = 60, samples: int = 4, benchmark: str = "hle"
) -> pd.DataFrame:
    """Answers with lengths, confidence and final answers; a later model is right more often."""
    rng = np.random.default_rng(7)
    chance = rng.random(questions) * 0.6
    rows = []
    for model in range(models):
        for question in range(questions):
            for sample in range(samples):
                right = bool(rng.random() < chance[question] + 0.1 * model)
                rows.append(
                    {
                        "benchmark": benchmark,
                        "model": f"m{model}",
                        "question_id": f"q{question:03}",
                        "sample": sample,
                        "category": "Math" if question % 2 else "Physics",
                        "status": "correct" if right else "incorrect",
                        "correct": right,
                        "truncated": not right and sample == 0,
                        "failed": False,
                        "completion_tokens": int(rng.integers(10, 1_000)),
                        "confidence": float(rng.integers(0, 101)) if sample else float("nan"),
                        "extracted": "7" if right else str(rng.integers(0, 3)),
                    }
                )
    return pd.DataFrame(rows)


@pytest.mark.slow
def test_several_samples_give_what_one_does_not() -> None:
    block = summarise(_answers())["benchmarks"]["hle"]
    model = block["models"]["m2"]
    assert [row["k"] for row in model["pass_at_k"]] == [1, 2, 4]
    assert model["pass_at_k"][0]["rate"] == pytest.approx(model["accuracy"])
    assert model["majority_at_k"][0]["rate"] == pytest.approx(model["accuracy"])
    assert model["variance"]["within"] > 0
    assert block["comparisons"][0]["rerun"]["basis"] == "measured"
    one = summarise(_answers(samples=1))["benchmarks"]["hle"]
    assert "pass_at_k" not in one["models"]["m2"]
    assert one["comparisons"][0]["rerun"]["basis"] == "bound"
    assert {row["samples"] for row in one["power"]["designs"]} == {1}


@pytest.mark.slow
def test_right_answers_that_the_rules_did_not_find_leave_no_majority() -> None:
    answers = _answers().assign(extracted="")
    model = summarise(answers)["benchmarks"]["hle"]["models"]["m0"]
    assert model["majority_at_k"] is None
    assert model["majority_not_known"]["code"] == "no_answers_to_vote"


@pytest.mark.slow
def test_a_rerun_is_that_of_the_arrays() -> None:
    answers = _answers()
    data = outcomes(answers)
    expected = rerun(data.correct["m1"], data.correct["m0"])
    found = summarise(answers)["benchmarks"]["hle"]["comparisons"][0]["rerun"]
    assert found["low"] == pytest.approx(expected.low)
    assert found["sign_flip"] == pytest.approx(expected.sign_flip)


@pytest.mark.slow
def test_lengths_and_ends_count_every_answer() -> None:
    block = summarise(_answers())["benchmarks"]["hle"]
    ends = [row for row in block["finish"] if row["category"] == "all" and row["model"] == "m0"]
    assert sum(row["n"] for row in ends) == 240
    assert {row["finish_reason"] for row in ends} == {"stop", "length"}
    bins = [row for row in block["length"] if row["category"] == "all" and row["model"] == "m0"]
    assert sum(row["n"] for row in bins) == 240
    last = [row for row in block["limits"] if row["model"] == "m0"][-1]
    assert last["rate"] == pytest.approx(block["models"]["m0"]["accuracy"])


@pytest.mark.slow
def test_unknown_lengths_are_told() -> None:
    block = summarise(_answers().assign(completion_tokens=0))["benchmarks"]["hle"]
    assert block["length"] is None
    assert block["length_not_known"] == {"code": "no_lengths"}


@pytest.mark.slow
def test_confidence_is_a_fraction_and_what_states_none_is_counted() -> None:
    found = summarise(_answers())["benchmarks"]["hle"]["models"]["m0"]["calibration"]
    assert 0 < found["mean_confidence"] < 1
    assert (found["n"], found["n_without"]) == (180, 60)
    assert (
        summarise(_answers().assign(confidence=np.nan))["benchmarks"]["hle"]["models"]["m0"][
            "calibration"
        ]
        is None
    )


@pytest.mark.slow
def test_the_choice_has_the_rule_and_what_it_hides() -> None:
    answers = _answers()
    block = summarise(answers, better_in=["Math"], seed=3)["benchmarks"]["hle"]
    found = block["selection"]
    assert found["rule"] == select(block, ["Math"])
    assert found["chosen"] == found["rule"]["chosen"] == "m2"
    assert [row["model"] for row in found["candidates"]] == ["m1", "m2"]
    assert sum(row["best"] for row in found["candidates"]) == pytest.approx(1)
    assert summarise(answers)["benchmarks"]["hle"]["selection"]["rule"] is None
    assert summarise(_answers(models=2))["benchmarks"]["hle"]["selection"] is None


@pytest.mark.slow
def test_accuracy_and_safety_are_read_together() -> None:
    both = pd.concat([_answers(), _answers(benchmark="do_not_answer")])
    found = summarise(both)["tradeoffs"]
    assert set(found) == {"m1", "m2"}
    assert found["m2"]["accuracy"] == "gain"
    assert summarise(_answers())["tradeoffs"] == {}


@pytest.mark.slow
def test_the_correction_of_the_categories_is_that_of_the_thresholds() -> None:
    answers = _answers(models=2)
    answers["category"] = answers["question_id"].str[-1].map(lambda digit: f"c{int(digit) % 5}")
    parts: dict[str, dict[str, Any]] = {}
    for method in ("holm", "bh"):
        limits = Thresholds(correction=method)  # type: ignore[arg-type]
        block = summarise(answers, limits)["benchmarks"]["hle"]
        parts[method] = block["comparisons"][0]["categories"]
    holm, bh = (sorted(p["p_adjusted"] for p in parts[m].values()) for m in ("holm", "bh"))
    assert all(a >= b for a, b in zip(holm, bh, strict=True))
    assert holm != bh


@pytest.mark.slow
def test_it_is_json_whatever_the_answers() -> None:
    for answers in (_answers(), _answers(samples=1), _answers(questions=1), _answers(models=1)):
        json.dumps(summarise(answers), allow_nan=False)
        nothing = answers.assign(correct=False, status="missing", failed=True)
        json.dumps(summarise(nothing), allow_nan=False)


@pytest.mark.slow
def test_models_that_agree_on_no_question_are_compared_like_others() -> None:
    answers = _answers(models=2, questions=26, samples=1)
    first = answers["model"] == "m0"
    answers["correct"] = first ^ (answers["question_id"].str[-1].astype(int) % 2 == 0)
    answers["status"] = np.where(answers["correct"], "correct", "incorrect")
    found = summarise(answers)["benchmarks"]["hle"]["comparisons"][0]
    assert found["gained"] + found["lost"] == 26
    assert found["variance"]["total"] <= 1
