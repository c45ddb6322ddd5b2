"""Rows on disk while a data set is built: Arrow batches in source order, then Parquet in training order.

The texts are never in memory together: the builder decides on ids and hashes, and the texts pass
by in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from llmc_lib.records import TURNS

_TEXT = (
    "id", "source", "row_id", "revision", "licence", "author", "author_kind", "category", "subject",
    "kind", "question", "answer", "answer_type", "verified", *TURNS, "rejected",
)  # fmt: skip
#: A row while the data set is built; "completion" is "" where it has none.
WORK = pa.schema([*((name, pa.string()) for name in _TEXT), ("difficulty", pa.float64())])
#: A row that was chosen. `pass_rate` of the reference model and the ends of its 95% Wilson interval, null
#: where none was measured.
RATES = ("pass_rate", "pass_rate_low", "pass_rate_high")
PART = pa.schema([*WORK, *((name, pa.float64()) for name in RATES)])
#: A row of train.parquet and validation.parquet. `n_tokens`: prompt and completion in the base model's
#: chat template.
FINAL = pa.schema([*PART, ("n_tokens", pa.int32())])
#: A row of removed.parquet: what went, at which step, why.
REMOVED = pa.schema(
    [(name, pa.string()) for name in
     ("id", "source", "category", "subject", "step", "reason", "detail", "shared", "question")]
)  # fmt: skip


#: Rows that are held in memory at a time when the training order is written.
_BUCKET = 4096


class RowFile:
    """An Arrow file of `WORK` rows: written once in order, then read in batches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = pa.OSFile(str(path), "wb")
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_file(self._file, WORK, options=options)

    def append(self, batch: pa.RecordBatch) -> None:
        """Write a batch of `WORK` rows after those that are there."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Finish the file; only then it can be read."""
        self._writer.close()
        self._file.close()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_rows(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batches of a `RowFile`, each with the number of its first row."""
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        start = 0
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield start, batch
            start += batch.num_rows


def write_ordered(
    source: Path,
    rows: np.ndarray,
    path: Path,
    change: Callable[[int, pa.RecordBatch], pa.RecordBatch],
    finish: Callable[[list[Path]], Iterator[pa.Table]],
    scratch: Path,
) -> None:
    """Write rows of a `RowFile` in the order of `rows` (row numbers, repeats allowed) as Parquet.

    `change` gets each batch of the row file with the number of its first row, and returns it with the
    columns of `PART`. The rows are dealt out to files of a few thousand neighbours each (in
    `scratch`); `finish` turns each such file into its table of `FINAL` rows, in order.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    by_row = np.argsort(rows, kind="stable")
    ordered = rows[by_row]
    parts = [scratch / f"{n:06d}.arrow" for n in range(-(-len(rows) // _BUCKET))]
    schema = pa.schema([*PART, ("position", pa.int64())])
    waiting: dict[int, list[pa.RecordBatch]] = {}
    held = 0
    for start, batch in read_rows(source):
        first, last = np.searchsorted(ordered, [start, start + batch.num_rows])
        position = by_row[first:last]
        chosen = change(start, batch).take(pa.array(ordered[first:last] - start))
        chosen = pa.RecordBatch.from_arrays([*chosen.columns, pa.array(position)], schema=schema)
        for part in np.unique(position // _BUCKET):
            mask = np.flatnonzero(position // _BUCKET == part)
            waiting.setdefault(int(part), []).append(chosen.take(pa.array(mask)))
        held += len(position)
        if held > 8 * _BUCKET:
            _spill(waiting, parts, schema)
            held = 0
    _spill(waiting, parts, schema)
    with pq.ParquetWriter(path, FINAL, compression="zstd") as writer:
        for table in finish(parts):
            writer.write_table(table.cast(FINAL))


def read_part(path: Path) -> pa.Table:
    """One of the files that `write_ordered` hands to `finish`: rows of `PART`, in order."""
    batches = []
    with pa.OSFile(str(path)) as file:
        while file.tell() < file.size():
            batches += list(pa.ipc.open_stream(file))
    return pa.Table.from_batches(batches).sort_by("position").drop_columns(["position"])


def _spill(waiting: dict[int, list[pa.RecordBatch]], parts: list[Path], schema: pa.Schema) -> None:
    for number, batches in waiting.items():
        with open(parts[number], "ab") as file, pa.ipc.new_stream(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    waiting.clear()


class RemovedFile:
    """removed.parquet while it grows."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, REMOVED, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Add rows with the columns of `REMOVED`; they are written a few thousand at a time."""
        self._rows += rows
        while len(self._rows) >= _BUCKET:
            self._write(self._rows[:_BUCKET])
            self._rows = self._rows[_BUCKET:]

    def close(self) -> None:
        """Write what is left, and finish the file."""
        if self._rows:
            self._write(self._rows)
            self._rows = []
        self._writer.close()

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self._writer.write_table(pa.Table.from_pylist(rows, schema=REMOVED))
