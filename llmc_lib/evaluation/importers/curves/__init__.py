"""Logs of trainings that other programs ran, as the rows of a training of ours: for the curves of an imported run.

`read` tells the log by its content: `trainer_state.json` of transformers and TRL, verl's console log and its JSON Lines, the
JSON Lines and console logs of other trainers, an offline run of W&B (`.wandb`), a trackio project (SQLite or Parquet). Of a
folder the log that lies in it. Columns that nothing here shows are left out. No package of those programs is needed, and
nothing in a file is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.curves import text_logs, trackio, wandb_file
from llmc_lib.evaluation.importers.curves.columns import Rows, translated
from llmc_lib.store import fingerprint, sha256_file

__all__ = ["Log", "digest", "read"]

_CHECKPOINT = re.compile(r".*-(\d{1,11})")
#: As many logged events are read.
_MOST = 2_000_000


class Log(NamedTuple):
    """The log of a training."""

    format: str
    # Step, and some of loss, eval_loss, grad_norm, learning_rate, reward, …
    rows: list[dict[str, Any]]


def read(path: Path, run: str | None = None) -> Log:
    """The log in a file or folder; `run`: which, where it holds several. Raises `UserError` where there is none, or
    nothing in it that can be drawn."""
    files, format_ = _found(path)
    rows = []
    for values in _READERS[format_](files, run):
        if row := translated(values):
            rows.append(row)
        if len(rows) > _MOST:
            raise UserError(f"{path}: has more than {_MOST:,} logged events; give every tenth")
    if not any({"loss", "eval_loss", "reward"} & row.keys() for row in rows):
        raise UserError(
            f"{path}: read as {format_}, and no logged event in it has a loss or a reward; give the log of a training"
        )
    return Log(format_, rows)


def digest(path: Path) -> str:
    """A hash of the files that `read` reads. Raises as it does."""
    files, _ = _found(path)
    return fingerprint(files=[sha256_file(file) for file in files])


_READERS: dict[str, Callable[[list[Path], str | None], Rows]] = {
    "trainer_state": text_logs.trainer_state,
    "json_lines": text_logs.json_lines,
    "verl": text_logs.verl,
    "console": text_logs.console,
    "wandb": wandb_file.read,
    "trackio": trackio.read,
    "trackio_parquet": trackio.read_parquet,
}
_READ = (
    "trainer_state.json, a console log or JSON Lines (verl), an offline run of W&B (.wandb), a trackio project (.db, "
    "metrics.parquet)"
)


def _found(path: Path) -> tuple[list[Path], str]:
    if path.is_dir():
        for pattern, pick in (
            ("trainer_state.json", _longest),
            ("*.wandb", list),
            ("*.db", list),
            ("metrics.parquet", list),
            ("trainer_log.jsonl", _longest),
        ):
            if files := sorted(p for p in path.rglob(pattern) if p.is_file()):
                return pick(files), _format(files[0])
        raise UserError(f"{path}: no log of a training in this folder; what is read: {_READ}")
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; correct the path")
    return [path], _format(path)


def _longest(files: list[Path]) -> list[Path]:
    """Of the states of several checkpoints the last one's, which has the whole log. Raises `UserError` where they are of several
    trainings."""
    checkpoints = [_CHECKPOINT.fullmatch(file.parent.name) for file in files]
    trainings = {
        file.parent.parent if checkpoint else file.parent
        for file, checkpoint in zip(files, checkpoints, strict=True)
    }
    if len(trainings) > 1:
        names = ", ".join(sorted(map(str, trainings))[:8])
        raise UserError(
            f"{Path(os.path.commonpath(trainings))}: has the logs of {len(trainings)} trainings ({names}); give one of these folders"
        )
    steps = [int(checkpoint[1]) if checkpoint else 2**62 for checkpoint in checkpoints]
    return [files[steps.index(max(steps))]]


def _format(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    for begins, format_ in _MAGIC:
        if head.startswith(begins):
            return format_
    if found := next(_lines_of(path, head), None):
        return found
    raise UserError(f"{path}: no log of a training that is known; what is read: {_READ}")


_MAGIC = (
    (wandb_file.MAGIC, "wandb"),
    (b"SQLite format 3\0", "trackio"),
    (b"PAR1", "trackio_parquet"),
)


def _lines_of(path: Path, head: bytes) -> Iterator[str]:
    """The formats of text that a file can be."""
    if b"\0" in head:
        return
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{") and b'"log_history"' in head:
        yield "trainer_state"
    if start.startswith(b"{") and text_logs.is_json_lines(path):
        yield "json_lines"
    if start.startswith(b"{") and text_logs.has_history(path):
        yield "trainer_state"
    yield from (name for name in ("verl", "console") if text_logs.has_events(path, name))
