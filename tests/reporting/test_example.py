"""What is refused before any browser starts; the making itself: test_made_of_pages.py."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from llmc_lib.__main__ import main
from llmc_lib.publish.example import LARGEST_PAGE, LARGEST_PICTURE, of_this_machine
from llmc_lib.store import ROOT

KEPT = ROOT / "reports" / "example"


def test_a_run_that_was_not_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "x.yaml"
    params.write_text(f"run: x\nruns_dir: {tmp_path}\nreports_dir: {tmp_path}\n")
    assert main(["example", str(params)]) == 2
    page = tmp_path / "x" / "index.html"
    assert capsys.readouterr().err == (
        f"{page}: no such page: the run has not been made; make it first: make report PARAMS=x.yaml\n"
    )
    assert list(tmp_path.iterdir()) == [params]


@pytest.mark.parametrize("folder", [ROOT, Path.home(), Path(tempfile.gettempdir())])
def test_folders_of_this_machine_are_found(folder: Path) -> None:
    assert str(folder) in of_this_machine(f"read from '{folder}/some/file.json' …")
    assert str(folder) in of_this_machine(f"{folder}")
    assert str(folder) not in of_this_machine(f"https://example.org{folder} and {folder}s")


def test_the_name_of_this_machine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known = os.uname()
    monkeypatch.setattr(os, "uname", lambda: type("Name", (), {"nodename": "gpu-node-17"}))
    assert of_this_machine("made on gpu-node-17.") == ["gpu-node-17"]
    assert of_this_machine("made on gpu-node-170.") == []
    assert known.sysname


def test_the_kept_example_is_small_and_tells_nothing_of_a_machine() -> None:
    page = KEPT / "index.html"
    assert page.stat().st_size <= LARGEST_PAGE
    assert (KEPT / "screenshot.png").stat().st_size <= LARGEST_PICTURE
    text = page.read_text(encoding="utf-8")
    assert of_this_machine(text) == []
    assert "/home/" not in text
    assert 'class="verdict' in text
