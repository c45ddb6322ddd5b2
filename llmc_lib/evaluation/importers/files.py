"""The files that an import names, and what format they are in, told by their content."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers import (
    competition,
    filter_results,
    hle,
    inspect_logs,
    lighteval,
    lm_eval,
    multiple_choice,
    tables,
)
from llmc_lib.evaluation.importers.records import Imported, json_object
from llmc_lib.params import ImportParams
from llmc_lib.store import json_reader
from llmc_lib.store.data_files import DataFile, listing, rows
from llmc_lib.store.json_reader import JsonError

READERS: dict[str, Callable[[Path], Iterator[Imported]]] = {
    "hle_predictions": hle.read_predictions,
    "hle_judged": hle.read_judged,
    "competition": competition.read,
    "lm_eval": lm_eval.read,
    "inspect": inspect_logs.read,
    "lighteval": lighteval.read,
    "super_gpqa_results": multiple_choice.read,
    "filter_results": filter_results.read,
    "responses": tables.read,
}
#: Keys of a file, or of its first row, that tell its format; the first that fits. What is left is told by `tables`.
_KEYS: list[tuple[str, set[str]]] = [
    ("inspect", {"status", "eval"}),
    ("lm_eval", {"doc_id", "doc", "resps"}),
    ("competition", {"id", "prediction", "gold", "correct"}),
    *(("lighteval", keys) for keys in lighteval.FORMS),
    ("super_gpqa_results", {"uuid", "options", "answer_letter", "response"}),
    ("filter_results", {"question", "generated_answers", "evaluation_results"}),
]
#: So many keys of a JSON object are looked at.
_LOOK = 12
_TABLES = {".csv", ".tsv", ".parquet"}
_SUFFIXES = {".json", ".jsonl", ".ndjson", ".eval", *_TABLES}


def find(params: ImportParams, path: Path) -> list[tuple[Path, str]]:
    """The files of an import and their formats: the file at `path`, or those of the folder that are in a
    format that is known (with `format` given, in that one).

    Raises `UserError` where there are none, and where those of a folder are of several formats.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: is not a regular file; give a file of predictions")
    if not path.is_dir():
        return [(path, detect(path) if params.format == "auto" else params.format)]
    found = []
    for file in sorted(path.rglob("*")):
        if file.suffix in _SUFFIXES and file.is_file() and not file.name.startswith("."):
            known = _known_or_none(file)
            if known is not None and params.format in ("auto", known):
                found.append((file, known))
    if not found:
        what = "any format that is known" if params.format == "auto" else f"format {params.format}"
        raise UserError(f"{path}: no predictions in {what} ({', '.join(READERS)}) in this folder")
    formats = sorted({known for _, known in found})
    if len(formats) > 1:
        raise UserError(
            f"{path}: holds files of several formats ({', '.join(formats)}); give `format`, or one file"
        )
    return found


def read(params: ImportParams, path: Path) -> Iterator[Imported]:
    """All answers of an import, one at a time. Raises `UserError` with file and row or key."""
    found = find(params, path)
    samples = tables.numbered(file for file, known in found if known == "responses")
    for file, known in found:
        yield from tables.read(file, samples) if known == "responses" else READERS[known](file)


def detect(path: Path) -> str:
    """The format of a file. Raises `UserError` where it is none that is known."""
    known = _known(path)
    if known is None:
        if {"results", "configs"} <= {key for key, _ in _keys(path)}:
            raise UserError(
                f"{path}: lm-evaluation-harness's summary, which has no answers; give the samples_*.jsonl "
                "beside it (run the harness with --log_samples)"
            )
        if path.stat().st_size < 16 and path.read_bytes().strip() in (b"", b"[]", b"{}"):
            raise UserError(f"{path}: is empty; give the file of a run that answered something")
        if _begins(path, b"\xff\xfe", b"\xfe\xff"):
            raise UserError(f"{path}: is UTF-16; save it as UTF-8")
        if missing := _missing(path):
            raise UserError(f"{path}: {missing}")
        if path.suffix == ".json" and not _keys(path) and _begins(path, b"{", b"["):
            next(json_object(path), None)  # says what is wrong in the first record
        columns = [str(key) for key, _ in _keys(path)] if path.suffix.lower() in _TABLES else []
        there = f" (its columns: {listing(sorted(columns))})" if columns else ""
        raise UserError(
            f"{path}: not in a format that is known: {', '.join(READERS)}{there}; what each holds is in "
            "docs/imports.md"
        )
    return known


def _missing(path: Path) -> str:
    """What a file that is nearly in a format has not, and what to do; "" where it is near none."""
    keys = {key for key, _ in _keys(path)}
    if {"accuracy", "correct_count", "pass_rate"} & keys and "question" in keys:
        return (
            "has pass rates and no answers (no 'generated_answers' with 'evaluation_results'), so there is nothing to "
            "compare; give the file before its answers were left out, or, to choose training problems by the rates, give this "
            "one as dataset.difficulty.rates"
        )
    if {"uuid", "options", "answer_letter"} <= keys:
        return "has questions and no 'response'; give the file that the inference wrote"
    if "question" in keys or "id" in keys:
        return (
            "has no column with answers (response, prediction, output), or neither ids nor questions; it has: "
            f"{listing(sorted(map(str, keys)))}"
        )
    return ""


def _known_or_none(file: Path) -> str | None:
    """The format of a file of a folder; a table that cannot be read is none."""
    try:
        return _known(file)
    except UserError:
        if file.suffix.lower() in _TABLES:
            return None
        raise


def _keys(path: Path) -> list[tuple[str, Any]]:
    """The first keys of a JSON object; none of another file."""
    try:
        return [] if zipfile.is_zipfile(path) else _head(path)
    except (OSError, UserError):
        return []


def _known(path: Path) -> str | None:
    if zipfile.is_zipfile(path):
        return "inspect" if path.suffix == ".eval" else None
    try:
        head = _head(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    keys = {key for key, _ in head}
    for name, wanted in _KEYS:
        if wanted <= keys:
            return name
    if tables.knows(keys):
        return "responses"
    entries = [value for _, value in head if value is not None]
    answers = [value for value in entries if isinstance(value, dict) and "response" in value]
    if not answers or len(answers) < len(entries):
        return None
    judged = any("judge_response" in answer for answer in answers)
    return "hle_judged" if judged else "hle_predictions"


def _head(path: Path) -> list[tuple[str, Any]]:
    """The first keys and values of a JSON object, or those of the first row of JSON Lines or a table."""
    if path.suffix.lower() in _TABLES:
        first_row = next(rows(DataFile(path, str(path), "")), None)
        return list(first_row.record.items()) if first_row else []
    try:
        with open(path, "rb") as handle:
            first = json_reader.loads(next(json_reader.lines(handle), b"").strip() or b"0")
        if isinstance(first, list):  # an array of rows
            first = first[0] if first else None
        return list(first.items()) if isinstance(first, dict) else []
    except JsonError:
        head: list[tuple[str, Any]] = []
    # What is wrong after the first keys is told by the reader.
    with suppress(JsonError, UnicodeDecodeError):
        for _, key, value in itertools.islice(json_reader.records(path), _LOOK):
            if not key and isinstance(value, dict):  # the first row of an array
                return list(value.items())
            head.append((key, value))
    return head


def _begins(path: Path, *with_: bytes) -> bool:
    """Does a file begin with one of these, space and the mark of UTF-8 apart?"""
    with open(path, "rb") as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(with_)
