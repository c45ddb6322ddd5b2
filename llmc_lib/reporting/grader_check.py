"""`make grader-check`: what the rules miss and let pass, by the kind of answer, as a table for the terminal and a CSV."""

from __future__ import annotations

import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.evaluation import grading
from llmc_lib.evaluation.grader_check import check
from llmc_lib.evaluation.results import asked_questions
from llmc_lib.formatting import aligned, counted, share
from llmc_lib.params import BenchmarkParams
from llmc_lib.reporting.elements import as_csv
from llmc_lib.store import Run, write_atomic

#: Of each way to fail so many examples are printed.
_SHOWN = 2
_WIDTH = 90


def grader_check(run: Run, benchmark: str | None = None) -> str:
    """Check the rules on the references of a run's benchmarks, or of one; returns what is printed. Every response that they grade
    otherwise than it was made goes to runs/<run>/audit/grader-check.csv.

    Raises `UserError` where none has reference answers, or there is no benchmark of that name.
    """
    known = run.params.evaluation.benchmarks
    chosen = [b for b in known if benchmark in (None, b.name)]
    if not chosen:
        names = ", ".join(b.name for b in known)
        raise UserError(
            f"{run.params_file.name}: BENCHMARK={benchmark}: not a benchmark of this run; there are: {names}"
        )
    told, wrong = [], []
    for each in chosen:
        rows = check(asked_questions(run, each))
        if rows.empty:
            later = "; make report imports the questions first" if each.source == "imports" else ""
            told.append(f"{each.name}: no reference answers, so there is nothing to check{later}.")
            continue
        withheld = each.name in run.params.withheld
        told.append(_told(each, rows, withheld=withheld))
        wrong.append(_failed(rows, withheld=withheld).assign(benchmark=each.name))
    if not wrong:
        raise UserError(f"{run.params_file.name}: {' '.join(told)}")
    path = run.audit / "grader-check.csv"
    write_atomic(path, as_csv(pd.concat(wrong)))
    return "\n\n".join([*told, f"All of them are in {path}"])


def _failed(rows: pd.DataFrame, *, withheld: bool) -> pd.DataFrame:
    found = rows[rows["right"] != (rows["status"] == "correct")]
    return found.drop(columns=["extracted", "reference", "response"]) if withheld else found


def _told(benchmark: BenchmarkParams, rows: pd.DataFrame, *, withheld: bool) -> str:
    references = rows["question_id"].nunique()
    head = (
        f"{benchmark.name}: {counted(references, 'reference answer')}, written in {counted(int(rows['right'].sum()), 'way')} that mean the same "
        f"and in {int((~rows['right']).sum()):,} that are wrong; graded by the rules, version {grading.VERSION}."
    )
    lines = [head, "", _by_type(rows)]
    if len(failed := _failed(rows, withheld=withheld)):
        lines += ["", *_examples(failed, withheld=withheld)]
    return "\n".join(lines)


def _by_type(rows: pd.DataFrame) -> str:
    head = ["answer", "references", "right ways", "called wrong", "ungraded", "missed", "near misses", "called right", "let pass"]  # fmt: skip
    table = [head]
    groups = [(str(name), part) for name, part in rows.groupby("answer_type")]
    for name, part in [*groups, ("all", rows)] if len(groups) > 1 else groups:
        right, near = part[part["right"]], part[~part["right"]]
        wrong, ungraded = (
            int((right["status"] == status).sum()) for status in ("incorrect", "ungraded")
        )
        passed = int((near["status"] == "correct").sum())
        table.append(
            [name, f"{part['question_id'].nunique():,}", f"{len(right):,}", f"{wrong:,}", f"{ungraded:,}",
             share(wrong + ungraded, len(right)), f"{len(near):,}", f"{passed:,}",
             share(passed, len(near)) if len(near) else ""]
        )  # fmt: skip
    return aligned(table, "lrrrrrrrr")


def _examples(failed: pd.DataFrame, *, withheld: bool) -> list[str]:
    """A line for each form in which the rules fail, with some of the responses."""
    lines = []
    for (kind, form, right), part in failed.groupby(["answer_type", "form", "right"], sort=True):
        what = "not called correct" if right else "called correct"
        lines.append(f"{kind}, {form}: {len(part):,} {what}")
        for row in part.head(0 if withheld else _SHOWN).to_dict("records"):
            response = " ".join(str(row["response"]).split())[-_WIDTH:]
            reference = " ".join(str(row["reference"]).split())[:_WIDTH]
            lines.append(f"    reference {reference!r}, {response!r}: {row['status']}, {row['rule']}")  # fmt: skip
    return lines
