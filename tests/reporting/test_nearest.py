"""The section on where a gain comes from, of a run with training rows among which ten questions are repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.evaluation.stored import grades_file, predictions_file
from llmc_lib.params import Params
from llmc_lib.records import Prediction
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.report import Report
from llmc_lib.store import Run, write_jsonl, write_manifest

PARAPHRASES = json.loads(
    (Path(__file__).parents[2] / "performance" / "validity" / "paraphrases.json").read_text()
)
OTHERS = [
    (f"r{n}", f"Which <b>town</b> number {n} of the old trading league lies on the coast?", f"town {n}")
    for n in range(60)
]  # fmt: skip
Made = Callable[..., Report]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(planted: bool, **benchmark: Any) -> Report:
        item = {"name": "hle", **benchmark}
        values = {
            "run": "x", "runs_dir": str(tmp_path / "runs"), "evaluation": {"benchmarks": [item]}, "report": {"claims": None},
        }  # fmt: skip
        run = Run(Params.model_validate(values), tmp_path / "x.yaml")
        rows = list(OTHERS)
        if planted:
            rows += [(f"p/{id_}", text, answer) for id_, (text, answer) in PARAPHRASES.items()]
        run.dataset.mkdir(parents=True)
        frame = pd.DataFrame(rows, columns=["id", "question", "answer"])
        frame.to_parquet(run.dataset / "train.parquet")
        _answered(run)
        return load_report(run)

    return make


def _answered(run: Run) -> None:
    """The tuned model knows the ten; else both are right on every third question."""
    questions = question_bank.asked(run.params.evaluation.benchmarks[0], 0)
    for model in ("base", "step-18"):
        pairs = []
        for n, question in enumerate(questions):
            right = (
                model != "base"
                if question.id in PARAPHRASES
                else (n + (model == "base") * (n % 7 == 0)) % 3 == 0
            )
            answer = question.answer if right else "none of them"
            pairs.append((question, Prediction(question.id, 0, "", f"Answer: {answer}", "stop", 1, 9, 0.1, "")))  # fmt: skip
        path = predictions_file(run, "hle", model)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, [asdict(prediction) for _, prediction in pairs])
        write_jsonl(grades_file(run, "hle", model), [asdict(grade) for grade in grade_all(pairs)])
    models = [{"name": name, "label": name} for name in ("base", "step-18")]
    write_manifest(run.predictions, "key", 1.0, models=models, samples=1)


@pytest.mark.slow
def test_ten_planted_paraphrases_are_flagged(made: Made) -> None:
    report = made(planted=True)
    found = report.headline["nearest"]
    assert {row["question_id"] for row in found["repeated"]} == set(PARAPHRASES)
    assert all(row["row"] == f"p/{row['question_id']}" for row in found["repeated"])
    assert all(row["same_answer"] for row in found["repeated"])
    assert found["found"] == "larger"
    assert {case["case"]: case["n"] for case in found["without"]} == {
        "repeated": 190, "0.05": 190, "0.1": 180, "0.25": 150
    }  # fmt: skip
    block = sections.nearest(report)
    words = " ".join(block.text.split())
    assert "The difference is higher on the questions nearest to the training rows: +100 points on the nearest" in words  # fmt: skip
    assert "10 of 200 questions seem to be repeated in the training rows. On the 190 others the verdict is" in words  # fmt: skip
    assert "Write the binary number 1011" in block["table-repeated"].markup
    assert "<b>town" not in block.markup
    json.dumps(report.metrics, allow_nan=False)


@pytest.mark.slow
def test_of_withheld_questions_no_text_is_shown(made: Made, tmp_path: Path) -> None:
    source = Path(question_bank.path(Params(run="x").evaluation.benchmarks[0]))
    (tmp_path / "hle.jsonl").write_bytes(source.read_bytes())
    report = made(planted=True, source=str(tmp_path / "hle.jsonl"))
    assert report.results.withheld == {"hle"}
    table = sections.nearest(report)["table-repeated"]
    assert "hle-mini-cs-001" in table.markup
    assert "1011" not in table.markup


@pytest.mark.slow
def test_without_repeats_the_page_says_nothing(made: Made) -> None:
    report = made(planted=False)
    found = report.headline["nearest"]
    assert found["repeated"] == []
    assert found["found"] == "none"
    assert (sections.nearest(report).markup == "") == (not found["changes"])
