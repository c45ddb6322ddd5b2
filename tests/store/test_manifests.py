"""A manifest that is damaged is none, and a stage of which something is lost is not done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import store
from llmc_lib.store import read_manifest, read_settings, write_manifest, write_settings


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("llmc_lib.store.files.say", lines.append)
    return lines


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").touch()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "null": lambda path: path.write_text("null"),
    "list": lambda path: path.write_text("[]"),
    "object": lambda path: path.write_text("{}"),
    "number": lambda path: path.write_text("7"),
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "no UTF-8": lambda path: path.write_bytes(b'{"fingerprint": "\xff"}'),
    "deep": lambda path: path.write_text("[" * 100_000),
    "digits": lambda path: path.write_text('{"fingerprint": ' + "9" * 5000 + "}"),
    "NULs": lambda path: path.write_bytes(bytes(100)),
    "fingerprint alone": lambda path: path.write_text('{"fingerprint": "key"}'),
    "a number for the fingerprint": lambda path: path.write_text('{"fingerprint": 7, "finished": "x"}'),
    "a fact changed": lambda path: path.write_text(path.read_text().replace('"rows": 7', '"rows": null')),
    "a fact gone": lambda path: path.write_text(path.read_text().replace('"rows": 7,', "")),
    "an output changed": lambda path: path.write_text(path.read_text().replace('"bytes": 5', '"bytes": {}')),
    "folder": _folder,
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_manifest_is_set_aside_and_told(
    tmp_path: Path, said: list[str], name: str
) -> None:
    made = tmp_path / "page.html"
    made.write_text("whole")
    path = tmp_path / "manifest.json"
    for number in (1, 2):
        write_manifest(tmp_path, "key", 1.0, rows=7, outputs=[made])
        assert read_manifest(tmp_path, "key") is not None
        DAMAGE[name](path)
        assert read_manifest(tmp_path, "key" if number == 1 else None) is None
        assert not path.exists()
        assert (tmp_path / f"manifest.json.damaged-{number}").exists()
        assert len(said) == number
        assert said[-1].startswith(f"{path} ")
        assert "\n" not in said[-1]
        assert read_manifest(tmp_path, "key") is None
    assert len(said) == 2  # told once each
    write_manifest(tmp_path, "key", 1.0, outputs=[made])
    assert read_manifest(tmp_path, "key") is not None


def test_a_manifest_of_an_earlier_version_counts(tmp_path: Path, said: list[str]) -> None:
    written = write_manifest(tmp_path, "key", 1.0, rows=7)
    old = {name: written[name] for name in ("fingerprint", "finished", "rows", "environment")}
    (tmp_path / "manifest.json").write_text(json.dumps(old))
    assert read_manifest(tmp_path, "key") == old
    assert not said


@pytest.mark.parametrize("loss", ["removed", "emptied", "cut", "changed", "folder"])
def test_a_stage_of_which_a_file_is_lost_is_not_done(tmp_path: Path, loss: str) -> None:
    folder, made = tmp_path / "stage", tmp_path / "models" / "a" / "weights"
    made.parent.mkdir(parents=True)
    made.write_text("weights of a model")
    write_manifest(folder, "key", 1.0, outputs=[made, tmp_path / "never there"])
    assert read_manifest(folder, "key") is not None
    match loss:
        case "removed":
            made.unlink()
        case "emptied":
            made.write_text("")
        case "cut":
            made.write_text("weights of a mode")
        case "changed":
            made.write_text("weights of a modem")
        case _:
            _folder(made)
    assert read_manifest(folder, "key") is None
    assert read_manifest(folder) is not None  # what it says of the stage is still to be read


def test_of_a_large_file_the_size_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.store.manifests._HASHED", 4)
    made = tmp_path / "weights"
    made.write_text("large")
    manifest = write_manifest(tmp_path, "key", 1.0, outputs=[made])
    assert manifest["outputs"] == {"weights": {"bytes": 5}}
    made.write_text("other")
    assert read_manifest(tmp_path, "key") is not None
    made.write_text("less")
    assert read_manifest(tmp_path, "key") is None


def test_a_list_of_files_that_is_no_list_is_of_nothing_whole(tmp_path: Path) -> None:
    assert store.are_whole(tmp_path, {})
    (tmp_path / "a").touch()
    damaged: list[Any] = [{}, None, 3, {"bytes": "x"}]
    for facts in damaged:
        assert not store.are_whole(tmp_path, {"a": facts})


def test_settings_are_as_they_were_written_or_none(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "a.settings.json"
    assert read_settings(path) is None
    write_settings(path, {"max_tokens": 256})
    assert read_settings(path) == {"max_tokens": 256}
    path.write_text(path.read_text().replace("256", "156"))
    assert read_settings(path) is None
    assert not path.exists()
    assert len(said) == 1
    path.write_text('{"max_tokens": 256}')  # of an earlier version
    assert read_settings(path) == {"max_tokens": 256}
