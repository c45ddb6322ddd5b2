"""The ledger: what was appended is there, and what was done to it later shows."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.store import ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of four rows."""
    path = tmp_path / "run" / "looks.jsonl"
    for number in range(4):
        ledger.append(path, {"what": "partial", "n": number, "p": 0.1 * number, "ü": "é"})
    return path


def test_rows_are_read_as_they_were_returned(path: Path) -> None:
    last = ledger.append(path, {"what": "finished", "time": "2026-11-29T07:00:00+00:00"})
    rows = ledger.read(path)
    assert [row.get("n") for row in rows] == [0, 1, 2, 3, None]
    assert rows[-1] == last
    assert last["time"] == "2026-11-29T07:00:00+00:00"
    assert rows[0]["previous"] == ledger.START
    assert [row["previous"] for row in rows[1:]] == [row["digest"] for row in rows[:-1]]


def test_several_rows_are_those_that_one_by_one_would_be(path: Path) -> None:
    given: list[dict[str, Any]] = [
        {"data": 1, "time": "t"},
        {"data": 1, "time": "t"},
        {"data": [2], "time": "t"},
    ]
    made = ledger.extend(path, given, once="data")
    assert [row["data"] for row in made] == [1, 1, [2]]
    assert made[0] == made[1]
    assert ledger.append(path, given[2], once="data") == made[2]
    assert ledger.read(path)[4:] == [made[0], made[2]]
    assert ledger.extend(path, []) == []


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    assert ledger.scan(tmp_path) == ([], "is not a file")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"link\.jsonl: is not a file; put back"):
        ledger.read(tmp_path / "link.jsonl")


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert ledger.read(tmp_path / "none.jsonl") == []


def _removed(lines: list[str]) -> list[str]:
    return [lines[0], *lines[2:]]


def _first_removed(lines: list[str]) -> list[str]:
    return lines[1:]


def _moved(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], lines[3]]


def _repeated(lines: list[str]) -> list[str]:
    return [lines[0], lines[1], *lines[1:]]


def _changed(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace('"n": 1', '"n": 7'), *lines[2:]]


def _last_changed(lines: list[str]) -> list[str]:
    return [*lines[:3], lines[3].replace('"n": 3', '"n": 7')]


def _garbage(lines: list[str]) -> list[str]:
    return [lines[0], "\0\0\0", *lines[1:]]


def _list(lines: list[str]) -> list[str]:
    return [lines[0], "[1]", *lines[1:]]


def _no_digest(lines: list[str]) -> list[str]:
    return [lines[0], '{"digest": 5}', *lines[1:]]


def _blind(lines: list[str]) -> list[str]:
    """A row changed by somebody who made its own digest again, and no other."""
    row = {**json.loads(lines[1]), "n": 7}
    return [lines[0], json.dumps({**row, "digest": ledger.digest(row)}), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_removed, "before line 2 a row was removed"),
        (_first_removed, "before line 1 a row was removed"),
        (_moved, "before line 2 a row was removed, added or moved"),
        (_repeated, "before line 3 a row was removed, added or moved"),
        (_changed, "line 2 was changed"),
        (_last_changed, "line 4 was changed"),
        (_garbage, "line 2: not valid JSON"),
        (_list, "line 2: must be a JSON object"),
        (_no_digest, "line 2 was changed"),
        (_blind, "before line 3 a row was removed, added or moved"),
    ],
)
def test_what_was_done_to_it_shows(
    path: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(UserError, match=told) as error:
        ledger.read(path)
    assert "\n" not in str(error.value)
    # It goes on, and stays broken.
    ledger.append(path, {"what": "partial"})
    assert told in ledger.scan(path).problem
    assert ledger.scan(path).rows[-1]["what"] == "partial"


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_line_cut_by_a_kill_is_repaired(path: Path, kept: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:kept])
    assert len(ledger.read(path)) == 3
    ledger.append(path, {"n": 9})
    assert [row["n"] for row in ledger.read(path)] == [0, 1, 2, 9]


def test_a_line_whole_but_for_its_end_counts(path: Path) -> None:
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    ledger.append(path, {"n": 9})
    assert [row["n"] for row in ledger.read(path)] == [0, 1, 2, 3, 9]


def test_the_same_data_is_no_new_row(path: Path) -> None:
    first = ledger.append(path, {"data": "abc", "n": 5}, once="data")
    assert ledger.append(path, {"data": "abc", "n": 6}, once="data") == first
    ledger.append(path, {"data": "abd", "n": 7}, once="data")
    assert [row["n"] for row in ledger.read(path)] == [0, 1, 2, 3, 5, 7]


def test_a_link_is_not_written_through(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with pytest.raises(UserError, match="symbolic link"):
        ledger.append(link, {"n": 1})


def test_a_number_that_json_does_not_have_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        ledger.append(path, {"p": float("nan")})
    assert len(ledger.read(path)) == 4


def _append(path: Path, writer: int) -> None:
    for number in range(10):
        ledger.append(path, {"writer": writer, "number": number})


@pytest.mark.slow
def test_two_writers_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "looks.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    rows = ledger.read(path)
    for number in range(3):
        assert [r["number"] for r in rows if r["writer"] == number] == list(range(10))
