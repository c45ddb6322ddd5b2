"""A ledger: rows that are appended and never changed, each with the digest of the one before it.

One JSON object a line. A row that was changed, removed, added or moved later breaks the chain, which `read` tells in
one line (S. Haber & W. S. Stornetta, "How to time-stamp a digital document", J. Cryptology 3, 1991: linking). It shows
accidents and edits; it is no signature: who rewrites all rows after the change can make a chain that is whole, and
rows cut off the end leave one. That shows where the digest of the last row is kept elsewhere, too (`looks`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.errors import UserError
from llmc_lib.language import tr
from llmc_lib.store.files import JsonlWriter, read_record, sha256_text

#: What the first row has in the place of the digest of the row before it.
START = ""
#: Seconds that a writer waits for another one, whose turn takes milliseconds.
_PATIENCE = 30.0


class Ledger(NamedTuple):
    """The rows of a ledger as they are, and in a sentence what is wrong with their chain ("" where it is whole)."""

    rows: list[dict[str, Any]]
    problem: str


def append(path: Path, row: Mapping[str, Any], *, once: str | None = None) -> dict[str, Any]:
    """Append a row and wait for the disk; returns it as it was written: with `time` (UTC, to the second), unless it has
    one, `previous` and `digest`.

    With `once`, the name of a field: where a row of the ledger has the same value in it, nothing is written, and that
    row is returned. Of several writers one waits for the other (30 s, then `UserError`). A last line that was cut off
    by a kill is removed. A chain that is broken is continued and stays broken: no look is lost for it.
    """
    return extend(path, [row], once=once)[0]


def extend(
    path: Path, rows: Sequence[Mapping[str, Any]], *, once: str | None = None
) -> list[dict[str, Any]]:
    """Append several rows as `append` does each, reading the ledger once."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    # As a reader will have them.
    given = [json.loads(json.dumps({"time": time, **row}, allow_nan=False)) for row in rows]
    new = not path.exists()
    made: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    with JsonlWriter(path, _PATIENCE) as file:
        found = scan(path).rows
        known: dict[str, dict[str, Any]] = {}
        for row in found:
            if once is not None and once in row:
                known.setdefault(json.dumps(row[once]), row)
        previous = _link(found[-1]) if found else START
        for whole in given:
            value = json.dumps(whole.get(once)) if once is not None else ""
            if value not in known:
                whole["previous"] = previous
                previous = whole["digest"] = digest(whole)
                added.append(whole)
                if once is not None:
                    known[value] = whole
            made.append(known.get(value, whole))
        if added:
            file.extend(added)
    if new:
        _keep_name(path.parent)
    return made


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a ledger, [] where there is no file. Raises `UserError`, one line, for one whose chain is broken."""
    rows, problem = scan(path)
    if problem:
        raise UserError(
            f"{path}: {problem}; put back the file as it was, or move it away to begin another"
        )
    return rows


def scan(path: Path) -> Ledger:
    """The rows of a ledger, and what is wrong with it; raises nothing for what a file may hold.

    A last line that was cut off while it was written is none. A line that is not a JSON object is a row that was changed.
    """
    try:
        there = path.is_file()
        if not there and (path.is_dir() or path.is_symlink()):
            return Ledger([], tr("is not a file"))
        lines = path.read_bytes().split(b"\n") if there else []
    except OSError as error:
        return Ledger([], tr("cannot be read: {problem}", problem=error.strerror))
    rows: list[dict[str, Any]] = []
    problem, previous = "", START
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row, broken = _row(line)
        if broken and number == len(lines):  # the writer was killed
            break
        if not problem:
            problem = (
                tr("line {n}: {problem}", n=number, problem=broken)
                if broken
                else _problem(row, previous, number)
            )
        if not broken:
            rows.append(row)
            previous = _link(row)
    return Ledger(rows, problem)


def _row(line: bytes) -> tuple[dict[str, Any], str]:
    """The row in a line, or why there is none; NaN, which Python reads, is no JSON, and `append` writes none."""
    row, broken = read_record(line)
    try:
        if b"NaN" in line or b"Infinity" in line:  # perhaps in a text
            json.dumps(row, allow_nan=False)
    except ValueError as error:
        return {}, f"not valid JSON: {error}"
    return row, broken


def digest(row: Mapping[str, Any]) -> str:
    """The SHA-256 of a row without its own digest, as hexadecimal digits."""
    rest = {name: value for name, value in row.items() if name != "digest"}
    return sha256_text(json.dumps(rest, sort_keys=True))


def _problem(row: dict[str, Any], previous: str, number: int) -> str:
    if row.get("digest") != digest(row):
        return tr("line {n} was changed after it was written", n=number)
    if row.get("previous") != previous:
        return tr("before line {n} a row was removed, added or moved", n=number)
    return ""


def _link(row: dict[str, Any]) -> str:
    found = row.get("digest")
    return found if isinstance(found, str) else digest(row)


def _keep_name(folder: Path) -> None:
    """Wait until a new file's name is on disk as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
