"""W&B's transaction log, `run-<id>.wandb`: what an offline run leaves, and an online one too.

The file is framed as LevelDB's log is: ":W&B", a magic number and a version (7 bytes), then blocks of 32 KiB of records, each
with CRC-32, length and type (whole, first, middle, last). A record is a protobuf message `Record`, of which the field 2
is a `HistoryRecord`: items (1) with key (1), nested_key (2) and value_json (16), and a step (2). Confirmed from
wandb/proto/wandb_internal.proto and wandb/sdk/internal/datastore.py of `wandb/wandb`, and on a file that version 0.31
of the package wrote. Reading these few fields needs neither the package nor its schema; all other records are passed over.

The last record of a process that was killed may be cut: the file is read up to it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.curves.columns import Rows
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

MAGIC = b":W&B"
_HEADER, _BLOCK = 7, 32 * 1024
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
#: Field numbers.
_HISTORY, _ITEM, _STEP, _KEY, _NESTED, _VALUE = 2, 1, 2, 1, 2, 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _BrokenError(Exception):
    """What follows cannot be read."""


def read(files: list[Path], run: str | None) -> Rows:
    """The history of a run, of several files that of all, as a resumed run leaves them. Raises `UserError` where the files are
    of several runs and none is named, and for one that is no such file."""
    for file in _of_one_run(files, run):
        records = 0
        with open(file, "rb") as handle:
            for record in _records(handle):
                records += 1
                # A damaged record is passed over.
                with suppress(_BrokenError):
                    yield from _histories(record)
        if not records:
            raise UserError(f"{file}: has no whole record of W&B; is the file complete?")


def _of_one_run(files: list[Path], run: str | None) -> list[Path]:
    """The files of one run, in the order of their folders' names, which begin with the time."""
    runs: dict[str, list[Path]] = {}
    for file in files:
        runs.setdefault(file.stem.removeprefix("run-"), []).append(file)
    names = ", ".join(runs)
    if run is not None and run not in runs:
        raise UserError(f"{files[0].parent.parent}: has no run {run!r}; there are {names}")
    if run is None and len(runs) > 1:
        raise UserError(
            f"{files[0].parent.parent}: has several runs ({names}); name one as `training_run`, or give its folder"
        )
    return sorted(runs[run or next(iter(runs))], key=lambda file: file.parent.name)


def _records(file: IO[bytes]) -> Iterator[bytes]:
    """The records of a log. One that is damaged, or longer than 64 MiB, is left out, and its block's rest with it."""
    block = file.read(_BLOCK)
    place, parts = (
        _HEADER,
        list[bytes](),
    )  # the file's own header is the beginning of the first block
    while block:
        while place + _HEADER <= len(block):
            crc, length, kind = struct.unpack_from("<IHB", block, place)
            data = block[place + _HEADER : place + _HEADER + length]
            if not kind or len(data) < length or zlib.crc32(data, zlib.crc32(bytes([kind]))) != crc:
                parts = []
                break
            place += _HEADER + length
            if kind in (_WHOLE, _FIRST):
                parts = []
            elif not parts:
                continue  # the beginning is lost
            parts.append(data)
            if sum(map(len, parts)) > json_reader.BYTES:
                parts = []
            elif kind in (_WHOLE, _LAST):
                yield b"".join(parts)
                parts = []
        block, place = file.read(_BLOCK), 0


def _histories(record: bytes) -> Iterator[Mapping[str, Any]]:
    """The logged event of a record, where it is one."""
    for number, history in _fields(record):
        if number != _HISTORY or not isinstance(history, bytes):
            continue
        values: dict[str, Any] = {}
        for field, inner in _fields(history):
            if field == _STEP and isinstance(inner, bytes):
                values.setdefault("_step", next((n for f, n in _fields(inner) if f == 1), 0))
            elif field == _ITEM and isinstance(inner, bytes):
                key, value = _item(inner)
                values[key] = value
        yield values


def _item(item: bytes) -> tuple[str, Any]:
    keys, value = list[str](), None
    for number, inner in _fields(item):
        if number in (_KEY, _NESTED) and isinstance(inner, bytes):
            keys.append(inner.decode(errors="replace"))
        elif number == _VALUE and isinstance(inner, bytes) and len(inner) < 100:  # a number
            with suppress(JsonError):
                value = json_reader.loads(inner)
    return "/".join(filter(None, keys)), value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number, and its integer or bytes. Raises `_BrokenError`."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value: int | bytes
            value, place = _varint(message, place)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if kind == _BYTES:
                size, place = _varint(message, place)
            if size is None or place + size > len(message):
                raise _BrokenError
            value, place = message[place : place + size], place + size
        yield tag >> 3, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _BrokenError
