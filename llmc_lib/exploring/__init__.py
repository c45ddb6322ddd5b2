"""Find out why: the answers of finished runs, filtered, drawn, compared and read, in a notebook.

`open_runs` opens them; `answers` is their table. A `Choice` chooses questions and two models, and `Plots`, `Comparison`,
`Design` and `Traces` follow it; `Training` and `Rows` show what the models were trained on, and how that went. Each is a
widget with `.data`, the DataFrame that it shows. `marks` lists the questions that were marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from llmc_lib.exploring.choosing import Choice
from llmc_lib.exploring.comparing import Comparison
from llmc_lib.exploring.designing import Design
from llmc_lib.exploring.opened import Runs, open_runs
from llmc_lib.exploring.plots import Plots
from llmc_lib.exploring.reading import Traces
from llmc_lib.exploring.rows import Rows
from llmc_lib.exploring.training import Training
from llmc_lib.store import read_marks

__all__ = [
    "Choice",
    "Comparison",
    "Design",
    "Plots",
    "Rows",
    "Runs",
    "Traces",
    "Training",
    "answers",
    "marks",
    "open_runs",
]


def answers(runs: Runs | str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """All answers of some runs as one tidy table, a row an answer: the columns are those of `table.tidy`.

    `runs`: what `open_runs` gives, or takes. What the models wrote stays on disk until it is asked for (`Runs.text`).
    Raises `UserError` as `open_runs` does.
    """
    return (runs if isinstance(runs, Runs) else open_runs(runs)).answers


def marks(runs: Runs) -> pd.DataFrame:
    """The questions that were marked: run, benchmark, question, comment, in the order of marking."""
    rows = [
        {"run": run.name, "benchmark": benchmark, "question": question, "comment": comment}
        for run in runs.opened.values()
        for (benchmark, question), comment in read_marks(run.state).items()
    ]
    return pd.DataFrame(rows, columns=["run", "benchmark", "question", "comment"])
