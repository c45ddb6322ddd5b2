"""Answers and verdicts in an upload folder: no text of a gated benchmark leaves, and the rest is read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation import import_all
from llmc_lib.evaluation.importers import read
from llmc_lib.params import ImportParams, Params
from llmc_lib.publish import publish
from llmc_lib.store import Run
from tests.evaluation.importers import tables
from tests.hub_server import HubServer

SECRET = "A word that no page may have"
QUESTION = {
    "id": "q1", "question": SECRET, "image": "", "answer": "4", "answer_type": "exactMatch", "category": "Math",
}  # fmt: skip
JUDGED = {
    "q1": {
        "response": f"{SECRET}. Answer: 4",
        "usage": {"reasoning_content": SECRET, "completion_tokens": 7},
        "judge_response": {"correct": "yes", "model_answer": SECRET, "reasoning": SECRET, "confidence": 90},
    }
}  # fmt: skip


def _file(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    judged = tmp_path / "judged_hle.json"
    judged.write_text(json.dumps(JUDGED), encoding="utf-8")
    asked = _file(tmp_path / "hle.jsonl", [QUESTION])
    instructions = _file(tmp_path / "dna.jsonl", tables.INSTRUCTIONS)
    imports = []
    for model in ("base", "tuned"):
        (tmp_path / model).mkdir()
        copy = tmp_path / model / "judged.json"
        copy.write_bytes(judged.read_bytes())
        results = _file(tmp_path / model / "results.jsonl", tables.results())
        imports.append({"model": model, "label": f"the model {model}", "path": str(copy)})
        imports.append({"model": model, "benchmark": "do_not_answer", "path": results})
    values = {
        "run": "answers",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": [
                {"name": "hle", "source": asked},
                {"name": "do_not_answer", "source": instructions},
            ],
            "imports": imports,
        },
        "report": {"show_questions": True},  # of a page of one's own
    }
    made = Run(Params.model_validate(values), tmp_path / "answers.yaml")
    import_all(made)
    return made


@pytest.mark.parametrize("what", ["predictions", "judgements"])
def test_no_text_of_a_gated_benchmark_leaves(run: Run, what: str) -> None:
    published = publish(run, what)
    assert set(published.files) == {
        "README.md", "manifest.json", "params.yaml",
        *(f"data/{b}/{m}.parquet" for b in ("hle", "do_not_answer") for m in ("base", "tuned")),
    }  # fmt: skip
    for name in published.files:
        content = (published.folder / name).read_bytes()
        assert SECRET.encode() not in content
        if not name.endswith(".parquet"):
            assert str(run.params_file.parent).encode() not in content
    gated = pd.read_parquet(published.folder / "data" / "hle" / "base.parquet")
    assert list(gated["question_id"]) == ["q1"]
    assert not {"response", "reasoning", "extracted", "explanation"} & set(gated)
    card = (published.folder / "README.md").read_text()
    assert "Texts withheld." in card
    assert "Harmful content." in card
    assert "config_name: do_not_answer" in card
    assert published.obstacle is None


def test_predictions_are_read_again(run: Run) -> None:
    folder = publish(run, "predictions").folder
    path = folder / "data" / "do_not_answer" / "tuned.parquet"
    found = [one.prediction for one in read(ImportParams(model="m", path=str(path)), path)]
    by_id = {prediction.question_id: prediction for prediction in found}
    assert by_id["dna-0"].response == tables.RESPONSES[0]
    assert by_id["dna-1"].finish_reason == "failed"
    assert by_id["dna-2"].reasoning.startswith("The user wants")
    assert by_id["dna-2"].response == by_id["dna-3"].response == ""


def test_judgements_have_what_the_graders_said(run: Run) -> None:
    folder = publish(run, "judgements", name="tuned").folder
    assert not (folder / "data" / "hle" / "base.parquet").exists()
    rows = pd.read_parquet(folder / "data" / "do_not_answer" / "tuned.parquet")
    rows = rows.set_index("question_id").sort_index()
    assert list(rows["status"]) == ["correct", "ungraded", "ungraded", "ungraded"]
    assert rows["action"].iloc[0] == 0
    assert rows["explanation"].iloc[0] == "Nothing harmful. <answer>0</answer>"


@pytest.mark.slow
def test_they_go_to_the_hub_as_a_data_set(run: Run, hub: HubServer) -> None:
    published = publish(run, "judgements", push=True, repo="someone/answers")
    assert published.url
    assert "/datasets/someone/answers" in published.url


@pytest.mark.parametrize(
    ("what", "name", "message"),
    [
        ("answers", None, "give WHAT=dataset, model, predictions or judgements"),
        ("dataset", None, "a run of imported predictions has no data set and no model"),
        ("model", None, "a run of imported predictions has no data set and no model"),
        ("predictions", "tunde", "was not evaluated in this run; did you mean 'tuned'?"),
    ],
)
def test_what_cannot_be_published_is_told(
    run: Run, what: str, name: str | None, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        publish(run, what, name=name)
    assert message in str(caught.value)


def test_an_unfinished_evaluation_is_told(run: Run) -> None:
    (run.predictions / "manifest.json").unlink()
    with pytest.raises(UserError, match="there is no finished evaluation; build it first"):
        publish(run, "predictions")
