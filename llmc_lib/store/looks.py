"""The looks of all runs: each is in the ledger of its run, and again in that of all runs, so that a removed run shows.

A look is an analysis of an evaluation: its row has what was compared and what was found. A seal, a promise made before
any look, is a row among them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.errors import shown
from llmc_lib.formatting import counted
from llmc_lib.language import tr
from llmc_lib.params.names import is_run_name
from llmc_lib.store import ledger
from llmc_lib.store.run import Run

#: The ledger of all runs in their folder; it has the name of that of each.
NAME = "looks.jsonl"


class Looks(NamedTuple):
    """The rows of all runs of a folder, as the ledger of all runs has them, and what is wrong with the ledgers."""

    rows: list[dict[str, Any]]
    problems: list[str]


def record(run: Run, row: Mapping[str, Any], *, once: str | None = None) -> dict[str, Any]:
    """Append a row to the ledger of the run and to that of all runs; returns it as the run's has it.

    `once` as for `ledger.append`. What a kill has kept from the ledger of all runs goes there with the next row.
    """
    made = ledger.append(run.looks, {"run": run.name, **row}, once=once)
    everywhere = run.runs / NAME
    known = {str(found.get("row")) for found in ledger.scan(everywhere).rows}
    lacking = [row for row in ledger.scan(run.looks).rows if str(row.get("digest")) not in known]
    if lacking:
        ledger.extend(everywhere, [_shared(row, run.name) for row in lacking], once="row")
    return made


def problem(run: Run) -> str:
    """What is wrong with the ledger of a run, by itself and by that of all runs; "" where nothing is."""
    rows, broken = ledger.scan(run.looks)
    if broken:
        return broken
    there = {str(row.get("digest")) for row in rows}
    kept = [row for row in ledger.scan(run.runs / NAME).rows if row.get("run") == run.name]
    lost = sum(str(row.get("row")) not in there for row in kept)
    return _lacks(lost) if lost else ""


def of_all(runs: Path) -> Looks:
    """The looks of all runs in a folder, those of removed runs among them, in the order of the ledger of all runs, and of those
    that it lacks by their time.

    A row is counted once, whether both ledgers have it or one. Nothing that the files may hold raises.
    """
    found = ledger.scan(runs / NAME)
    problems = [f"{runs / NAME}: {found.problem}"] if found.problem else []
    rows = {str(row["row"]): row for row in found.rows if "row" in row}
    times = _times(rows)
    wanted: dict[str, set[str]] = {}
    for digest, row in rows.items():
        wanted.setdefault(_run_of(row), set()).add(digest)
    try:
        names = sorted({*wanted, *(path.parent.name for path in runs.glob(f"*/{NAME}"))})
    except OSError as error:  # a folder that metrics.json names, which may name anything
        return Looks([], [f"{shown(str(runs))}: {error.strerror}"])
    for name in names:
        path = runs / name / NAME
        own = ledger.scan(path)
        if own.problem:
            problems.append(f"{path}: {own.problem}")
        there = {str(row.get("digest")): row for row in own.rows}
        if lost := len(wanted.get(name, set()) - there.keys()):
            problems.append(
                f"{path}: {_lacks(lost)}"
                if path.parent.is_dir()
                else tr(
                    "{run}: the run was removed; {rows} of it in the ledger of all runs",
                    run=runs / name,
                    rows=counted(lost, "row"),
                )
            )
        new = {digest: row for digest, row in there.items() if digest not in rows}
        if new:
            problems.append(
                tr(
                    "{everywhere}: lacks {rows} that {path} has: it was changed, or the run was made elsewhere",
                    everywhere=runs / NAME,
                    rows=counted(len(new), "row"),
                    path=path,
                )
            )
        rows |= {digest: _shared(row, name) for digest, row in new.items()}
        times = _times(there) | times
    return Looks([rows[digest] for digest in sorted(rows, key=times.__getitem__)], problems)


def _times(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Digest of a row → its time, which is no earlier than those of the rows before it: clocks are put back."""
    times = [str(row.get("time")) for row in rows.values()]
    return dict(zip(rows, itertools.accumulate(times, max), strict=True))


def _run_of(row: Mapping[str, Any]) -> str:
    """The name of a row's run; "_" for what no run is called, as folders are looked up by it."""
    name = row.get("run")
    return name if isinstance(name, str) and is_run_name(name) else "_"


def _lacks(lost: int) -> str:
    return tr("lacks {rows} that the ledger of all runs has of it", rows=counted(lost, "row"))


def _shared(row: Mapping[str, Any], run: str) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name not in ("previous", "digest")}
    return {**rest, "run": rest.get("run", run), "row": row.get("digest")}
