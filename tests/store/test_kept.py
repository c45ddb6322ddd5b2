"""What was found out about a text is used again, unless it is not as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from llmc_lib.store.kept import read_kept, write_kept


@dataclass(frozen=True)
class Found:
    count: int
    words: tuple[str, ...]


FOUND = {"a": Found(1, ("x", "y")), "b": Found(2, ())}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_kept(tmp_path / "none.jsonl", Found) == {}
    write_kept(tmp_path / "kept.jsonl", FOUND)
    assert read_kept(tmp_path / "kept.jsonl", Found) == FOUND


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text('{"text": "a", "count": 1, "words": ["x", "y"]}\n')
    assert read_kept(path, Found) == {"a": FOUND["a"]}


@pytest.mark.parametrize("place", range(0, 90, 7))
def test_one_byte_changed_loses_that_row_alone(tmp_path: Path, place: int) -> None:
    path = tmp_path / "kept.jsonl"
    write_kept(path, FOUND)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    first = data.index(b"\n")
    assert read_kept(path, Found) == ({"b": FOUND["b"]} if place < first else {"a": FOUND["a"]})


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, bytes(99)]
)
def test_a_damaged_file_is_found_out_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_bytes(content + b"\n")
    assert read_kept(path, Found) == {}
    path.unlink()
    path.mkdir()
    assert read_kept(path, Found) == {}
