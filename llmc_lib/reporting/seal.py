"""`make seal`: set the rule before the run, and let the page say whether the verdict followed it.

A seal is a row of the ledgers of looks: the params, with the rule of selection and the gate, their digest, and the time. It
counts where it comes before the first look, and nothing that decides has changed since.
"""

from __future__ import annotations

from typing import Any, Literal

from llmc_lib.errors import UserError
from llmc_lib.params.changes import changes
from llmc_lib.reporting.looks import params_digest
from llmc_lib.store import Run, git_commit, ledger, looks
from llmc_lib.store.data_files import count_rows

#: followed: sealed before any look, unchanged; changed: sealed before any look, changed since; late: sealed after a look;
#: none: not sealed; broken: a ledger is not as it was written, and nobody can tell.
Code = Literal["followed", "changed", "late", "none", "broken"]
#: What a page shows beside its verdict, which does not depend on it.
_SHOWN = ("report.cases", "report.claims", "report.show_questions")


def seal(run: Run) -> dict[str, Any]:
    """Seal the params of a run in its ledger; returns the row. The same params are sealed once, in a row.

    Raises `UserError` where a ledger is not as it was written: nobody could tell what the seal came before.

    The row has the params (`values`) and their digest (`params`), the `rule` by which the verdict and the choice are made,
    the `commit`, how many `answers` there were already, and how many looks (`looked`).
    """
    if problem := looks.problem(run):
        raise UserError(
            f"{run.looks}: {problem}: a seal would count for nothing; put back the file as it was, or give the run a new name"
        )
    rows = ledger.scan(run.looks).rows
    seals = [row for row in rows if row.get("what") == "seal"]
    if seals and seals[-1].get("params") == params_digest(run):
        return seals[-1]
    report = run.params.report
    gate = run.params.gate
    return looks.record(
        run,
        {
            "what": "seal",
            "params": params_digest(run),
            "rule": {
                "main": report.main,
                "select": report.select and list(report.select),
                "smallest_interesting_points": report.smallest_interesting_points,
                "significance": report.significance,
                "gate": gate and gate.model_dump(mode="json"),
            },
            "values": run.params.model_dump(mode="json"),
            "commit": git_commit(),
            "answers": _answers(run),
            "looked": sum(map(_is_look, rows)),
        },
    )


def sealed(run: Run) -> dict[str, Any]:
    """Whether what a run reports follows a sealed rule, as metrics.json has it.

    Returns `code`, and of the seal `time`, `params`, `answers` (that were there) and `looked` (looks before it); `changed`:
    key and what, of all that has changed since; `problem` of a ledger that is broken.
    """
    if problem := looks.problem(run):
        return {"code": "broken", "problem": problem}
    rows = ledger.scan(run.looks).rows
    first = next((at for at, row in enumerate(rows) if _is_look(row)), len(rows))
    seals = [row for row in rows if row.get("what") == "seal"]
    if not seals:
        return {"code": "none"}
    early = [row for row in rows[:first] if row.get("what") == "seal"]
    row = early[-1] if early else seals[0]
    values = row.get("values")
    changed = [
        {"key": change.key, "what": change.what}
        for change in changes(
            values if isinstance(values, dict) else {}, run.params.model_dump(mode="json")
        )
        if not change.key.startswith(_SHOWN)
    ]
    code: Code = "late" if not early else "changed" if changed else "followed"
    facts = {key: row.get(key) for key in ("time", "params", "answers", "looked")}
    return {"code": code, **facts, "changed": changed}


def _is_look(row: dict[str, Any]) -> bool:
    return row.get("what") in ("partial", "finished")


def _answers(run: Run) -> int:
    """How many answers are there already."""
    names = {benchmark.name for benchmark in run.params.evaluation.benchmarks}
    files = [file for name in names for file in (run.predictions / name).glob("*.jsonl")]
    kept = (".grades.jsonl", ".judge.jsonl", ".damaged.jsonl")
    return sum(
        count_rows(file) or 0
        for file in files
        if file.is_file() and not file.name.endswith(kept) and file.name != "questions.jsonl"
    )
