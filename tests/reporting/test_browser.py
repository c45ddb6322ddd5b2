"""The system's Chromium: found, named, or missing with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.reporting.browser import find_chromium, print_pdf


def _program(folder: Path, name: str, script: str = "exit 0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_without_a_browser_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(
        UserError, match=r"no Chromium .*apt-get install chromium.*, or name it: CHROMIUM="
    ):
        find_chromium()
    chrome = _program(tmp_path, "google-chrome")
    assert find_chromium() == str(chrome)


def test_a_named_browser_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _program(tmp_path, "chromium")
    mine = _program(tmp_path, "mine")
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert find_chromium() == str(mine)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"CHROMIUM: no program '.*other'"):
        find_chromium()


def test_a_browser_that_makes_nothing_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo no display >&2; exit 3"
    monkeypatch.setenv("CHROMIUM", str(_program(tmp_path, "broken", script)))
    with pytest.raises(UserError, match=r"produced no file \(status 3\)\nno display$"):
        print_pdf(tmp_path / "page.html")
