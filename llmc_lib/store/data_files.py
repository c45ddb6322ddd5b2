"""Rows of data files, one at a time: JSON Lines, JSON, CSV, TSV and Parquet.

The one reader of rows that others made: sources, benchmarks, imports. Files of ours, which may have been cut
off, are read by `files.scan_jsonl`; below both is `json_reader`. No file is held in memory whole. Every
error in a file raises one `UserError` that names the file and the line (JSON Lines, CSV), record or key
(JSON), or row (Parquet).
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from llmc_lib.errors import UserError, shown
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

#: Rows that Parquet is decoded in at a time: long reasoning makes a row of 100 kB.
_BATCH = 512
#: And at least, of rows that may be large.
_FEW = 16
#: Bytes of decoded rows that are aimed at, and at most.
_DECODED, _MOST_DECODED = 128 * 2**20, 192 * 2**20
#: Columns of a table.
_COLUMNS = 200_000
#: As many fields are named in a message.
_LISTED = 30
#: How much of a JSON file is read to see what it is.
_HEAD = 1 << 24
#: The fields that may hold the text of a row, the first one found is taken.
_TEXT = ("question", "problem", "prompt", "instruction", "text")
_KINDS: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}
_BOM = b"\xef\xbb\xbf"  # what some editors put before UTF-8


class DataFile(NamedTuple):
    """A file of rows, and what messages and manifests call it."""

    path: Path
    shown: str  # how messages call it
    revision: str  # of its rows: the commit of a hub set, or "sha256:…"


class Row(NamedTuple):
    """A record of a data file, and its place there."""

    record: dict[str, Any]
    file: DataFile
    unit: str  # what `number` counts
    number: int  # from 1
    key: str = ""  # its key in a JSON object of records, which tells more than its number

    @property
    def where(self) -> str:
        """Its place for messages: "file.jsonl, line 3"."""
        place = f"key {self.key!r}" if self.key else f"{self.unit} {self.number}"
        return f"{self.file.shown}, {place}"

    def need(self, name: str, kind: type = object) -> Any:
        """The field `name`. Raises `UserError` where there is none, with those there are, and for one that
        is no `kind`: str, dict, list, or any (object)."""
        try:
            value = self.record[name]
        except KeyError:
            raise UserError(self.lacks(name)) from None
        if not isinstance(value, kind):
            raise UserError(f"{self.where}: {name!r} must be {_KINDS[kind]}, not {shown(value)}")
        return value

    def lacks(self, name: str) -> str:
        """The message that it has no field `name`."""
        return f"{self.where} has no field {name!r}; it has: {listing(self.record)}"


def listing(names: Collection[str]) -> str:
    """The names of fields as messages list them."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(str(name) for name in itertools.islice(names, _LISTED)) + more


def _check_columns(file: DataFile, names: Collection[str]) -> None:
    if len(names) > _COLUMNS:
        raise UserError(
            f"{file.shown}: has {len(names):,} columns, more than {_COLUMNS:,}; keep those that are needed"
        )


def data_files(path: Path) -> list[Path]:
    """The data file at `path`, or those in the folder `path`, sorted by path; hidden ones are left out."""
    if path.is_dir():
        return sorted(
            (
                file
                for file in path.rglob("*")
                if file.suffix.lower() in _READERS
                and file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ),
            key=lambda file: file.relative_to(path).as_posix(),
        )
    return [path]


