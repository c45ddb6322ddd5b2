"""Plain files of questions, by a map of their fields; and what is asked of any benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from llmc_lib import question_bank
from llmc_lib.answers import options
from llmc_lib.errors import UserError
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prediction, Question

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


# ---- multiple choice -----------------------------------------------------------------------------

METALS = ["Iron", "Gold", "Mercury", "Tin"]
CHOICES: dict[str, tuple[Any, Any]] = {
    "a list and a letter": (METALS, "C"),
    "a letter in brackets": (METALS, "(c)"),
    "a list and a place": (METALS, 2),
    "a list and the text": (METALS, "Mercury"),
    "labels of its own": ({"text": METALS, "label": ["1", "2", "3", "4"]}, "3"),
    "a letter for each": (dict(zip("ABCD", METALS, strict=True)), "C"),
    "JSON in a text": (json.dumps(METALS), "C"),
}


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_field_of_options_makes_multiple_choice(tmp_path: Path, name: str, suffix: str) -> None:
    given, answer = CHOICES[name]
    row = {"q": "Which is liquid at 20 °C?", "choices": given, "a": answer, "field": "Chemistry"}
    path = tmp_path / f"metals.{suffix}"
    if suffix == "jsonl":
        path.write_text(json.dumps(row) + "\n")
    else:
        pd.DataFrame([row]).to_parquet(path)
    fields = {"question": "q", "options": "choices", "answer": "a", "category": "field"}
    (found,) = question_bank.load(_benchmark(path, fields=fields))
    assert (found.answer, found.answer_type, found.category) == ("C", "multipleChoice", "Chemistry")
    assert list(options(found.question).values()) == METALS
    assert "letter" in question_bank.prompt(found).user
    for text, status in (
        ("Answer: C", "correct"),
        ("Answer: Mercury", "correct"),
        ("Answer: A", "incorrect"),
    ):
        prediction = Prediction(found.id, 0, "", text, "stop", 1, 1, 0.1, "")
        assert grade(found, prediction).status == status


WRONG_CHOICES: dict[str, tuple[Any, Any, str]] = {
    "no list": ("Iron, Gold", "A", "must be a list of 2 to 26 choices"),
    "one": (["Iron"], "A", "must be a list of 2 to 26 choices"),
    "an empty one": (["Iron", " "], "A", "none of them empty"),
    "broken JSON": ('["Iron", "Gold"', "A", "options are not JSON"),
    "a letter too far": (METALS, "E", "neither a letter from A to D"),
    "a place too far": (METALS, 4, "neither a letter"),
    "no such text": (METALS, "Lead", "neither a letter"),
    "a number that is a place and a text": (["1", "0", "2"], 1, "could mean the choices A, B"),
    "a letter that is another's text": (["B", "A", "AB", "O"], "A", "could mean the choices A, B"),
}


@pytest.mark.parametrize("name", WRONG_CHOICES)
def test_choices_that_are_none_are_told_with_their_line(tmp_path: Path, name: str) -> None:
    given, answer, message = WRONG_CHOICES[name]
    path = tmp_path / "metals.jsonl"
    path.write_text(json.dumps({"q": "Which?", "choices": given, "a": answer}) + "\n")
    fields = {"question": "q", "options": "choices", "answer": "a"}
    with pytest.raises(UserError, match=rf"metals.jsonl, line 1: .*{message}"):
        question_bank.load(_benchmark(path, fields=fields))


def test_rows_of_both_kinds_can_be_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    rows = [
        {"q": "Which?", "choices": METALS, "a": "A", "kind": "multipleChoice"},
        {"q": "2 + 2?", "choices": None, "a": "4", "kind": "exactMatch"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"question": "q", "options": "choices", "answer": "a", "answer_type": "kind"}
    first, second = question_bank.load(_benchmark(path, fields=fields))
    assert first.question.endswith("D) Tin")
    assert (second.question, second.answer, second.answer_type) == ("2 + 2?", "4", "exactMatch")
