"""What is in the place of a file or folder of a run, and is none, stops no later run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmc_lib import store
from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.store import (
    JsonlWriter,
    Run,
    files,
    json_reader,
    locked,
    read_jsonl,
    read_word,
    scan_jsonl,
    set_aside_damaged,
)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


THINGS: dict[str, Callable[[Path], object]] = {
    "file": lambda path: path.touch(),
    "folder": _folder,
    "pipe": os.mkfifo,
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a folder": lambda path: path.symlink_to(path.parent),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("name", THINGS)
def test_a_file_is_written_whatever_is_in_its_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / "index.html"
    THINGS[name](path)
    store.write_atomic(path, "whole")
    assert path.read_text() == "whole"
    assert (tmp_path / "index.html.damaged-1" / "inside").exists() == (name == "folder")


@pytest.mark.parametrize("name", THINGS)
def test_whatever_it_is_it_can_be_removed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "step-6"
    THINGS[name](path)
    store.remove(path)
    assert not os.path.lexists(path)
    assert tmp_path.is_dir()


@pytest.mark.parametrize("name", THINGS)
def test_a_word_is_read_from_a_file_alone(tmp_path: Path, name: str) -> None:
    THINGS[name](tmp_path / "key")
    assert read_word(tmp_path / "key") == ""


@pytest.mark.parametrize("name", ["file", "pipe", "link to nothing", "link to itself"])
def test_what_is_in_the_place_of_a_run_s_folder_is_set_aside(tmp_path: Path, name: str) -> None:
    params = Params(run="x", runs_dir=f"{tmp_path}/runs", reports_dir=f"{tmp_path}/reports")
    run = Run(params, tmp_path / "my.yaml")
    run.predictions.mkdir(parents=True)
    run.report.mkdir(parents=True)
    places = [run.dataset, run.models, run.predictions / "hle", run.report / "notebooks"]
    for path in places:
        THINGS[name](path)
    (run.folder / ".lock").symlink_to("nothing")
    with locked(run):
        for path in places:
            path.mkdir()
    assert all(os.path.lexists(f"{path}.damaged-1") for path in places)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (".index.html.{here}.{gone}.part", False),
        (".index.html.{here}.{alive}.part", True),
        (".index.html.deadbeef.{gone}.part", True),
        (".other.html.{here}.{gone}.part", True),
        ("index.html.{here}.{gone}.part", True),
    ],
)
def test_what_kill_left_half_written_goes_with_the_next_writing(
    tmp_path: Path, name: str, kept: bool
) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    path = tmp_path / name.format(here=files._HERE, gone=gone.pid, alive=os.getppid())
    path.touch()
    store.write_atomic(tmp_path / "index.html", "whole")
    assert path.exists() == kept


def test_what_another_machine_left_half_written_goes_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.deadbeef.1.part", tmp_path / ".b.deadbeef.1.part"
    old.touch()
    new.touch()
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    store.remove_remains(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_line_that_is_too_long_is_passed_over_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "BYTES", 1000)
    path = tmp_path / "base.jsonl"
    path.write_bytes(b'{"n": 1}\n' + bytes(5000) + b'\n{"n": 2}\n')

    def is_record(row: dict[str, object]) -> bool:
        return True

    assert list(scan_jsonl(path, is_record)) == [(0, {"n": 1}), (9 + 5001, {"n": 2})]
    with pytest.raises(UserError, match=r"line 2: has more than 0 MiB"):
        read_jsonl(path)
    assert set_aside_damaged(path, is_record) == 1
    assert path.read_bytes() == b'{"n": 1}\n{"n": 2}\n'
    assert (tmp_path / "base.damaged.jsonl").read_bytes() == bytes(5000) + b"\n"


@pytest.mark.parametrize("rest", [b'{"n": 2', bytes(5000), b'{"n": "' + b"a" * 5000])
def test_a_writer_cuts_off_what_is_no_record_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    monkeypatch.setattr(json_reader, "BYTES", 1000)
    path = tmp_path / "base.jsonl"
    path.write_bytes(b'{"n": 1}\n' + rest)
    with JsonlWriter(path) as writer:
        writer.append({"n": 3})
    assert read_jsonl(path) == [{"n": 1}, {"n": 3}]
