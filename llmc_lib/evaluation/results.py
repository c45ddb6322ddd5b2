"""Read finished evaluations from the run directory; loads neither torch nor vLLM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib import benchmarks
from llmc_lib.errors import UserError
from llmc_lib.records import Question
from llmc_lib.store import Run, read_jsonl, read_manifest


@dataclass(frozen=True)
class Results:
    """All answers of all models.

    `answers` has one row a (benchmark, model, question_id, sample), also where a model gave none:
    category, status ("correct", "incorrect", "ungraded", "missing"), correct (bool; only "correct"
    is True), truncated, failed, extracted, rule, reasoning, response, finish_reason,
    completion_tokens. Models and questions keep the order of the evaluation and of the file.
    """

    answers: pd.DataFrame
    models: dict[str, str]  # name → label; the first is the reference
    questions: dict[str, dict[str, Question]]  # benchmark → id → question
    manifest: dict[str, Any]


def predictions_file(run: Run, benchmark: str, model: str) -> Path:
    """Where the predictions of a model on a benchmark are."""
    return run.predictions / benchmark / f"{model}.jsonl"


def load_results(run: Run) -> Results:
    """The finished evaluation of a run."""
    manifest = read_manifest(run.predictions)
    if manifest is None:
        raise UserError(f"{run.predictions}: no finished evaluation; run notebook 3 first")
    models = {model["name"]: model["label"] for model in manifest["models"]}
    questions = {
        str(b.name): {question.id: question for question in benchmarks.load(b)}
        for b in run.params.evaluation.benchmarks
    }
    rows = [
        row
        for benchmark, items in questions.items()
        for model in models
        for row in _rows(run, benchmark, model, items)
    ]
    return Results(pd.DataFrame(rows), models, questions, manifest)


def _rows(
    run: Run, benchmark: str, model: str, questions: dict[str, Question]
) -> list[dict[str, Any]]:
    path = predictions_file(run, benchmark, model)
    predictions = {row["question_id"]: row for row in read_jsonl(path)}
    grades = {row["question_id"]: row for row in read_jsonl(path.with_suffix(".grades.jsonl"))}
    rows = []
    for id_, question in questions.items():
        prediction, grade = predictions.get(id_, {}), grades.get(id_, {})
        status = grade.get("status", "missing")
        rows.append(
            {
                "benchmark": benchmark,
                "model": model,
                "question_id": id_,
                "category": question.category,
                "status": status,
                "correct": status == "correct",
                "truncated": prediction.get("finish_reason") == "length",
                "failed": prediction.get("finish_reason", "failed") == "failed",
                "extracted": _writable(grade.get("extracted", "")),
                "rule": grade.get("rule", "missing"),
                "reasoning": _writable(prediction.get("reasoning", "")),
                "response": _writable(prediction.get("response", "")),
                "finish_reason": prediction.get("finish_reason", "missing"),
                "completion_tokens": prediction.get("completion_tokens", 0),
            }
        )
    return rows


def _writable(text: str) -> str:
    """A text without lone halves of a surrogate pair, which a table cannot hold."""
    return text.encode("utf-8", "replace").decode()
