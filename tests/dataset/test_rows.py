"""Rows on disk: in source order while the data set is built, in training order afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.dataset.rows import (
    FINAL,
    RATES,
    REMOVED,
    WORK,
    RemovedFile,
    RowFile,
    read_part,
    read_rows,
    write_ordered,
)


def _batch(first: int, count: int) -> pa.RecordBatch:
    rows = [
        {
            **dict.fromkeys(WORK.names, ""),
            "id": f"s/{n}",
            "difficulty": None,
            "prompt": "é" * (n % 7),
        }
        for n in range(first, first + count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=WORK)


def _file(path: Path, sizes: list[int]) -> Path:
    with RowFile(path) as file:
        start = 0
        for size in sizes:
            file.append(_batch(start, size))
            start += size
    return path


def _finish(parts: list[Path]) -> Iterator[pa.Table]:
    for part in parts:
        table = read_part(part)
        yield table.append_column("n_tokens", table["pass_rate"].cast(pa.int32()))


def _numbered(start: int, batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = pa.array(range(start, start + batch.num_rows), pa.float64())
    for name in RATES:
        batch = batch.append_column(name, rows)
    return batch


def test_rows_come_back_in_their_batches(tmp_path: Path) -> None:
    path = _file(tmp_path / "rows.arrow", [3, 1, 5])
    found = [(start, batch.num_rows, batch["id"][0].as_py()) for start, batch in read_rows(path)]
    assert found == [(0, 3, "s/0"), (3, 1, "s/3"), (4, 5, "s/4")]


@pytest.mark.slow
def test_any_order_can_be_written_with_repeats_and_gaps(tmp_path: Path) -> None:
    path = _file(tmp_path / "rows.arrow", [1000] * 12)
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(12_000)[:11_000], [5, 5, 11_999]])
    write_ordered(path, order, tmp_path / "out.parquet", _numbered, _finish, tmp_path / "scratch")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.names == FINAL.names
    assert table["n_tokens"].to_pylist() == order.tolist()
    assert table["id"].to_pylist() == [f"s/{n}" for n in order]
    assert table["prompt"].to_pylist() == ["é" * (n % 7) for n in order]


def test_no_rows_make_an_empty_table(tmp_path: Path) -> None:
    path = _file(tmp_path / "rows.arrow", [4])
    none = np.zeros(0, np.int64)
    write_ordered(path, none, tmp_path / "out.parquet", _numbered, _finish, tmp_path / "scratch")
    table = pq.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, table.schema.names) == (0, FINAL.names)


def test_removed_rows_are_written_however_many_there_are(tmp_path: Path) -> None:
    file = RemovedFile(tmp_path / "removed.parquet")
    for start in range(0, 10_000, 2_500):
        file.add(
            [{**dict.fromkeys(REMOVED.names, ""), "id": f"s/{start + n}"} for n in range(2_500)]
        )
    file.close()
    table = pq.read_table(tmp_path / "removed.parquet")
    assert table["id"].to_pylist() == [f"s/{n}" for n in range(10_000)]
