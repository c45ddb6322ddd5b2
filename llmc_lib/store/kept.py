"""What was found out about texts, kept by the hash of each, so that nothing is computed twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from llmc_lib.store.files import read_jsonl, write_jsonl
from llmc_lib.store.manifests import fingerprint

Found = TypeVar("Found")


def read_kept(path: Path, kind: type[Found]) -> dict[str, Found]:
    """Hash of a text → what was found, a dataclass of `kind`; {} where there is no file.

    A row that is not as it was written is left out, so that it is found out again.
    """
    adapter = TypeAdapter(kind)
    names = {"text", *(field.name for field in fields(kind))}  # type: ignore[arg-type]
    found = {}
    for row in read_jsonl(path, lambda row: True):
        digest = row.pop("digest", None)  # files of earlier versions have none
        try:
            value = adapter.validate_python(row)
        except ValidationError:
            continue
        whole = row.keys() == names and isinstance(row["text"], str)
        if whole and digest in (None, fingerprint(row=row)):
            found[row["text"]] = value
    return found


def write_kept(path: Path, found: Mapping[str, Any]) -> None:
    """Write such a file whole."""
    rows: list[dict[str, Any]] = [{"text": key, **asdict(value)} for key, value in found.items()]
    write_jsonl(path, ({**row, "digest": fingerprint(row=row)} for row in rows))
