"""Rows of a benchmark's file: JSON Lines, JSON, CSV or Parquet, or a folder of one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.store.data_files import DataFile, Row, data_files, rows

#: Of a folder that has files of several forms, as hub sets do, those of the first are read.
_FORMS = (".parquet", ".jsonl", ".csv", ".json")


def question_rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """The rows of a file, or of the files of a folder in the order of their names.

    `columns` are the fields that are wanted. Raises `UserError` for what cannot be read.
    """
    files = data_files(path)
    if path.is_dir():
        forms = {file.suffix.lower() for file in files}
        form = next((form for form in _FORMS if form in forms), None)
        if form is None:
            raise UserError(f"{path}: no Parquet, JSON Lines, CSV or JSON file in it")
        files = [file for file in files if file.suffix.lower() == form]
    for file in files:
        yield from rows(DataFile(file, str(file), ""), columns)
