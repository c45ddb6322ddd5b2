"""Labelled responses, by kind: what is right is called so, and what is not never is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.evaluation.grading import grade
from llmc_lib.records import Prediction, Question

CASES = [
    json.loads(line)
    for name in ("cases.jsonl", "forms.jsonl", "japanese.jsonl", "pairs.jsonl")
    for line in (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
]
KINDS = sorted({case["kind"] for case in CASES})


def _correct(case: dict[str, Any]) -> bool:
    question = Question("q", "hle", case["question"], case["gold"], case["answer_type"], "Math", "")
    return (
        grade(question, Prediction("q", 0, "", case["response"], "stop", 1, 1, 0.1, "")).status
        == "correct"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_right_is_called_so(kind: str) -> None:
    right = [case for case in CASES if case["kind"] == kind and case["want_correct"]]
    # `missed` says why the rules leave a right answer.
    assert [case for case in right if _correct(case) == ("missed" in case)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_never_called_correct(kind: str) -> None:
    wrong = [case for case in CASES if case["kind"] == kind and not case["want_correct"]]
    assert [case for case in wrong if _correct(case)] == []


def test_there_are_enough_of_each_kind() -> None:
    assert sum(case["kind"] == "Japanese" for case in CASES) >= 100
    assert len(CASES) >= 1500
