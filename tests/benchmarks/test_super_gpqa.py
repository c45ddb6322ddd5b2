"""SuperGPQA: its schema, from a file and from the hub; its prompts and grades, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.answers import options
from llmc_lib.errors import UserError
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prediction, Question
from tests.benchmarks.hub import asked

#: Made for this test, in the set's keys.
CHOICES = ["Sand", "Clay", "Silt", "Loam", "Peat", "Chalk", "Gravel", "Marl", "Loess", "Till"]
ROW = {
    "uuid": "4b2f", "question": "Which of these is organic?", "options": CHOICES, "answer": "Peat",
    "answer_letter": "E", "discipline": "Agronomy", "field": "Crop Science", "subfield": "Soil Science",
    "difficulty": "easy", "is_calculation": False,
}  # fmt: skip


def _read(folder: Path, *rows: dict[str, Any], **keys: Any) -> list[Question]:
    path = folder / "super_gpqa.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return question_bank.load(BenchmarkParams(name="super_gpqa", source=str(path), **keys))


def test_a_row_becomes_a_question_of_choices(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, ROW)
    assert (found.id, found.benchmark, found.answer) == ("4b2f", "super_gpqa", "E")
    assert (found.category, found.subject) == ("Agronomy", "Crop Science")
    assert list(options(found.question).values()) == CHOICES
    pd.DataFrame([ROW]).to_parquet(tmp_path / "x.parquet")
    source = str(tmp_path / "x.parquet")
    assert question_bank.load(BenchmarkParams(name="super_gpqa", source=source)) == [found]


@pytest.mark.parametrize(
    ("response", "status"),
    [("Answer: E", "correct"), ("It is \\boxed{E}.", "correct"), ("Answer: A", "incorrect"),
     ("Answer: Peat", "correct"), ("I do not know.", "ungraded")],
)  # fmt: skip
def test_the_letter_is_graded(tmp_path: Path, response: str, status: str) -> None:
    (found,) = _read(tmp_path, ROW)
    assert (
        grade(found, Prediction("4b2f", 0, "", response, "stop", 1, 1, 0.1, "x")).status == status
    )


def test_the_official_prompt_is_the_zero_shot_one(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, ROW)
    turns = question_bank.prompt(found, "official")
    assert turns.user.startswith("Answer the following multiple choice question. There is only one")
    assert "I, or J.\n\nWhich of these is organic?\nA) Sand\nB) Clay\n" in turns.user
    assert turns.user.endswith("J) Till\n")
    assert turns == question_bank.prompt(found, "corrected")
    assert "Reason briefly" in question_bank.prompt(found).user


def test_questions_of_a_subfield_can_be_a_cluster(tmp_path: Path) -> None:
    rows = [{**ROW, "uuid": str(n), "subfield": f"f{n // 2}"} for n in range(4)]
    found = _read(tmp_path, *rows, cluster="subfield")
    assert [question.cluster for question in found] == ["f0", "f0", "f1", "f1"]
    with pytest.raises(UserError, match="question 4b2f has no 'page'"):
        _read(tmp_path, ROW, cluster="page")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": ["one"]}, "options must be a list of 2 to 26 choices"),
        ({"options": "Sand, Clay"}, "options must be a list of 2 to 26 choices"),
        ({"options": None}, "options must be a list of 2 to 26 choices"),
        ({"answer_letter": "K"}, "answer_letter 'K': must be one of the 10 choices, A to J"),
        ({"discipline": ""}, "'discipline' is missing or empty; a row needs uuid, question"),
        ({"uuid": "4b2f"}, "id '4b2f' is given twice"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        _read(tmp_path, ROW, {**ROW, "uuid": "x", **change})
    assert f"line 2: {message}" in str(error.value)


@pytest.mark.slow
def test_it_is_read_from_the_hub(tmp_path: Path) -> None:
    files = {"SuperGPQA-all.jsonl": json.dumps(ROW).encode(), "README.md": b"# SuperGPQA"}
    lines = asked(tmp_path, "super_gpqa", "m-a-p/SuperGPQA", files)
    assert lines[0] == "super_gpqa 4b2f Which of these is organic?"
    assert lines[-1] == "J) Till Agronomy"