def rows(
    file: DataFile, columns: Collection[str] | None = None, form: str | None = None
) -> Iterator[Row]:
    """The rows of a data file.

    `columns` are the fields that are wanted (None: all); Parquet decodes no others. `form` is the suffix
    that it is read by (None: its own); ".json" takes JSON Lines and one JSON value alike. Raises `UserError`
    for a file that is absent, empty, not UTF-8, broken, or no data file.
    """
    path, shown, _ = file
    reader = _READERS.get(form or path.suffix.lower())
    if reader is None:
        raise UserError(f"{shown}: not a data file; it must end in {', '.join(_READERS)}")
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise UserError(f"{shown}: is not a regular file; give a file of data")
    empty = True
    try:
        for row in reader(file, columns):
            empty = False
            yield row
    except FileNotFoundError:
        raise UserError(f"{shown}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(_not_utf8(path, shown)) from None
    except OSError as error:
        raise UserError(f"{shown}: cannot be read: {' '.join(str(error).split())}") from None
    if empty:
        raise UserError(f"{shown}: has no row; give a file with data, or leave it out")


def file_texts(path: Path, shown: str) -> Iterator[tuple[str, str]]:
    """The texts of a file, each with its id: one a line of a .txt, one a row of a data file, which has it in
    one of the fields of `_TEXT`. Raises `UserError` for a file that cannot be read."""
    if not path.is_file():
        raise UserError(f"{shown}: no file {path}; correct the path")
    if path.suffix == ".txt":
        try:
            with open(path, encoding="utf-8") as handle:
                for number, line in enumerate(_bounded(DataFile(path, shown, ""), handle), 1):
                    if line.strip():
                        yield str(number), line.rstrip("\n")
        except UnicodeDecodeError:
            raise UserError(_not_utf8(path, shown)) from None
        except OSError as error:
            raise UserError(f"{shown}: cannot be read: {error.strerror}") from None
        return
    for row in rows(DataFile(path, shown, "")):
        field = next((field for field in _TEXT if row.record.get(field)), None)
        if field is None:
            raise UserError(
                f"{row.where} has none of {', '.join(_TEXT)}; rename the field with the text"
            )
        yield str(row.record.get("id") or row.number), str(row.record[field])


def count_rows(path: Path) -> int | None:
    """How many rows a file has, where that can be told without reading them: for an estimate."""
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return int(pq.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError, ValueError):
            return None
    if path.suffix.lower() != ".jsonl":
        return None
    with open(path, "rb") as handle:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 22), b""))


def _json_lines(file: DataFile, columns: Collection[str] | None) -> Iterator[Row]:
    with open(file.path, "rb") as handle:
        yield from _lines(file, handle)


def _lines(file: DataFile, handle: IO[bytes]) -> Iterator[Row]:
    number = 0
    try:
        for number, line in enumerate(json_reader.lines(handle), 1):
            if number == 1:
                line = line.removeprefix(_BOM)
            if line.isspace():
                continue
            record = json_reader.loads(line.decode())
            if not isinstance(record, dict):
                raise UserError(f"{file.shown}, line {number}: must be a JSON object")
            yield Row(record, file, "line", number)
    except JsonError as error:
        line_number = error.line or number
        raise UserError(f"{file.shown}, line {line_number}: not valid JSON: {error}") from None


def _json(file: DataFile, columns: Collection[str] | None) -> Iterator[Row]:
    """A JSON array of records, an object of records by id, or JSON Lines under the wrong name."""
    with open(file.path, "rb") as handle:
        if _is_empty(handle):
            return
        if _is_lines(handle):
            yield from _lines(file, handle)
            return
    number = 0
    try:
        for number, (line, key, record) in enumerate(json_reader.records(file.path), 1):
            if not isinstance(record, dict):
                raise UserError(
                    f"{file.shown}, line {line}: record {number} must be a JSON object; the file must "
                    "hold an array of records, or an object with a record for each id"
                )
            yield Row(record, file, "record", number, key)
    except JsonError as error:
        after = f" (after record {number})" if number else ""
        raise UserError(
            f"{file.shown}, line {error.line}: not valid JSON{after}: {error}"
        ) from None


def _is_empty(handle: IO[bytes]) -> bool:
    """Is there nothing but white space? Else the file is put before what there is."""
    start = len(_BOM) if handle.read(len(_BOM)) == _BOM else 0
    handle.seek(start)
    while chunk := handle.read(1 << 16):
        if rest := chunk.lstrip():
            handle.seek(start + len(chunk) - len(rest))
            return False
        start += len(chunk)
    return True


def _is_lines(handle: IO[bytes]) -> bool:
    """Is the first line a record of its own, as in JSON Lines? The file is left at its beginning."""
    line = handle.readline(_HEAD)
    more = handle.read(1) != b""
    handle.seek(0)
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        record = json_reader.loads(line)
    except JsonError:
        return False
    return more or not all(isinstance(value, dict) for value in record.values())


