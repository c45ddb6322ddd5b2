"""The second pass: the steps that compare rows with one another or ask a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llmc_lib.dataset import steps
from llmc_lib.dataset.collect import Collected
from llmc_lib.dataset.prepare import removal
from llmc_lib.dataset.problems import Problem
from llmc_lib.dataset.rows import read_rows
from llmc_lib.dataset.steps.mixture import ELSEWHERE, NOT_DRAWN, STEP
from llmc_lib.dataset.steps.step import Context, SetStep
from llmc_lib.store import Run


@dataclass
class Selection:
    """Which rows are left, why the others are not, and what was added to the rows.

    Rows are numbered as in the row file at `path`.
    """

    run: Run
    context: Context
    rows: Collected
    path: Path
    alive: np.ndarray  # bool
    # Row → step, reason, detail.
    gone: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    added: dict[int, dict[str, str]] = field(default_factory=dict)  # row → a teacher's completion
    # Row → rate and the ends of its interval.
    pass_rate: dict[int, tuple[float, float | None, float | None]] = field(default_factory=dict)
    teacher: dict[str, Any] | None = None  # what the teacher's samples came to
    reference: dict[str, Any] | None = None  # how the pass rates are spread

    def problems(self, mask: np.ndarray) -> Iterator[tuple[int, Problem]]:
        """The rows of `mask` (bool) as problems, each with its number."""
        names = ["id", "question", "answer", "answer_type"]
        for start, batch in read_rows(self.path):
            rows = np.flatnonzero(mask[start : start + batch.num_rows])
            for row, values in zip(rows, batch.select(names).take(rows).to_pylist(), strict=True):
                yield start + int(row), Problem(**values)

    def removals(self, chosen: np.ndarray, elsewhere: np.ndarray) -> Iterator[list[dict[str, Any]]]:
        """All rows that are not `chosen` (bool), as removed.parquet has them, in the file's order.

        Those that are chosen `elsewhere` (bool), by mixtures of candidates alone, have the reason
        `mixture.ELSEWHERE`.
        """
        for start, batch in read_rows(self.path):
            rows = np.flatnonzero(~chosen[start : start + batch.num_rows])
            texts = batch.select(["id", "source", "category", "subject", "question"]).take(rows)
            yield [
                removal(text, *self._why(start + int(row), bool(elsewhere[start + row])))
                for row, text in zip(rows, texts.to_pylist(), strict=True)
            ]

    def _why(self, row: int, elsewhere: bool) -> tuple[str, str, str]:
        return self.gone.get(row, (STEP.name, ELSEWHERE if elsewhere else NOT_DRAWN, ""))


def select(run: Run, collected: Collected, path: Path, context: Context) -> Selection:
    """Take the rows of the row file at `path` through the steps that need more than one row."""
    selection = Selection(run, context, collected, path, np.ones(len(collected.index), bool))
    for step in steps.STEPS:
        if isinstance(step, SetStep) and step.is_on(context.params):
            for row, reason, detail in step.look(selection):
                selection.alive[row] = False
                selection.gone[row] = (step.name, reason, detail)
    return selection
