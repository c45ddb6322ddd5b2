"""Archives that nobody should send as a log of Inspect's: refused before anything is unpacked to memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers import inspect_logs


def _archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.slow
def test_what_unpacks_to_hundreds_of_times_its_size_is_no_log(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    blanks = b" " * 2**20
    path = _archive(tmp_path / "bomb.eval", {"header.json": b"{}"})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(300):
            archive.writestr(f"samples/{number}.json", blanks)
    with pytest.raises(UserError, match=r"unpacks to 0\.3 GiB, more than 300 times its size"):
        list(inspect_logs.read(path))


@pytest.mark.parametrize("name", ["../../evil.json", "/tmp/llmc-evil.json", "samples/\x1b[2J.json"])
def test_no_name_leads_out_of_the_archive(tmp_path: Path, name: str) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    path = _archive(folder / "x.eval", {"header.json": b"{}", name: b"[" * 5000})
    with pytest.raises(UserError, match=r"x\.eval.*not valid JSON"):
        list(inspect_logs.read(path))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
