"""trackio: `<project>.db`, an SQLite file with the table `metrics` (run_name, step, metrics as JSON), and its Parquet
exports, in which each metric is a column of its own. Confirmed from trackio/sqlite_storage.py of `gradio-app/trackio`.

The database is copied first, with the write-ahead log of a process that was killed, as SQLite would write beside the original
to read that. Of the copy one table is read, nothing of the file is run: `trusted_schema` is off, and a view is no table.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.evaluation.importers.curves.columns import Rows
from llmc_lib.store import json_reader
from llmc_lib.store.data_files import DataFile, rows
from llmc_lib.store.json_reader import JsonError

#: Bytes of a project's database.
_LARGEST = 2 * 2**30


def read(files: list[Path], run: str | None) -> Rows:
    """The events of a run in a project. Raises `UserError` where the project has several and none is named, and for a file that
    is none of trackio's."""
    path = _one(files)
    if path.stat().st_size > _LARGEST:
        raise UserError(f"{path}: has more than {_LARGEST >> 30} GiB; export the run's metrics")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project.db"
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(path.with_name(f"{path.name}-wal"), copy.with_name("project.db-wal"))
        try:
            with closing(sqlite3.connect(copy)) as database:
                database.execute("PRAGMA trusted_schema = OFF")
                yield from _events(database, path, run)
        except sqlite3.Error as error:
            raise UserError(f"{path}: not a readable project of trackio: {error}") from None


def _one(files: list[Path]) -> Path:
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:8])
        raise UserError(f"{files[0].parent}: has several projects ({names}); give one of them")
    return files[0]


def _events(
    database: sqlite3.Connection, path: Path, run: str | None
) -> Iterator[Mapping[str, Any]]:
    tables = {
        row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if "metrics" not in tables:
        raise UserError(f"{path}: has no table 'metrics'; is it a project of trackio?")
    there = [
        str(row[0]) for row in database.execute("SELECT DISTINCT run_name FROM metrics LIMIT 100")
    ]
    name = _run(path, there, run)
    query = "SELECT step, metrics FROM metrics WHERE run_name = ? ORDER BY id"
    for step, metrics in database.execute(query, (name,)):
        with suppress(JsonError):  # orjson writes bytes
            values = json_reader.loads(metrics if isinstance(metrics, str | bytes) else "{}")
            if isinstance(values, dict):
                yield {"_step": step, **values}


def read_parquet(files: list[Path], run: str | None) -> Rows:
    """The events of a run in an export."""
    path = _one(files)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows(DataFile(path, str(path), ""), form=".parquet"):
        values = dict(row.record)
        values["_step"] = values.pop("step", None)
        found.setdefault(str(values.get("run_name", "")), []).append(values)
    yield from found[_run(path, [*found], run)]


def _run(path: Path, there: list[str], run: str | None) -> str:
    names = ", ".join(there[:20]) or "none"
    if run is not None and run not in there:
        raise UserError(f"{path}: has no run {shown(run)}; there are: {names}")
    if run is None and len(there) != 1:
        raise UserError(f"{path}: has {len(there)} runs ({names}); name one as `training_run`")
    return run or there[0]
