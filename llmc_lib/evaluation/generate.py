"""Have every model answer every benchmark: resumable, the same settings for all, nothing dropped."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from llmc_lib import benchmarks
from llmc_lib.engines.sampling import Request, sample
from llmc_lib.evaluation.grading import grade
from llmc_lib.evaluation.results import Results, load_results, predictions_file
from llmc_lib.hardware import number_type
from llmc_lib.models import Model
from llmc_lib.records import Prediction, Question
from llmc_lib.store import (
    Run,
    fingerprint,
    read_jsonl,
    read_manifest,
    sha256_file,
    sha256_text,
    write_jsonl,
    write_manifest,
)

_VERSION = 1
_GRADER_VERSION = 2


def evaluate(run: Run, models: list[Model]) -> Results:
    """Sample and grade what is missing, then load the results of all `models`.

    The first model is the reference that the others are compared with.
    """
    key = stage_key(run, models)
    if read_manifest(run.predictions, key) is None:
        start = time.monotonic()
        questions = {str(b.name): benchmarks.load(b) for b in run.params.evaluation.benchmarks}
        for model in models:
            _sample(run, model, questions)
            for name in questions:
                _grade(run, model, name, questions[name])
        write_manifest(
            run.predictions,
            key,
            time.monotonic() - start,
            models=[{"name": model.name, "label": model.label} for model in models],
            questions={name: len(items) for name, items in questions.items()},
            dtype=number_type(run.params.evaluation.dtype),
        )
    return load_results(run)


def finished(run: Run, models: list[Model]) -> bool:
    """Are all answers of `models` there, sampled and graded under the present params?"""
    return read_manifest(run.predictions, stage_key(run, models)) is not None


def stage_key(run: Run, models: list[Model]) -> str:
    """The fingerprint of what the results are made from."""
    return fingerprint(
        version=_VERSION,
        grader=_GRADER_VERSION,
        settings=_settings(run),
        questions={
            b.name: sha256_file(benchmarks.path(b)) for b in run.params.evaluation.benchmarks
        },
        prompts=sha256_text(
            "".join(
                benchmarks.prompt(question)
                for benchmark in run.params.evaluation.benchmarks
                for question in benchmarks.load(benchmark)
            )
        ),
        models={model.name: model.fingerprint for model in models},
    )


def _settings(run: Run) -> dict[str, Any]:
    """What must be equal for two completions to be comparable."""
    shared = ("max_tokens", "max_model_len", "temperature", "top_p", "dtype")
    params = run.params.evaluation.model_dump(mode="json")
    return {**{name: params[name] for name in shared}, "seed": run.params.seed}


def _sample(run: Run, model: Model, questions: dict[str, list[Question]]) -> None:
    """Run the engine on the questions that the model has not answered yet, all benchmarks at once."""
    sample(
        model,
        {
            predictions_file(run, name, model.name): [
                Request(question.id, benchmarks.prompt(question)) for question in items
            ]
            for name, items in questions.items()
        },
        _settings(run),
        run.predictions / "logs" / f"{model.name}.log",
        desc=f"Evaluating {model.name}",
        engine=run.params.evaluation.engine,
    )


def _grade(run: Run, model: Model, benchmark: str, questions: list[Question]) -> None:
    """Grade all predictions of a model on a benchmark; cheap, so it is done anew each time."""
    path = predictions_file(run, benchmark, model.name)
    by_id = {question.id: question for question in questions}
    latest = {row["question_id"]: Prediction(**row) for row in read_jsonl(path)}
    grades = [asdict(grade(by_id[id_], latest[id_])) for id_ in by_id if id_ in latest]
    write_jsonl(path.with_suffix(".grades.jsonl"), grades)
