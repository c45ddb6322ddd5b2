"""The second pass: duplicates, measured difficulty, a teacher's completions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llmc_lib.dataset import completions, difficulty
from llmc_lib.dataset.collect import Collected
from llmc_lib.dataset.deduplication import duplicates
from llmc_lib.dataset.form import Fault, form
from llmc_lib.dataset.prepare import Context, removal
from llmc_lib.dataset.problems import Problem
from llmc_lib.dataset.provenance import model_kind, objection
from llmc_lib.dataset.rows import read_rows
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import author_name
from llmc_lib.records import AuthorKind, Example
from llmc_lib.store import Run

#: Why a row is not in the run's own mixture, where a candidate's has it.
ELSEWHERE = "drawn for candidates only"


@dataclass
class Selection:
    """Which rows are left, why the others are not, and what was added to the rows.

    Rows are numbered as in the row file.
    """

    alive: np.ndarray  # bool
    gone: dict[int, tuple[str, str, str]] = field(
        default_factory=dict
    )  # row → step, reason, detail
    added: dict[int, dict[str, str]] = field(default_factory=dict)  # row → a teacher's completion
    pass_rate: dict[int, tuple[float, float, float]] = field(
        default_factory=dict
    )  # rate, low, high
    stripped: list[tuple[str, str, str, str]] = field(default_factory=list)
    teacher: dict[str, Any] | None = None  # what the teacher's samples came to
    reference: dict[str, Any] | None = None  # how the pass rates are spread

    def remove(self, row: int, step: str, reason: str, detail: str = "") -> None:
        self.alive[row] = False
        self.gone[row] = (step, reason, detail)

    def removals(
        self, path: Path, chosen: np.ndarray, elsewhere: np.ndarray
    ) -> Iterator[list[dict[str, Any]]]:
        """All rows that are not `chosen` (bool), as removed.parquet has them, in the file's order.

        Those that are chosen `elsewhere` (bool), by mixtures of candidates alone, have the reason
        `ELSEWHERE`.
        """
        for start, batch in read_rows(path):
            rows = np.flatnonzero(~chosen[start : start + batch.num_rows])
            texts = batch.select(["id", "source", "category", "subject", "question"]).take(rows)
            yield [
                removal(text, *self._why(start + int(row), bool(elsewhere[start + row])))
                for row, text in zip(rows, texts.to_pylist(), strict=True)
            ]

    def _why(self, row: int, elsewhere: bool) -> tuple[str, str, str]:
        return self.gone.get(row, ("mixture", ELSEWHERE if elsewhere else "not drawn", ""))


def select(run: Run, collected: Collected, path: Path, context: Context) -> Selection:
    """Take the rows of the row file at `path` through the steps that need more than one row."""
    selection = Selection(np.ones(len(collected.index), bool))
    params = context.params
    if params.deduplication.enabled:
        _deduplicate(selection, collected, params.deduplication.near)
    if params.difficulty.enabled:
        _screen(run, selection, collected, path)
    if params.completions.enabled:
        _complete(run, selection, collected, path, context)
    has_completion = collected.index["has_completion"].to_numpy()
    ids = collected.index["id"].array
    for row in np.flatnonzero(selection.alive & ~has_completion):
        if int(row) not in selection.added:
            why = collected.stripped.get(str(ids[row]), "the source gives none")
            selection.remove(int(row), "completions", "no completion", why)
    return selection


def _deduplicate(selection: Selection, collected: Collected, near: float | None) -> None:
    """Of equal problems keep the one with a completion, the better author, the earlier source."""
    index = collected.index
    order = np.lexsort([collected.author_rank, ~index["has_completion"].to_numpy()])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    of = duplicates(collected.exact, collected.signatures, collected.numbers, rank, near)
    ids = index["id"].array
    for row in np.flatnonzero(of >= 0):
        same = bool((collected.exact[row] == collected.exact[of[row]]).all())
        reason = "the same problem" if same else "nearly the same problem"
        selection.remove(int(row), "duplicates", reason, str(ids[of[row]]))


def _screen(run: Run, selection: Selection, collected: Collected, path: Path) -> None:
    """Measure pass rates and keep the band."""
    params = run.params.dataset.difficulty
    verifiable = (collected.index["kind"] == "verifiable").to_numpy()
    problems = dict(_problems(selection.alive & verifiable, path))
    rates = difficulty.pass_rates(run, list(problems.values()))
    for row, problem in problems.items():
        rate = rates.get(problem.id)
        if rate is not None:
            selection.pass_rate[row] = (rate.rate, rate.low, rate.high)
        if words := difficulty.outside_band(rate, params):
            reason = "not measured" if rate is None else "pass rate outside the band"
            selection.remove(row, "pass rate", reason, words)
    counts = np.histogram([rate.rate for rate in rates.values()], np.linspace(0, 1, 11))[0]
    selection.reference = {
        "model": author_name(params.model or run.params.model),
        "samples": params.samples,
        "problems": len(rates),
        "solved_at_least_once": sum(rate.correct > 0 for rate in rates.values()),
        "mean": round(float(np.mean([r.rate for r in rates.values()])), 4) if rates else None,
        "histogram": [int(n) for n in counts],  # tenths from 0 to 1
    }


def _complete(
    run: Run, selection: Selection, collected: Collected, path: Path, context: Context
) -> None:
    """Have the teacher answer the problems that have no completion."""
    kind = teachers_kind(run)
    index = collected.index
    wanted = selection.alive & ~index["has_completion"].to_numpy() & index["has_answer"].to_numpy()
    wanted &= (index["kind"] == "verifiable").to_numpy()
    problems = dict(_problems(wanted, path))
    found, made = completions.complete(run, list(problems.values()))
    selection.teacher = asdict(made)
    for row, problem in problems.items():
        completion = found.get(problem.id)
        if completion is None:
            selection.remove(row, "completions", "no right answer by the teacher")
            continue
        example = _example(problem, completion.text, completion.author)
        formed = form(example, think=context.params.form.think)
        if isinstance(formed, Fault):
            selection.remove(row, "completions", f"the teacher's answer: {formed.reason}")
        elif context.too_long(example, formed.completion):
            selection.remove(row, "completions", "the teacher's answer is too long")
        elif context.contaminated(formed.completion):
            selection.remove(row, "completions", "the teacher's answer quotes a benchmark")
        else:
            selection.added[row] = {
                "completion": formed.completion,
                "verified": formed.verified,
                "author": completion.author,
                "author_kind": kind,
            }


def teachers_kind(run: Run) -> AuthorKind:
    """Whether the teacher is open; raises `UserError` for one that may not write completions."""
    params = run.params.dataset
    author = author_name(params.completions.model or run.params.model)
    kind = model_kind(author, params.provenance.closed_models) or "unknown"
    if reason := objection(kind, author, params.provenance):
        raise UserError(
            f"{run.params_file.name}: dataset.completions.model: may not write completions here "
            f"({reason}); give an open model, or change dataset.provenance"
        )
    return kind


def _problems(mask: np.ndarray, path: Path) -> Iterator[tuple[int, Problem]]:
    names = ["id", "question", "answer", "answer_type"]
    for start, batch in read_rows(path):
        rows = np.flatnonzero(mask[start : start + batch.num_rows])
        for row, values in zip(rows, batch.select(names).take(rows).to_pylist(), strict=True):
            yield start + int(row), Problem(**values)


def _example(problem: Problem, text: str, author: str) -> Example:
    return Example(
        id=problem.id,
        source="",
        row_id="",
        revision="",
        licence="",
        category="",
        subject="",
        question=problem.question,
        answer=problem.answer,
        answer_type=problem.answer_type,
        completion=text,
        author=author,
        author_kind="unknown",
    )
