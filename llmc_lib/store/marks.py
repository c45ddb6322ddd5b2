"""Questions that a person has marked with a comment: kept in the run's directory, for the report to show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.records import writable
from llmc_lib.store.files import JsonlWriter, read_jsonl

_FILE = "marks.jsonl"
#: Characters of a comment.
LONGEST = 2_000
#: Seconds to wait for another notebook, which writes for milliseconds.
_PATIENCE = 1.0


def read_marks(folder: Path) -> dict[tuple[str, str], str]:
    """(benchmark, question id) → comment, in the order of marking; {} where nothing is marked.

    `folder` is `Run.exploring`. Of a question that was marked again the last comment counts, and none where it is
    empty; a line that is no mark is left out.
    """
    found: dict[tuple[str, str], str] = {}
    for row in read_jsonl(folder / _FILE, _is_mark):
        key = row["benchmark"], row["question"]
        if row["comment"]:
            found[key] = row["comment"][:LONGEST]
        else:
            found.pop(key, None)
    return found


def write_mark(folder: Path, benchmark: str, question: str, comment: str) -> None:
    """Mark a question, change its comment, or with "" unmark it. It is on disk when this returns.

    A mark is a line that is appended: two notebooks at once lose none of each other's. Raises `UserError` for a
    comment that is too long, and for a file that another process keeps to itself.
    """
    comment = writable(comment.strip())
    if len(comment) > LONGEST:
        raise UserError(
            f"the comment on {shown(question)} has {len(comment):,} characters, and {LONGEST:,} can be kept; shorten it"
        )
    if read_marks(folder).get((benchmark, question), "") == comment:
        return
    with JsonlWriter(folder / _FILE, _PATIENCE) as file:
        time = datetime.now(UTC).isoformat(timespec="seconds")
        row = {"benchmark": benchmark, "question": question, "comment": comment, "time": time}
        file.append(row)


def _is_mark(row: dict[str, Any]) -> bool:
    return all(isinstance(row.get(name), str) for name in ("benchmark", "question", "comment"))
