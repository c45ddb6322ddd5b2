"""Details of lighteval, SuperGPQA's own files and results of a difficulty filter."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers import Imported, detect, find, read
from llmc_lib.params import ImportParams

DETAIL: dict[str, Any] = {
    "doc": {
        "query": "Solve it.\n\nHalf of 24?",
        "choices": ["12"],
        "gold_index": 0,
        "id": "3",
        "task_name": "toy|0",
        "generation_size": 5,
        "specific": {"problem": "Half of 24?"},
    },
    "metric": {"extractive_match": 1.0},
    "model_response": {
        "text": ["<think>\nHalf.\n</think>\n\nIt is 12."],
        "input_tokens": [1, 2, 3],
        "output_tokens": [[4, 5, 6]],
        "reasonings": [None],
        "logprobs": [],
    },
}
CHOSEN: dict[str, Any] = {
    "doc": {
        "query": "Which is a gas?",
        "choices": [" iron", " helium"],
        "gold_index": 1,
        "id": "0",
        "generation_size": -1,
        "specific": None,
    },
    "metric": {"acc": 1, "acc_norm": 0},
    "model_response": {"text": [], "logprobs": [-2.5, -0.5], "input_tokens": [1]},
}
OLDER = {
    "example": "Half of 24?",
    "full_prompt": "Q: Half of 24?\nA:",
    "predictions": ["It is 12."],
    "choices": [],
    "gold": ["12"],
    "gold_index": [],
    "metrics": {"qem": 0, "extractive_match": 1},
    "specifics": {"level": 1},
    "cont_tokens": [[1, 2]],
}
GRADUATE: dict[str, Any] = {
    "uuid": "u1",
    "question": "Which is a gas?",
    "options": ["iron", "helium"],
    "answer": "helium",
    "answer_letter": "B",
    "discipline": "Science",
    "field": "Chemistry",
    "subfield": "Elements",
    "difficulty": "easy",
    "is_calculation": False,
    "prompt": "Answer: which?",
    "response": "Answer: B",
    "meta_response": '{"py/object": "os.system", "finish_reason": "length", "usage": '
    '{"completion_tokens": 12, "prompt_tokens": 34}}',
    "extracted_answer": "B",
    "status": "correct",
}
FILTERED = {
    "question": "Half of 24?",
    "correct_answer": "12",
    "generated_answers": ["Answer: 12", "Answer: 11", "Error: timeout"],
    "evaluation_results": [True, False, False],
    "correct_count": 1,
    "accuracy": 1 / 3,
    "passed_filter": False,
}


def _details(folder: Path, *rows: dict[str, Any], task: str = "toy|0") -> Path:
    path = folder / f"details_{task}_2026-01-01T00-00-00.000000.parquet"
    pd.DataFrame(list(rows)).to_parquet(path)
    return path


def _lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(path: Path) -> list[Imported]:
    return list(read(ImportParams(model="m", path=str(path)), path))


def test_generated_answers_of_lighteval(tmp_path: Path) -> None:
    path = _details(tmp_path, DETAIL, task="lighteval|toy:half|0")
    assert detect(path) == "lighteval"
    (one,) = _read(path)
    assert (one.prediction.reasoning, one.prediction.response) == ("Half.", "It is 12.")
    assert (one.prediction.prompt_tokens, one.prediction.completion_tokens) == (3, 3)
    assert one.prediction.finish_reason == "stop"
    assert one.grade
    assert (one.grade.status, one.grade.explanation) == ("correct", "By extractive_match.")
    assert one.question
    assert one.question.id == "lighteval|toy:half|0/3"
    assert (one.question.question, one.question.answer) == ("Half of 24?", "12")
    assert (one.question.answer_type, one.question.category) == ("exactMatch", "half")


def test_an_answer_with_all_tokens_of_its_task_was_cut(tmp_path: Path) -> None:
    full = {**DETAIL["model_response"], "output_tokens": [[1, 2, 3, 4, 5]]}
    (one,) = _read(_details(tmp_path, {**DETAIL, "model_response": full}))
    assert one.prediction.finish_reason == "length"


def test_several_texts_are_samples_without_verdicts(tmp_path: Path) -> None:
    several = {**DETAIL["model_response"], "text": ["12", "13"], "output_tokens": [[1], [2]], "reasonings": ["So.", None]}  # fmt: skip
    found = _read(_details(tmp_path, {**DETAIL, "model_response": several}))
    assert [one.prediction.sample for one in found] == [0, 1]
    assert [one.prediction.reasoning for one in found] == ["So.", ""]
    assert [one.grade for one in found] == [None, None]


def test_choices_by_their_log_probability(tmp_path: Path) -> None:
    (one,) = _read(_details(tmp_path, CHOSEN))
    assert one.prediction.response == "helium"
    assert one.grade
    assert one.grade.status == "correct"
    assert one.question
    assert (one.question.answer, one.question.answer_type) == ("B", "multipleChoice")
    assert one.question.question.endswith("A. iron\nB. helium")


@pytest.mark.parametrize("as_text", [False, True])
def test_details_of_older_versions(tmp_path: Path, as_text: bool) -> None:
    row = {key: str(value) if as_text else value for key, value in OLDER.items()}
    (one,) = _read(_details(tmp_path, row))
    assert one.prediction.response == "It is 12."
    assert one.grade
    assert (one.grade.status, one.grade.explanation) == ("correct", "By extractive_match.")
    assert one.question
    assert (one.question.id, one.question.answer) == ("toy|0/0", "12")


def test_a_perplexity_task_has_no_answer(tmp_path: Path) -> None:
    row = {**CHOSEN, "doc": {**CHOSEN["doc"], "choices": ["A long text."]}, "metric": {"ppl": 9.1}}
    row["model_response"] = {"text": [], "logprobs": [-2.5], "input_tokens": [1]}
    with pytest.raises(UserError, match=r"row 1: holds neither generated texts nor"):
        _read(_details(tmp_path, row))


def test_a_folder_of_details_and_other_tables(tmp_path: Path) -> None:
    _details(tmp_path, DETAIL)
    _details(tmp_path, CHOSEN, task="gas|5")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "broken.csv").write_text('a,b\n"', encoding="utf-8")
    params = ImportParams(model="m", path=str(tmp_path))
    assert [known for _, known in find(params, tmp_path)] == ["lighteval"] * 2


def test_results_of_supergpqa(tmp_path: Path) -> None:
    failed = {**GRADUATE, "uuid": "u2", "response": {"error": "timeout"}, "status": "error"}
    unread = {**GRADUATE, "uuid": "u3", "meta_response": "", "status": "miss", "extracted_answer": None}  # fmt: skip
    inferred = {**GRADUATE, "uuid": "u4", "status": "completed"}
    path = _lines(tmp_path / "m_SuperGPQA-all_zero-shot.jsonl", GRADUATE, failed, unread, inferred)
    assert detect(path) == "super_gpqa_results"
    first, second, third, fourth = _read(path)
    assert (first.prediction.question_id, first.prediction.finish_reason) == ("u1", "length")
    assert (first.prediction.prompt_tokens, first.prediction.completion_tokens) == (34, 12)
    assert first.grade
    assert (first.grade.status, first.grade.extracted) == ("correct", "B")
    assert first.question
    assert (first.question.category, first.question.subject) == ("Science", "Chemistry")
    assert (second.prediction.finish_reason, second.grade) == ("failed", None)
    assert "timeout" in second.prediction.error
    assert third.grade
    assert (third.grade.status, third.prediction.finish_reason) == ("incorrect", "stop")
    assert fourth.grade is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"answer_letter": "C"}, "line 2: 'answer_letter' 'C' is none of its 2 options"),
        ({"answer_letter": ""}, "line 2: 'answer_letter' '' is none of its 2 options"),
        ({"response": ["Answer: B", "Answer: A"]}, "line 2: its 'response' is a list; give each answer a row"),
    ],
)  # fmt: skip
def test_rows_of_supergpqa_that_cannot_be_graded_are_told(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    path = _lines(tmp_path / "x.jsonl", GRADUATE, {**GRADUATE, **changed})
    with pytest.raises(UserError, match=re.escape(words)):
        _read(path)


@pytest.mark.parametrize("form", ["array", "lines", "parquet"])
def test_results_of_a_difficulty_filter(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        path = tmp_path / "x.parquet"
        pd.DataFrame([FILTERED]).to_parquet(path)
    elif form == "lines":
        path = _lines(tmp_path / "x.jsonl", FILTERED, FILTERED)
    else:
        path = tmp_path / "evaluated_results.json"
        path.write_text(json.dumps([FILTERED], indent=2), encoding="utf-8")
    assert detect(path) == "filter_results"
    found = _read(path)[:3]
    assert [one.prediction.sample for one in found] == [0, 1, 2]
    statuses = [one.grade.status for one in found if one.grade]
    assert statuses == ["correct", "incorrect", "incorrect"]
    assert found[2].prediction.finish_reason == "failed"
    assert found[0].question
    assert found[0].question.answer == "12"
    assert len({one.prediction.question_id for one in found}) == 1


def test_a_filter_without_a_verdict_for_each_answer_is_told(tmp_path: Path) -> None:
    path = _lines(tmp_path / "x.jsonl", {**FILTERED, "evaluation_results": [True]})
    with pytest.raises(UserError, match="has 3 generated_answers and 1 evaluation_results"):
        _read(path)
    path = _lines(tmp_path / "x.jsonl", {**FILTERED, "generated_answers": "12"})
    with pytest.raises(UserError, match="line 1: 'generated_answers' must be a list, not '12'"):
        _read(path)
