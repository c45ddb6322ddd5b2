"""Tables of answers: what failed or was never answered is not safe, and each answer finds its question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation import import_all
from llmc_lib.evaluation.importers import Imported, detect, read
from llmc_lib.params import ImportParams, Params
from llmc_lib.store import Run
from tests.evaluation.importers import tables

FLAT = {
    "id": "q1",
    "model": "m",
    "response": "Explanation: twice two.\nAnswer: 4\nConfidence: 90%",
    "usage": "{'completion_tokens': 12, 'prompt_tokens': 34, 'reasoning_content': \"That's easy.\"}",
}
VERDICT = {
    "correct_answer": "4",
    "model_answer": "4",
    "reasoning": "They match.",
    "correct": "yes",
    "confidence": 90,
}


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(path: Path) -> list[Imported]:
    return list(read(ImportParams(model="m", path=str(path)), path))


def _safety(tmp_path: Path, *files: Path) -> dict[str, pd.DataFrame]:
    """The answers of two models to each question, imported for the safety benchmark."""
    source = _write(tmp_path / "instructions.csv", tables.INSTRUCTIONS)
    values = {
        "run": "safe",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "do_not_answer", "source": str(source)}],
            "imports": [
                {"model": f"m{n}", "path": str(path), "benchmark": "do_not_answer"}
                for n, path in enumerate(files)
            ],
        },
    }
    run = Run(Params.model_validate(values), tmp_path / "safe.yaml")
    answers = import_all(run).answers.set_index("question_id").sort_index()
    return {str(model): part for model, part in answers.groupby("model")}


def test_failed_requests_and_open_reasoning_are_not_safe(tmp_path: Path) -> None:
    answers = _safety(
        tmp_path,
        _write(tmp_path / "results.jsonl", tables.results()),
        _write(tmp_path / "gpt4_evaluation_m.csv", tables.labelled()),
    )
    for model in ("m0", "m1"):
        found = answers[model]
        assert list(found.index) == ["dna-0", "dna-1", "dna-2", "dna-3"]
        assert list(found["status"]) == ["correct", "ungraded", "ungraded", "ungraded"]
        assert list(found["failed"]) == [False, True, False, False]
        assert list(found["rule"])[:3] == ["imported", "failed", "empty"]
        assert found["harmful"].iloc[1:].isna().all()


def test_do_not_answers_own_columns_are_read(tmp_path: Path) -> None:
    own = [
        {("m_action" if key == "gpt4_label" else "m_response" if key == "response" else key): value for key, value in row.items()}
        for row in tables.labelled()
    ]  # fmt: skip
    answers = _safety(
        tmp_path,
        _write(tmp_path / "own.csv", own),
        _write(tmp_path / "gpt4_evaluation_m.csv", tables.labelled()),
    )
    columns = ["status", "rule", "harmful", "failed"]
    first, second = (answers[model][columns] for model in ("m0", "m1"))
    pd.testing.assert_frame_equal(first, second)
    two = _write(tmp_path / "two.csv", [{**row, "n_response": "no"} for row in own])
    questions = _write(tmp_path / "set.csv", [{"question": "Why?", "reference_response": "So."}])
    for path in (two, questions):
        with pytest.raises(UserError, match=r"not in a format|has no column with answers"):
            detect(path)


def test_a_column_that_is_somebodys_action_is_no_label(tmp_path: Path) -> None:
    rows = [{**FLAT, **VERDICT, "user_action": "stop"}, {**FLAT, "id": "q2", "user_action": 6}]
    judged, plain = _read(_write(tmp_path / "x.jsonl", rows))
    assert judged.grade is not None
    assert judged.grade.status == "correct"
    assert plain.grade is None


def test_responses_alone_are_graded_by_the_rules(tmp_path: Path) -> None:
    path = _write(tmp_path / "responses_m.csv", tables.responses())
    rows = _write(tmp_path / "responses_m.jsonl", tables.responses())
    assert detect(path) == detect(rows) == "responses"
    answers = _safety(tmp_path, path, rows)
    for model in ("m0", "m1"):
        assert answers[model]["status"].tolist() == ["correct"] + ["ungraded"] * 3
        assert answers[model]["rule"].tolist()[1:] == ["failed", "empty", "empty"]
    failed = _read(path)[1].prediction
    assert (failed.finish_reason, failed.error) == ("failed", "Error: Connection error.")
    assert _read(path)[2].prediction.reasoning.startswith("The user wants")


def test_rows_that_are_numbered_anew_find_their_questions_by_their_words(tmp_path: Path) -> None:
    moved = tables.results()
    for row in moved:
        row["id"] = str(3 - int(row["id"]))
    answers = _safety(
        tmp_path,
        _write(tmp_path / "a.jsonl", moved),
        _write(tmp_path / "b.jsonl", tables.results()),
    )
    assert answers["m0"]["status"].tolist() == answers["m1"]["status"].tolist()


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize("usage", ["python", "json", "group"])
def test_a_flat_export_of_predictions(tmp_path: Path, form: str, usage: str) -> None:
    group = {"completion_tokens": 12, "prompt_tokens": 34, "reasoning_content": "That's easy."}
    given = {"python": FLAT["usage"], "json": json.dumps(group), "group": group}[usage]
    (one,) = _read(_write(tmp_path / f"x.{form}", [{**FLAT, "usage": given}]))
    prediction = one.prediction
    assert (prediction.question_id, prediction.reasoning) == ("q1", "That's easy.")
    assert (prediction.prompt_tokens, prediction.completion_tokens) == (34, 12)
    assert one.grade is None


@pytest.mark.parametrize(
    "judged",
    [
        {"judge_response": VERDICT},
        {"judge_response": json.dumps(VERDICT)},
        {"judge_response": str(VERDICT)},
        {f"judge_response.{key}": value for key, value in VERDICT.items()},
        VERDICT,
    ],
    ids=["group", "json", "python", "dotted", "columns"],
)
def test_a_flat_export_of_judgements(tmp_path: Path, judged: dict[str, Any]) -> None:
    for form in ("jsonl", "parquet", "csv"):
        (one,) = _read(_write(tmp_path / f"x.{form}", [{**FLAT, **judged}]))
        assert one.grade
        assert (one.grade.status, one.grade.confidence) == ("correct", 90)
        assert (one.grade.extracted, one.grade.explanation) == ("4", "They match.")
        assert one.prediction.reasoning == "That's easy."


def test_several_answers_to_a_question_are_samples(tmp_path: Path) -> None:
    rows = [{**FLAT, "sample": n} for n in range(3)]
    found = _read(_write(tmp_path / "x.parquet", rows))
    assert [one.prediction.sample for one in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("numbers", "ours"),
    [([0, 1, 2], [0, 1, 2]), ([1, 2, 3], [0, 1, 2]), ([7, 7, 7], [0, 0, 0]), ([3, 1, 9], [1, 0, 2])],
)  # fmt: skip
def test_samples_are_numbered_from_nought_whatever_the_file_counts_from(
    tmp_path: Path, numbers: list[int], ours: list[int]
) -> None:
    rows = [{"id": f"q{at}", "response": "4", "attempt": n} for at, n in enumerate(numbers)]
    for name in ("a.csv", "a.jsonl"):
        found = _read(_write(tmp_path / name, rows))
        assert [one.prediction.sample for one in found] == ours


def test_runs_in_files_of_their_own_are_samples_of_one_import(tmp_path: Path) -> None:
    for run in (1, 2):
        _write(tmp_path / f"run{run}.jsonl", [{"id": "q", "response": "4", "run": run}])
    assert [one.prediction.sample for one in _read(tmp_path)] == [0, 1]


@pytest.mark.parametrize(
    "text",
    ["Error: 500", "Error:", "error code: 429 - slow down", "Error 429: slow down", "API Error: x", "Request error: timed out"],
)  # fmt: skip
def test_what_a_client_wrote_in_place_of_an_answer_is_a_failure(tmp_path: Path, text: str) -> None:
    flat = _write(tmp_path / "flat.jsonl", [{"id": "q", "response": text}])
    nested = tmp_path / "hle_m.json"
    nested.write_text(json.dumps({"q": {"model": "m", "response": text}}))
    for path in (flat, nested):
        (one,) = _read(path)
        assert (one.prediction.finish_reason, one.prediction.response) == ("failed", "")
        assert one.prediction.error == text


@pytest.mark.parametrize(
    "text",
    ["Error analysis: the mean error is 3.", "The error: 3%", "An error: it is 4", "Error bars are wide: 3 to 5"],
)  # fmt: skip
def test_an_answer_about_errors_is_an_answer(tmp_path: Path, text: str) -> None:
    (one,) = _read(_write(tmp_path / "flat.jsonl", [{"id": "q", "response": text}]))
    assert (one.prediction.finish_reason, one.prediction.response) == ("stop", text)


@pytest.mark.parametrize(
    ("reason", "ours"),
    [("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("model_length", "length"),
     ("stop", "stop"), ("end_turn", "stop"), (None, "stop"), ("failed", "failed")],
)  # fmt: skip
def test_a_cut_answer_is_one_whatever_the_engine_calls_it(
    tmp_path: Path, reason: str | None, ours: str
) -> None:
    for key in ("finish_reason", "stop_reason"):
        row = {"id": "q", "response": "4", key: reason}
        (one,) = _read(_write(tmp_path / "flat.jsonl", [row]))
        assert one.prediction.finish_reason == ours


def test_several_answers_in_one_cell_are_not_graded_as_one(tmp_path: Path) -> None:
    for value in (["4", "5"], {"content": "4"}, []):
        path = _write(tmp_path / "flat.jsonl", [{"id": "q", "response": value}])
        with pytest.raises(UserError, match=r"flat.jsonl, line 1: 'response' is a (list|group)"):
            _read(path)
    parts = [{"type": "text", "text": "It is"}, {"type": "text", "text": "4."}]
    (one,) = _read(_write(tmp_path / "flat.jsonl", [{"id": "q", "response": parts}]))
    assert one.prediction.response == "It is\n4."


def test_a_table_in_no_known_format_is_told_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ID;Response\n1;4\n")
    with pytest.raises(UserError, match=r"not in a format that is known: .* \(its columns: ID;R"):
        detect(path)


def test_numbers_that_pandas_made_of_ids(tmp_path: Path) -> None:
    rows = [{**FLAT, "id": 7.0}, {**FLAT, "id": float("nan"), "question": "What?"}]
    first, second = _read(_write(tmp_path / "x.parquet", rows))
    assert first.prediction.question_id == "7"
    assert (second.prediction.question_id, second.asked) == ("", "What?")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "q1", "answer": "4"}], "has no column with answers"),
        ([{**FLAT, "id": None}], "line 1: has neither an id nor the question"),
        ([{**FLAT, "sample": "first"}], "line 1: 'sample' must be a number from 0, not 'first'"),
        ([{"question": "Q", "accuracy": 0.2, "correct_count": 1}], "has pass rates and no answers"),
        (
            [{"uuid": "u", "options": ["a"], "answer_letter": "A"}],
            "has questions and no 'response'",
        ),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    path = _write(tmp_path / "x.jsonl", rows)
    with pytest.raises(UserError) as caught:
        _read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
