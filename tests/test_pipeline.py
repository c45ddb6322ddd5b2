"""What is in the place of an executed notebook, and is none, is set aside before one is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llmc_lib import pipeline
from llmc_lib.params import Params
from llmc_lib.store import Run

THINGS: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to a file": lambda path: path.symlink_to("precious"),
}


@pytest.mark.parametrize("thing", THINGS)
def test_a_notebook_is_written_to_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thing: str
) -> None:
    params = Params(run="x", runs_dir=f"{tmp_path}/runs", reports_dir=f"{tmp_path}/reports")
    run = Run(params, tmp_path / "my.yaml")
    executed = run.report / "notebooks" / "4_report.ipynb"
    executed.parent.mkdir(parents=True)
    (executed.parent / "precious").write_text("mine")
    THINGS[thing](executed)

    def execute(source: Path, to: Path, *_: object) -> None:
        to.write_text("{}")

    monkeypatch.setattr("llmc_lib.processes.notebooks.execute", execute)
    pipeline._execute(run, pipeline.stages(run)[3], executed)
    assert executed.is_file()
    assert not executed.is_symlink()
    assert os.path.lexists(f"{executed}.damaged-1")
    assert (executed.parent / "precious").read_text() == "mine"
