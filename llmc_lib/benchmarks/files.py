"""Rows of a benchmark's file: JSON Lines, JSON, CSV or Parquet, or a folder of one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.store import read_jsonl

_SUFFIXES = (".parquet", ".jsonl", ".csv", ".json")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a file, or of the files of a folder in the order of their names.

    A folder may have files of several forms, as hub sets do; those of the first of Parquet, JSON Lines,
    CSV and JSON are read. Empty fields of a CSV are "". Raises `UserError` for what cannot be read.
    """
    if path.is_dir():
        for suffix in _SUFFIXES:
            if files := sorted(path.rglob(f"*{suffix}")):
                return [row for file in files for row in read_rows(file)]
        raise UserError(f"{path}: no Parquet, JSON Lines, CSV or JSON file in it")
    try:
        match path.suffix.lower():
            case ".parquet":
                return _parquet(path)
            case ".csv":
                rows = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
                return [{str(key): value for key, value in row.items()} for row in rows]
            case ".json":
                return _json(path)
            case _:
                return read_jsonl(path, whole=True)
    except (
        ValueError
    ) as error:  # pandas', pyarrow's and json's own errors, and bytes that are not UTF-8
        kind = path.suffix.lstrip(".").upper()
        raise UserError(
            f"{path}: cannot be read as {kind}: {' '.join(str(error).split())}"
        ) from None


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    # Pictures, which HLE's set holds a second time as bytes, are not needed.
    names = [field.name for field in schema if not pa.types.is_struct(field.type)]
    return [dict(row) for row in pq.read_table(path, columns=names).to_pylist()]


def _json(path: Path) -> list[dict[str, Any]]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: must be a list of JSON objects, a question each")
    return rows
