"""What the sources share: the facts about one, where its files are, and the values of its rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.errors import UserError, shown
from llmc_lib.models import hub
from llmc_lib.params import SourceParams
from llmc_lib.records import AuthorKind, Message, writable
from llmc_lib.store import ROOT, read_jsonl, sha256_file
from llmc_lib.store.data_files import DataFile, Row, data_files, rows
from llmc_lib.store.manifests import from_root

#: The suffixes of data files, as patterns for the hub.
DATA = ("*.jsonl", "*.parquet", "*.csv", "*.json")


#: Author of the embedded texts. The project wrote them, no one person by hand: of a kind that is not known.
PROJECT = "this project"


@dataclass(frozen=True)
class SourceFacts:
    """What the data set card says of a source."""

    licence: str  # SPDX identifier, "unknown" where nobody says
    url: str  # where it is published; "embedded", or the path of a local file
    description: str  # one sentence
    difficulty: str = ""  # what the difficulty scale means, "" where it has none
    citation: str = ""  # authors, title, year, where
    rows: int | None = None  # as published; None where that depends


class Draft(NamedTuple):
    """What a source's module says of one row, as the file has it: text is not yet text."""

    question: Any
    answer: Any = ""
    completion: Any = ""
    subject: Any = ""
    author: str = ""
    author_kind: AuthorKind = "unknown"
    row_id: Any = ""  # "": the row's number
    difficulty: float | None = None
    category: str = ""  # HLE's, Safety or Instruction, where the row itself names it
    licence: str = ""  # where it differs from the source's
    revision: str = ""
    history: tuple[Message, ...] = ()  # the turns before the question
    fault: str = ""  # why the row cannot be used, "" where it can
    rejected: Any = ""  # a response that the completion is preferred to


def source_rows(
    source: SourceParams,
    repo: str,
    patterns: Sequence[str] = DATA,
    columns: Collection[str] | None = None,
) -> Iterator[Row]:
    """The rows of a source's files, in the order of their names: local ones, or those of the hub.

    Of a hub set only the files that match one of `patterns` are downloaded. Raises `UserError`.
    """
    for file in _files(source, repo, patterns):
        yield from rows(file, columns)


def local_data(path: str, key: str = "path") -> list[DataFile]:
    """`local_files`, each as what messages and manifests call it."""
    return [
        DataFile(file, str(from_root(file)), f"sha256:{_sha256(file)[:16]}")
        for file in local_files(path, key)
    ]


def _files(source: SourceParams, repo: str, patterns: Sequence[str]) -> list[DataFile]:
    if source.path:
        return local_data(source.path)
    revision = source.revision or ""  # a commit: the schema of the params asks for one
    where = f"{repo}@{revision}"
    folder = hub.download(repo, revision, list(patterns), where=where, kind="dataset")
    # The folder may hold files that another subset has brought.
    found = [
        path
        for path in data_files(folder)
        if any(fnmatch(path.relative_to(folder).as_posix(), pattern) for pattern in patterns)
    ]
    if not found:
        raise UserError(f"{where}: no file like {' or '.join(patterns)}; is the revision right?")
    return [
        DataFile(path, f"{where}: {path.relative_to(folder).as_posix()}", revision)
        for path in found
    ]


def local_files(path: str, key: str = "path") -> list[Path]:
    """The data files at a path that a params file has at `key`; raises `UserError` where there is none."""
    start = ROOT / path
    if not start.exists():
        raise UserError(f"{key}: no file or folder {from_root(start)}; give a path from {ROOT}")
    if not (start.is_dir() or start.is_file()):  # a pipe would be waited for without end
        raise UserError(f"{key}: {from_root(start)} is not a regular file; give a file of data")
    found = data_files(start)
    if not found:
        raise UserError(
            f"{key}: no data file in {from_root(start)} (.jsonl, .json, .csv, .parquet)"
        )
    return found


def digests(path: str, key: str = "path") -> dict[str, str]:
    """The SHA-256 of each local file of a source, by the file's path."""
    return {str(from_root(file)): _sha256(file) for file in local_files(path, key)}


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256_of(path: Path, size: int, modified: int) -> str:
    """A file's digest, computed once while the file stays as it is."""
    return sha256_file(path)


def project_items(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The revision of an embedded file, and its items in its order."""
    return f"sha256:{_sha256(path)[:16]}", read_jsonl(path)


def project_responses(
    path: Path, category: str, subject: Callable[[dict[str, Any]], str]
) -> Iterator[Draft]:
    """The items of an embedded file of responses, in its order: {"id": "safety-001", "question", "response", …}."""
    revision, items = project_items(path)
    for item in items:
        yield Draft(
            question=item["question"],
            completion=item["response"],
            subject=subject(item),
            author=PROJECT,
            row_id=item["id"].rpartition("-")[2],
            category=category,
            revision=revision,
        )


# ---- values ----------------------------------------------------------------------------------


def text(value: Any) -> str:
    """A value as text that can be written as UTF-8: what cannot be (half a surrogate pair) becomes "?".

    None and "not a number" are "", 42 is "42", the items of a list are joined by commas, and an object
    is written as JSON.
    """
    if type(value) is str:
        return writable(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)
    if isinstance(value, dict):
        return text(json.dumps(value, ensure_ascii=False, default=str))
    return text(str(value))


def number(value: Any) -> float | None:
    """A value as a finite number, None where it is empty or none; raises `ValueError` for anything else."""
    if value is None or value == "":
        return None
    try:
        found = float(value)
    except (TypeError, OverflowError):  # an object, or a whole number of hundreds of digits
        raise ValueError(f"{shown(value)} is not a number") from None
    return found if math.isfinite(found) else None


def row_number(row: Row, field: str, value: Any) -> float | None:
    """`number` of a row's field; raises `UserError` with the row's place."""
    try:
        return number(value)
    except ValueError:
        raise UserError(f"{field}: {row.where}: {shown(value)} is not a number") from None


def second_level(chain: Any) -> str:
    """ "Algebra" of "Mathematics -> Algebra -> Inequalities"; of a list of such chains, the first's."""
    if isinstance(chain, list):
        chain = chain[0] if chain else ""
    parts = text(chain).split(" -> ")
    return parts[1] if len(parts) > 1 else parts[0]
