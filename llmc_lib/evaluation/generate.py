"""Have every model answer every benchmark: resumable, the same settings for all, nothing dropped."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmc_lib.evaluation import benchmarks
from llmc_lib.evaluation.engines.vllm import CPU_ENVIRONMENT
from llmc_lib.evaluation.grading import grade
from llmc_lib.evaluation.results import Results, load_results, predictions_file
from llmc_lib.models import Model
from llmc_lib.progress import progress_bar
from llmc_lib.records import Prediction, Question
from llmc_lib.store import (
    Run,
    fingerprint,
    read_jsonl,
    read_manifest,
    sha256_file,
    sha256_text,
    write_atomic,
    write_jsonl,
    write_manifest,
)
from llmc_lib.workers import run_worker

_VERSION = 1
_GRADER_VERSION = 1


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
    requests, total, done = [], 0, 0
    for name, items in questions.items():
        path = predictions_file(run, name, model.name)
        _set_aside_other_settings(path, {**_settings(run), "model": model.fingerprint})
        prompts = {question.id: benchmarks.prompt(question) for question in items}
        hashes = {id_: sha256_text(text) for id_, text in prompts.items()}
        finished = {
            row["question_id"]
            for row in read_jsonl(path)
            if row["finish_reason"] != "failed"
            and row["prompt_sha256"] == hashes.get(row["question_id"])
        }
        total, done = total + len(items), done + len(finished)
        requests += [
            {
                "file": str(path),
                "question_id": id_,
                "sample": 0,
                "prompt": text,
                "prompt_sha256": hashes[id_],
            }
            for id_, text in prompts.items()
            if id_ not in finished
        ]
    if not requests:
        return
    spec = {
        "model": str(model.folder),
        "max_num_seqs": run.params.evaluation.max_num_seqs,
        "requests": requests,
        **_settings(run),
    }
    folder = run.predictions / "logs"
    write_atomic(folder / f"{model.name}.spec.json", json.dumps(spec))
    tokens = truncated = 0
    start = time.monotonic()
    with progress_bar(
        total=total, initial=done, desc=f"Evaluating {model.name}", unit="answer"
    ) as bar:

        def on_event(event: dict[str, Any]) -> None:
            nonlocal tokens, truncated, start
            if event["kind"] == "ready":  # the engine's start is not the model's speed
                start = time.monotonic()
            if event["kind"] == "done":
                tokens += event["tokens"]
                truncated += event["finish_reason"] == "length"
                speed = tokens / max(time.monotonic() - start, 1e-3)
                bar.set_postfix_str(f"{speed:.0f} tokens/s, {truncated} truncated", refresh=False)
                bar.update()

        command = [sys.executable, "-m", "llmc_lib.evaluation.engines.vllm"]
        run_worker(
            [*command, str(folder / f"{model.name}.spec.json")],
            folder / f"{model.name}.log",
            on_event,
            {**CPU_ENVIRONMENT, "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))},
        )


def _set_aside_other_settings(path: Path, settings: dict[str, Any]) -> None:
    """Keep predictions of other settings apart: a file never mixes two, and none is deleted."""
    sidecar = path.with_suffix(".settings.json")
    if sidecar.exists():
        earlier = json.loads(sidecar.read_text())
        if earlier == settings:
            return
        if path.exists():
            aside = path.parent / "earlier" / fingerprint(**earlier)
            aside.mkdir(parents=True, exist_ok=True)
            os.replace(path, aside / path.name)
            os.replace(sidecar, aside / sidecar.name)
    write_atomic(sidecar, json.dumps(settings, indent=1))


def _grade(run: Run, model: Model, benchmark: str, questions: list[Question]) -> None:
    """Grade all predictions of a model on a benchmark; cheap, so it is done anew each time."""
    path = predictions_file(run, benchmark, model.name)
    by_id = {question.id: question for question in questions}
    latest = {row["question_id"]: Prediction(**row) for row in read_jsonl(path)}
    grades = [asdict(grade(by_id[id_], latest[id_])) for id_ in by_id if id_ in latest]
    write_jsonl(path.with_suffix(".grades.jsonl"), grades)
