"""The third pass: the chosen rows in training order, with a teacher's completions and their lengths."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from llmc_lib.dataset.parallel import Workers
from llmc_lib.dataset.rows import RATES, read_part, write_ordered
from llmc_lib.dataset.select import Selection
from llmc_lib.dataset.steps.mixture import Mixture
from llmc_lib.dataset.steps.step import Context
from llmc_lib.processes.progress import progress_bar
from llmc_lib.records import TURNS, dialogues

#: What the manifest counts the rows by.
COUNTED = ("source", "category", "kind", "licence", "author_kind", "answer_type", "verified")
_QUANTILES = (0, 0.25, 0.5, 0.75, 0.95, 1)


@dataclass
class Written:
    """What the two parts of a mixture hold together."""

    rows: dict[str, int] = field(default_factory=dict)
    by: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in COUNTED}
    )
    tokens: list[np.ndarray] = field(default_factory=list)

    def token_facts(self) -> dict[str, object]:
        """Sum and quantiles of the examples' lengths in tokens."""
        lengths = np.concatenate(self.tokens) if self.tokens else np.zeros(0, np.int32)
        if not len(lengths):
            return {"total": 0, "quantiles": {}}
        quantiles = np.quantile(lengths, _QUANTILES)
        return {
            "total": int(lengths.sum()),
            "quantiles": {
                f"{q:g}": round(float(n)) for q, n in zip(_QUANTILES, quantiles, strict=True)
            },
        }


def write(
    mixture: Mixture, folder: Path, work: Path, selection: Selection, workers: Workers
) -> Written:
    """Write a mixture's rows to train.parquet and validation.parquet in `folder`.

    Parameters: `mixture` with numbers in the row file, which lies in `work`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = Written()
    _write_part(folder / "train.parquet", mixture.train, work, selection, workers, written)
    _write_part(
        folder / "validation.parquet", mixture.validation, work, selection, workers, written
    )
    return written


def _write_part(
    path: Path,
    rows: np.ndarray,
    work: Path,
    selection: Selection,
    workers: Workers,
    written: Written,
) -> None:
    """Write rows (numbers in the row file, in training order), and enter them in `written`."""

    def finish(parts: list[Path]) -> Iterator[pa.Table]:
        with progress_bar(
            desc=f"Writing {path.stem}", unit=" rows", total=len(rows), leave=False
        ) as bar:
            # Each part is read twice: the lengths travel between the processes, the texts do not.
            for part, lengths in zip(parts, workers.map(_lengths, parts), strict=True):
                table = read_part(part).append_column("n_tokens", pa.array(lengths))
                for column in COUNTED:
                    written.by[column].update(table[column].to_pylist())
                written.tokens.append(lengths)
                bar.update(table.num_rows)
                yield table

    def complete(start: int, batch: pa.RecordBatch) -> pa.RecordBatch:
        return _with_additions(start, batch, selection)

    scratch = work / "scratch"
    write_ordered(work / "rows.arrow", rows, path, complete, finish, scratch)
    shutil.rmtree(scratch)  # as large as the rows; the next part begins with an empty one
    written.rows[path.stem] = len(rows)


def _lengths(path: Path, context: Context) -> np.ndarray:
    """The lengths of a part's rows in tokens."""
    rows = read_part(path).select(TURNS).to_pydict()
    return np.array(context.chat.count_all(dialogues(rows)), np.int32)


def _with_additions(start: int, batch: pa.RecordBatch, selection: Selection) -> pa.RecordBatch:
    """A batch of the row file with the teacher's completions and the measured pass rates."""
    numbers = range(start, start + batch.num_rows)
    added = [selection.added.get(row) for row in numbers]
    if any(added):
        for name in ("completion", "verified", "author", "author_kind"):
            values = [
                extra[name] if extra else old
                for extra, old in zip(added, batch[name].to_pylist(), strict=True)
            ]
            position = batch.schema.get_field_index(name)
            batch = batch.set_column(position, name, pa.array(values, pa.string()))
    measured = [selection.pass_rate.get(row, (None, None, None)) for row in numbers]
    for position, name in enumerate(RATES):
        column = pa.array([rates[position] for rates in measured], pa.float64())
        batch = batch.append_column(name, column)
    return batch
