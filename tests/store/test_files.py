"""What is in the place of a file or folder of a run, and is none, stops no later run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llmc_lib import store
from llmc_lib.params import Params
from llmc_lib.store import Run, locked, read_word


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