def _csv(file: DataFile, columns: Collection[str] | None) -> Iterator[Row]:
    csv.field_size_limit(json_reader.BYTES)  # the default refuses reasoning over 128 kB
    delimiter = "\t" if file.path.suffix.lower() == ".tsv" else ","
    with open(file.path, encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(_bounded(file, handle), delimiter=delimiter, strict=True)
        try:
            began = 1
            header = next(reader, None)
            if header is None:
                return
            _check_columns(file, header)
            twice = sorted(name for name, times in Counter(header).items() if times > 1)
            if twice:
                raise UserError(f"{file.shown}, line 1: column {shown(twice[0])} appears twice")
            began = reader.line_num + 1  # the line of the record that is being read
            for values in reader:
                began = reader.line_num + 1
                if not values:  # a blank line
                    continue
                if len(values) != len(header):
                    raise UserError(
                        f"{file.shown}, line {reader.line_num}: {len(values)} values where the header "
                        f"names {len(header)} ({listing(header)}); put values with a "
                        f"{'tab' if delimiter == chr(9) else 'comma'} in quotes"
                    )
                yield Row(dict(zip(header, values, strict=True)), file, "line", reader.line_num)
        except csv.Error as error:
            place = (
                f"line {began}"
                if began == reader.line_num
                else f"lines {began} to {reader.line_num}"
            )
            hint = "; is a quote not closed?" if began != reader.line_num else ""
            raise UserError(f"{file.shown}, {place}: broken CSV: {error}{hint}") from None


def _bounded(file: DataFile, handle: IO[str]) -> Iterator[str]:
    number = 0
    while line := handle.readline(json_reader.BYTES + 1):
        number += 1
        if len(line) > json_reader.BYTES:
            most = json_reader.BYTES >> 20
            raise UserError(f"{file.shown}, line {number}: has more than {most} MiB in one line")
        if "\0" in line:
            raise UserError(
                f"{file.shown}, line {number}: has a NUL character; is it a complete text file?"
            )
        yield line


def _parquet(file: DataFile, columns: Collection[str] | None) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = itertools.count(1)
    try:
        with pq.ParquetFile(file.path, memory_map=True) as parquet:
            there = parquet.schema_arrow.names
            _check_columns(file, there)
            # Where one is missing, all are read, so that the message can list what there is.
            wanted = list(columns) if columns and set(columns) <= set(there) else None
            for group in range(parquet.num_row_groups):
                size = _rows_together(parquet, group, wanted)
                for batch in parquet.iter_batches(size, row_groups=[group], columns=wanted):
                    if batch.nbytes > _MOST_DECODED:
                        first = next(numbers)
                        raise UserError(
                            f"{file.shown}, rows {first} to {first + batch.num_rows - 1}: have more than "
                            f"{_MOST_DECODED >> 20} MiB together; leave the longest out"
                        )
                    # As Python's texts they would be in memory twice.
                    step = size if batch.nbytes < _DECODED // 8 else _FEW
                    for start in range(0, batch.num_rows, step):
                        for record in batch.slice(start, step).to_pylist():
                            yield Row(record, file, "row", next(numbers))
    except FileNotFoundError:
        raise
    # A damaged page can also make a text that is not UTF-8, or a time that no calendar has.
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file.shown}: not a readable Parquet file: {reason}") from None


def _rows_together(parquet: Any, group: int, columns: list[str] | None) -> int:
    """As many rows of a row group as fit in memory: by what all of it is said to hold unpacked, and by its first
    rows, as a dictionary's value, there once, may be that of all rows."""
    facts = parquet.metadata.row_group(group)
    row = max(facts.total_byte_size, 1) // max(facts.num_rows, 1)
    for batch in parquet.iter_batches(_FEW, row_groups=[group], columns=columns):
        row = max(row, batch.nbytes // max(batch.num_rows, 1))
        break
    return int(max(_FEW, min(_BATCH, _DECODED // max(row, 1))))


_READERS: dict[str, Callable[[DataFile, Collection[str] | None], Iterator[Row]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}


def _bad_line(path: Path) -> tuple[int, UnicodeDecodeError] | None:
    """The first line of a text file that is not UTF-8."""
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return number, error
    return None


def _not_utf8(path: Path, shown: str) -> str:
    found = _bad_line(path)
    if found is None:  # a text that a CSV reader saw as cut
        return f"{shown}: not UTF-8 text; save it as UTF-8"
    number, error = found
    byte = error.object[error.start]
    return f"{shown}, line {number}: byte {error.start + 1} (0x{byte:02x}) is not UTF-8; save it as UTF-8"
