"""Plain files of questions, by a map of their fields; and what is asked of any benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question

FIELDS = {"question": "problem", "answer": "final"}
ROWS = [
    {"problem": f"{n} + {n}?", "final": 2 * n, "topic": "even" if n % 2 else "odd"}
    for n in range(6)
]


def _benchmark(path: Path, **keys: Any) -> BenchmarkParams:
    return BenchmarkParams.model_validate(
        {"name": "sums", "kind": "questions", "source": str(path), "fields": FIELDS, **keys}
    )


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "parquet"])
def test_a_file_of_any_form_is_read_by_its_fields(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sums.{suffix}"
    match suffix:
        case "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        case "json":
            path.write_text(json.dumps(ROWS))
        case "csv":
            pd.DataFrame(ROWS).to_csv(path, index=False)
        case "parquet":
            pd.DataFrame(ROWS).to_parquet(path)
    fields = {**FIELDS, "category": "topic"}
    found = question_bank.load(_benchmark(path, fields=fields))
    assert len(found) == 6
    assert found[1] == Question("2", "questions", "1 + 1?", "2", "exactMatch", "even", "")
    assert question_bank.prompt(found[1]).user.startswith("1 + 1?\n\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "1?"}, "line 7: 'final' (evaluation.benchmarks.fields.answer) is missing or empty"),
        ({"problem": " ", "final": 1}, "'problem' (evaluation.benchmarks.fields.question) is missing"),
        ({"problem": "1?", "final": 1, "n": "3"}, "line 7: id '3' is given twice; ids must be unique"),
        ({"problem": "1?", "final": 1, "kind": "essay"}, "'kind' is 'essay': must be exactMatch or mult"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = tmp_path / "sums.jsonl"
    rows = [{**r, "n": str(n)} for n, r in enumerate(ROWS)]
    path.write_text("".join(json.dumps(r) + "\n" for r in [*rows, row]))
    fields = {**FIELDS, "id": "n", "answer_type": "kind"}
    with pytest.raises(UserError) as error:
        question_bank.load(_benchmark(path, fields=fields))
    assert str(error.value).startswith(f"{path}, line 7: ")
    assert message in str(error.value)


def test_the_first_questions_of_the_drawn_order_are_asked() -> None:
    whole = [q.id for q in question_bank.asked(BenchmarkParams(name="hle"), 5)]
    part = [q.id for q in question_bank.asked(BenchmarkParams(name="hle", questions=30), 5)]
    assert len(whole) == 200
    assert part == whole[:30]
    with pytest.raises(
        UserError, match=r"benchmarks\.hle\.questions: 201 are asked for, and .* has 200"
    ):
        question_bank.asked(BenchmarkParams(name="hle", questions=201), 5)


def test_the_prompts_are_hles() -> None:
    exact = Question("a", "hle", "1 + 1?", "2", "exactMatch", "Math", "")
    choice = Question("b", "hle", "1 + 1?\nA. 1\nB. 2", "B", "multipleChoice", "Math", "")
    form = (
        "Your response should be in the following format:\nExplanation: {your explanation for your "
    )
    # As the official code sends them: the multiple-choice prompt for all.
    assert (
        question_bank.prompt(exact, "official").system
        == question_bank.prompt(choice, "official").system
    )
    assert question_bank.prompt(exact, "official").system == (
        form + "answer choice}\nAnswer: {your chosen answer}\n"
        "Confidence: {your confidence score between 0% and 100% for your answer}"
    )
    assert question_bank.prompt(exact, "corrected").system == (
        form + "final answer}\nExact Answer: {your succinct, final answer}\n"
        "Confidence: {your confidence score between 0% and 100% for your answer}"
    )
    assert question_bank.prompt(choice, "corrected") == question_bank.prompt(choice, "official")
    assert question_bank.prompt(exact, "corrected").user == "1 + 1?"


def test_questions_have_the_cluster_that_the_params_name(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    rows = [{"q": f"{n}?", "a": "1", "text": f"t{n // 2}", "kind": "Law"} for n in range(4)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    common: dict[str, Any] = {"name": "own", "kind": "questions", "source": str(path)}
    fields = {"question": "q", "answer": "a", "category": "kind"}
    by_field = question_bank.load(BenchmarkParams(**common, fields=fields, cluster="text"))
    assert [question.cluster for question in by_field] == ["t0", "t0", "t1", "t1"]
    by_category = question_bank.load(BenchmarkParams(**common, fields=fields, cluster="category"))
    assert {question.cluster for question in by_category} == {"Law"}
    assert {q.cluster for q in question_bank.load(BenchmarkParams(**common, fields=fields))} == {""}
    with pytest.raises(UserError, match=r"benchmarks\.own\.cluster: question 1 has no 'passage'"):
        question_bank.load(BenchmarkParams(**common, fields=fields, cluster="passage"))
    hle_by_subject = question_bank.load(BenchmarkParams(name="hle", cluster="raw_subject"))
    assert len({question.cluster for question in hle_by_subject}) > 5
    with pytest.raises(ValidationError, match="imported questions have category and subject"):
        BenchmarkParams(name="own", kind="questions", source="imports", cluster="text")


def test_a_list_of_answers_is_written_as_a_set(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    rows = [{"problem": "Half?", "final": ["$\\frac{1}{2}$"]}, {"problem": "?", "final": ["2", 3]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [q.answer for q in question_bank.load(_benchmark(path))] == ["$\\frac{1}{2}$", "2, 3"]
