"""Grade what is stored of a model, by rules or by the judge, and keep the grades beside the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from llmc_lib import question_bank
from llmc_lib.benchmarks import declared
from llmc_lib.evaluation import grading
from llmc_lib.evaluation.asked import answered_pairs
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.evaluation.grading.judge import judge
from llmc_lib.evaluation.stored import grades_file, judged_file, predictions_file
from llmc_lib.records import Grade, Question
from llmc_lib.store import Run, fingerprint, read_word, sha256_file, write_atomic, write_jsonl

# Answers in memory at a time while they are graded.
_TOGETHER = 5_000


def grade_by_rules(
    run: Run, model: str, benchmark: str, questions: Sequence[Question], *, partial: bool = False
) -> None:
    """Grade by rules what a model has answered; what was graded before by the same rules is kept."""
    path = grades_file(run, benchmark, model, partial=partial)
    key = _grades_key(run, benchmark, model)
    mark = path.with_suffix(".key")
    if path.is_file() and read_word(mark) == f"{key} {sha256_file(path)}":
        return
    pairs = answered_pairs(run, benchmark, model, questions)
    grades: list[Grade] = []
    while part := list(islice(pairs, _TOGETHER)):
        grades += grade_all(part, desc=f"Grading {model}, {benchmark}")
    _write_grades(path, grades)
    write_atomic(mark, f"{key} {sha256_file(path)}")


def _grades_key(run: Run, benchmark: str, model: str) -> str:
    path = predictions_file(run, benchmark, model)
    digest = sha256_file(path) if path.is_file() else ""
    source = next(b for b in run.params.evaluation.benchmarks if b.name == benchmark)
    return fingerprint(
        grader=grading.VERSION, predictions=digest, questions=question_bank.digest(source)
    )


def grade_by_judge(
    run: Run, models: Sequence[str], asked: Mapping[str, Sequence[Question]]
) -> None:
    """Have the judge grade what the models have answered, where the benchmark has a rubric."""
    params = run.params.evaluation.judge
    if params is None:
        return
    answers = {
        (name, model): list(answered_pairs(run, name, model, questions))
        for name, questions in asked.items()
        for model in models
        if not questions or declared(questions[0].benchmark).rubric
    }
    for (name, model), grades in judge(run, answers, run.predictions / "judge").items():
        _write_grades(judged_file(run, name, model), grades)


def _write_grades(path: Path, grades: Sequence[Grade]) -> None:
    write_jsonl(path, [asdict(grade) for grade in grades])
