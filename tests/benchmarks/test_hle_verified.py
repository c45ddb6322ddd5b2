"""HLE-Verified: both forms of its files, its classes, its original answers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams, Params
from llmc_lib.records import Prediction, Question
from tests.benchmarks.hub import asked

#: Made for this test, in the set's keys; none of it is from HLE.
VALID = {"is_valid": 1, "error_type": 0}
META = {"problem_verify": VALID, "answer_verify": VALID, "rationale_verify": VALID}
ROW = {
    "id": "66aa", "question": "What is 2 + 2?", "image": "", "image_preview": None, "answer": "4",
    "answer_type": "exactMatch", "author_name": "", "rationale": "Count.", "rationale_image": None,
    "raw_subject": "Arithmetic", "category": "Math", "canary": "none", "verify_meta_info": META,
    "Verified_Classes": "Gold subset",
}  # fmt: skip
WRONG = {**META, "answer_verify": {"is_valid": 0, "error_type": "A1", "error_reason": "sign"}}
REVISED = {
    **ROW, "id": "66bb", "question": "What is 3 - 5?", "answer": "-2", "original_answer": 2,
    "verify_meta_info": WRONG, "Verified_Classes": "Revision subset",
}  # fmt: skip
OPEN = {
    **ROW, "id": "66cc", "verify_meta_info": {**META, "answer_verify": {"is_valid": "uncertain"}},
    "Verified_Classes": "Uncertain subset",
}  # fmt: skip
PICTURE = {**ROW, "id": "66dd", "image": "data:image/png;base64,AAAA"}


def _read(folder: Path, *rows: dict[str, Any], **keys: Any) -> list[Question]:
    path = folder / "hle_verified.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return question_bank.load(BenchmarkParams(name="hle_verified", source=str(path), **keys))


def test_classes_are_subsets_and_revised_answers_keep_the_original(tmp_path: Path) -> None:
    found = _read(tmp_path, ROW, REVISED, OPEN, PICTURE)
    assert [(q.id, q.subsets, q.answer, q.original_answer) for q in found] == [
        ("66aa", ("verified",), "4", ""),
        ("66bb", ("revised",), "-2", "2"),
        ("66cc", ("uncertain",), "4", ""),
    ]
    assert {q.benchmark for q in found} == {"hle_verified"}
    assert (found[0].category, found[0].subject, found[0].rationale) == ("Math", "Arithmetic", "Count.")  # fmt: skip


def test_the_columns_and_json_of_the_hubs_parquet_are_one_row(tmp_path: Path) -> None:
    plain = ("id", "question", "answer", "category", "raw_subject", "Verified_Classes")
    rows = [
        {name: str(row[name]) for name in plain} | {"json": json.dumps(row)}
        for row in (ROW, REVISED, OPEN, PICTURE)
    ]
    folder = tmp_path / "data"
    folder.mkdir()
    pd.DataFrame(rows[:1]).to_parquet(folder / "Gold_subset.part01.parquet")
    pd.DataFrame(rows[1:]).to_parquet(folder / "Revision_subset.part01.parquet")
    read = question_bank.load(BenchmarkParams(name="hle_verified", source=str(tmp_path)))
    assert read == _read(tmp_path, ROW, REVISED, OPEN)


@pytest.mark.parametrize(
    ("change", "subset"),
    [
        ({}, "verified"),
        ({"original_question": "What is 2 and 2?"}, "revised"),
        ({"verify_meta_info": OPEN["verify_meta_info"]}, "uncertain"),
        ({"verify_meta_info": str(META)}, "verified"),
        ({"verify_meta_info": json.dumps(WRONG)}, "uncertain"),
    ],
)
def test_without_its_class_a_row_is_told_by_what_was_verified(
    tmp_path: Path, change: dict[str, Any], subset: str
) -> None:
    row = {key: value for key, value in ROW.items() if key != "Verified_Classes"}
    (found,) = _read(tmp_path, {**row, **change})
    assert found.subsets == (subset,)


def test_an_original_answer_that_is_the_same_is_none(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, {**REVISED, "original_answer": " -2 "})
    assert found.original_answer == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Verified_Classes": "Silver subset"}, "Verified_Classes 'Silver subset': must be Gold subset, Revision"),
        ({"Verified_Classes": "", "verify_meta_info": None}, "'Verified_Classes' is missing or empty, and so is"),
        ({"Verified_Classes": "", "verify_meta_info": "{"}, "'verify_meta_info' is not a JSON object"),
        ({"Verified_Classes": "", "verify_meta_info": [1]}, "'verify_meta_info' is not a JSON object"),
        ({"json": "[1]"}, "'json' is not a JSON object"),
        ({"category": "Cooking"}, "category 'Cooking': must be one of"),
        ({"answer": None}, "'answer' is missing or empty"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        _read(tmp_path, ROW, {**ROW, "id": "x", **change})
    assert f"line 2: {message}" in str(error.value)


def test_a_completion_is_graded_by_both_answers(tmp_path: Path) -> None:
    gold, revised = _read(tmp_path, ROW, REVISED)

    def graded(question: Question, response: str) -> tuple[str, str | None]:
        found = grade(question, Prediction(question.id, 0, "", response, "stop", 1, 1, 0.1, "x"))
        return found.status, found.original

    assert graded(gold, "Answer: 4") == ("correct", None)
    assert graded(revised, "Answer: -2") == ("correct", "incorrect")
    assert graded(revised, "Answer: 2") == ("incorrect", "correct")
    assert graded(revised, "Answer: 7") == ("incorrect", "incorrect")


def test_its_questions_are_withheld(tmp_path: Path) -> None:
    source = str(tmp_path / "x.jsonl")
    benchmark = {"name": "checked", "kind": "hle_verified", "source": source}
    params = Params.model_validate({"run": "x", "evaluation": {"benchmarks": [benchmark]}})
    assert params.withheld == {"checked"}


@pytest.mark.slow
def test_it_is_read_from_the_hub(tmp_path: Path) -> None:
    files = {"data/Gold_subset.jsonl": json.dumps(ROW).encode(), "README.md": b"# HLE-Verified"}
    lines = asked(tmp_path, "hle_verified", "skylenage/HLE-Verified", files)
    assert lines[0].startswith("hle_verified 66aa What is 2 + 2?")
