"""Read evaluations from the run directory; loads neither torch nor vLLM."""

from __future__ import annotations

import json
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
    category, status ("correct", "incorrect", "ungraded", "missing") by the grader that decides, correct
    (bool; only "correct" is True), by_rules and by_judge (the status that each gives, None where it
    gave none), truncated, failed, extracted, rule, confidence (percent or NaN), action, harmful,
    reasoning_status, reasoning, response, finish_reason, completion_tokens. Models and questions keep
    the order of the evaluation.

    Of an unfinished evaluation it holds the questions that all models have answered, `samples` times
    each, and `partial` says which part that is.
    """

    answers: pd.DataFrame
    models: dict[str, str]  # name → label; the first is the reference
    questions: dict[str, dict[str, Question]]  # benchmark → id → question
    manifest: dict[str, Any]
    partial: dict[str, dict[str, int]] | None = None  # benchmark → asked, answered, passed_over

    @property
    def kinds(self) -> dict[str, str]:
        """Benchmark → the module that knows it: "hle", "do_not_answer" or "questions"."""
        return {
            name: next(iter(items.values())).benchmark
            for name, items in self.questions.items()
            if items
        }


def predictions_file(run: Run, benchmark: str, model: str) -> Path:
    """Where the predictions of a model on a benchmark are."""
    return run.predictions / benchmark / f"{model}.jsonl"


def grades_file(run: Run, benchmark: str, model: str) -> Path:
    """Where their grades by rules are."""
    return predictions_file(run, benchmark, model).with_suffix(".grades.jsonl")


def judged_file(run: Run, benchmark: str, model: str) -> Path:
    """Where their grades by a judge are, if there is one."""
    return predictions_file(run, benchmark, model).with_suffix(".judge.jsonl")


def load_results(run: Run) -> Results:
    """The finished evaluation of a run. Raises `UserError` where there is none, and for models that
    were sampled under different settings."""
    manifest = read_manifest(run.predictions)
    if manifest is None:
        raise UserError(f"{run.predictions}: no finished evaluation; run notebook 3 first")
    return read_results(run, manifest)


def read_results(run: Run, manifest: dict[str, Any], *, partial: bool = False) -> Results:
    """The results that a manifest lists; `partial`: of the questions that all models have answered."""
    models = {model["name"]: model["label"] for model in manifest["models"]}
    questions = {
        b.name: {question.id: question for question in benchmarks.asked(b, run.params.seed)}
        for b in run.params.evaluation.benchmarks
    }
    _check_fair(run, list(questions), list(models))
    samples = manifest.get("samples", 1)
    rows = [
        row
        for benchmark, items in questions.items()
        for decides in [_judge_decides(run, benchmark, list(models))]
        for model in models
        for row in _rows(run, benchmark, model, items, samples, decides)
    ]
    if not partial:
        return Results(pd.DataFrame(rows), models, questions, manifest)
    return _common(Results(pd.DataFrame(rows), models, questions, manifest))


def _common(results: Results) -> Results:
    """The part of an unfinished evaluation that all its models have answered."""
    answers, kept, partial = results.answers, {}, {}
    for name, items in results.questions.items():
        rows = answers[answers["benchmark"] == name] if len(answers) else answers
        lacking = set(rows[rows["status"] == "missing"]["question_id"]) if len(rows) else set(items)
        kept[name] = {id_: question for id_, question in items.items() if id_ not in lacking}
        last = max((n for n, id_ in enumerate(items) if id_ in kept[name]), default=-1)
        partial[name] = {
            "asked": len(items),
            "answered": len(kept[name]),
            # Asked before the last one that is there, and still being answered: most often the long ones.
            "passed_over": last + 1 - len(kept[name]),
        }
    kept = {name: items for name, items in kept.items() if items}
    if not kept or len(results.models) < 2:
        raise UserError(
            f"{results.manifest.get('folder', 'runs')}: no question has been answered by two models yet; "
            "make status shows how far each is"
        )
    wanted = [
        row["question_id"] in kept.get(row["benchmark"], {}) for row in answers.to_dict("records")
    ]
    return Results(
        answers[wanted].reset_index(drop=True), results.models, kept, results.manifest, partial
    )


def _check_fair(run: Run, names: list[str], models: list[str]) -> None:
    """Are all models of a comparison sampled under the same settings? Raises `UserError` if not."""
    for benchmark in names:
        first: tuple[str, dict[str, Any]] | None = None
        for model in models:
            path = predictions_file(run, benchmark, model).with_suffix(".settings.json")
            if not path.exists():
                continue
            found = json.loads(path.read_text())
            found.pop("model", None)
            if first is None:
                first = model, found
            different = [
                key for key in {**first[1], **found} if first[1].get(key) != found.get(key)
            ]
            if different:
                key = different[0]
                raise UserError(
                    f"{path}: {model} was sampled with {key} {found.get(key)!r}, {first[0]} with "
                    f"{first[1].get(key)!r}; only answers under the same settings can be compared: "
                    "run the evaluation again"
                )


def _judge_decides(run: Run, benchmark: str, models: list[str]) -> bool:
    """Are the main figures a judge's? Only where it has graded all models: one grader for all."""
    judge = run.params.evaluation.judge
    if judge is not None and not judge.decides:
        return False
    return all(judged_file(run, benchmark, model).exists() for model in models)


def _rows(
    run: Run,
    benchmark: str,
    model: str,
    questions: dict[str, Question],
    samples: int,
    judge_decides: bool,
) -> list[dict[str, Any]]:
    predictions = _by_sample(predictions_file(run, benchmark, model))
    rules = _by_sample(grades_file(run, benchmark, model))
    judged = _by_sample(judged_file(run, benchmark, model))
    rows = []
    for id_, question in questions.items():
        for sample in range(samples):
            key = id_, sample
            prediction = predictions.get(key, {})
            by_rules, by_judge = rules.get(key), judged.get(key)
            grade = (by_judge if judge_decides else by_rules) or {}
            if (
                judge_decides
                and not grade
                and by_rules
                and by_rules["rule"] in ("truncated", "failed", "empty")
            ):
                grade = by_rules  # such an answer is no judge's business
            status = grade.get("status", "ungraded" if prediction else "missing")
            both = {**(by_rules or {}), **{k: v for k, v in grade.items() if v is not None}}
            rows.append(
                {
                    "benchmark": benchmark,
                    "model": model,
                    "question_id": id_,
                    "sample": sample,
                    "category": question.category,
                    "status": status,
                    "correct": status == "correct",
                    "by_rules": (by_rules or {}).get("status"),
                    "by_judge": (by_judge or {}).get("status"),
                    "truncated": prediction.get("finish_reason") == "length",
                    "failed": prediction.get("finish_reason", "failed") == "failed",
                    "extracted": _writable(grade.get("extracted", "")),
                    "rule": grade.get("rule", "missing"),
                    "confidence": both.get("confidence"),
                    "action": both.get("action"),
                    "harmful": both.get("harmful"),
                    "reasoning_status": both.get("reasoning_status"),
                    "reasoning": _writable(prediction.get("reasoning", "")),
                    "response": _writable(prediction.get("response", "")),
                    "finish_reason": prediction.get("finish_reason", "missing"),
                    "completion_tokens": prediction.get("completion_tokens", 0),
                }
            )
    return rows


def _by_sample(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The last record of each question and sample."""
    return {(row["question_id"], row.get("sample", 0)): row for row in read_jsonl(path)}


def _writable(text: str) -> str:
    """A text without lone halves of a surrogate pair, which a table cannot hold."""
    return text.encode("utf-8", "replace").decode()
