"""The rows of the stores of answers and grades: which are what they should be, and what becomes of others."""

from __future__ import annotations

import dataclasses
import fcntl
import types
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal, Union, get_args, get_origin, get_type_hints

from llmc_lib.formatting import counted
from llmc_lib.processes.progress import say
from llmc_lib.records import Grade, Prediction
from llmc_lib.store import json_reader
from llmc_lib.store.files import read_record, set_aside, whole_file

#: As many damaged rows are told one by one.
_TOLD = 5


def is_prediction(row: dict[str, Any]) -> bool:
    """Has a row all that a `Prediction` has, of its kinds?"""
    return _is(Prediction, row)


def is_grade(row: dict[str, Any]) -> bool:
    """Has a row all that a `Grade` has, of its kinds?"""
    return _is(Grade, row)


def set_aside_damaged(path: Path, is_record: Callable[[dict[str, Any]], bool]) -> int:
    """Move the lines of a store that are no records to <name>.damaged.jsonl; returns how many.

    Each is told with its line. A last line that was cut off is left to the next writer, and a file that
    another process writes to is left as it is.
    """
    damaged: dict[int, str] = {}
    if path.exists() and not path.is_file():
        set_aside(path, "is a folder" if path.is_dir() else "is not a regular file")
        return 0
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            for number, piece, ends in _pieces(file):
                whole = ends or len(piece) > json_reader.BYTES
                if number not in damaged and whole and (problem := _problem(piece, is_record)):
                    damaged[number] = problem
            if damaged:
                _move(path, damaged)
    except (FileNotFoundError, BlockingIOError):
        return 0
    for number, problem in list(damaged.items())[:_TOLD]:
        say(f"{path}, line {number}: not an answer ({problem}); it is sampled again")
    if damaged:
        kept = path.with_suffix(".damaged.jsonl").name
        say(f"{path}: {counted(len(damaged), 'damaged line')} kept in {kept}")
    return len(damaged)


def _problem(line: bytes, is_record: Callable[[dict[str, Any]], bool]) -> str:
    if line.isspace():
        return ""
    row, problem = read_record(line)
    if problem:
        return problem
    return "" if is_record(row) else "fields are missing, or of another kind"


def _move(path: Path, damaged: dict[int, str]) -> None:
    aside = path.with_suffix(".damaged.jsonl")
    with open(path, "rb") as file, open(aside, "ab") as other, whole_file(path) as kept:
        for number, piece, _ in _pieces(file):
            (other if number in damaged else kept).write(piece)


def _pieces(file: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Lines with their numbers, of one that is too long its parts; and does the line end with it?"""
    number = 1
    while piece := file.readline(json_reader.BYTES + 1):
        ends = piece.endswith(b"\n")
        yield number, piece, ends
        number += ends


def _is(record: type, row: dict[str, Any]) -> bool:
    required, kinds = _kinds(record)
    return required <= row.keys() <= kinds.keys() and all(
        isinstance(value, kinds[name]) and (type(value) is not bool or bool in kinds[name])
        for name, value in row.items()
    )


@cache
def _kinds(record: Any) -> tuple[set[str], dict[str, tuple[type, ...]]]:
    """The fields of a record that have no default, and the types of each."""
    hints = get_type_hints(record)
    required = {
        field.name for field in dataclasses.fields(record) if field.default is dataclasses.MISSING
    }
    return required, {name: _types(hint) for name, hint in hints.items()}


def _types(hint: Any) -> tuple[type, ...]:
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(kind for part in get_args(hint) for kind in _types(part))
    if get_origin(hint) is Literal:
        return (str,)
    return (int, float) if hint is float else (hint,)
