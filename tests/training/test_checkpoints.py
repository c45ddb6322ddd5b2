"""What counts as a checkpoint, which one is the last, and what a full disk looks like."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from llmc_lib.training import checkpoints
from llmc_lib.training.checkpoints import DiskFullError


def _checkpoint(folder: Path, step: int, *, sealed: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    (path / "global_step").mkdir(parents=True)
    (path / "weights.safetensors").write_bytes(b"w" * 100)
    (path / "global_step" / "rank0.pt").write_bytes(b"r" * 50)
    if sealed:
        checkpoints.seal(path)
    return path


def test_the_last_sealed_one_is_the_last(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path) is None
    _checkpoint(tmp_path, 9)
    twelve = _checkpoint(tmp_path, 12)
    _checkpoint(tmp_path, 100, sealed=False)
    assert checkpoints.latest(tmp_path) == twelve
    assert checkpoints.step(twelve) == 12


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "global_step" / "rank0.pt").unlink(),
        lambda path: (path / "weights.safetensors").write_bytes(b"w" * 99),
        lambda path: (path / "weights.safetensors").write_bytes(b""),
        lambda path: (path / "weights.safetensors").write_bytes(b"w" * 50 + b"v" + b"w" * 49),
        lambda path: (path / "complete.json").write_text("{}"),
        lambda path: (path / "complete.json").write_text('{"weights.safet'),
        lambda path: (path / "complete.json").unlink(),
    ],
)
def test_a_damaged_one_is_none(tmp_path: Path, damage: object) -> None:
    whole, damaged = _checkpoint(tmp_path, 3), _checkpoint(tmp_path, 6)
    damage(damaged)  # type: ignore[operator]
    assert not checkpoints.is_complete(damaged)
    assert checkpoints.latest(tmp_path) == whole


def test_one_before_a_step_and_none_after_another(tmp_path: Path) -> None:
    for step in (1, 2, 5):
        _checkpoint(tmp_path, step)
    last = checkpoints.latest(tmp_path, before=5)
    assert last is not None
    assert last.name == "checkpoint-2"
    checkpoints.remove_after(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]


def test_the_seal_names_every_file_with_its_size_and_digest(tmp_path: Path) -> None:
    path = _checkpoint(tmp_path, 1)
    files = json.loads((path / "complete.json").read_text())
    assert {name: facts["bytes"] for name, facts in files.items()} == {
        "weights.safetensors": 100,
        "global_step/rank0.pt": 50,
    }
    assert all(len(facts["sha256"]) == 64 for facts in files.values())


def test_tidying_keeps_the_last_complete_ones(tmp_path: Path) -> None:
    for step in (2, 4, 6, 8):
        _checkpoint(tmp_path, step)
    _checkpoint(tmp_path, 10, sealed=False)
    (tmp_path / "README.md").write_text("not a checkpoint")
    checkpoints.tidy(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "checkpoint-6",
        "checkpoint-8",
    ]
    checkpoints.tidy(tmp_path, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]


def test_room_is_asked_for_before_anything_is_written(tmp_path: Path) -> None:
    checkpoints.require_room(tmp_path, 1, "a checkpoint")
    with pytest.raises(DiskFullError, match=r"too full for a checkpoint, 9.* GiB are needed and "):
        checkpoints.require_room(tmp_path, 10**18, "a checkpoint")


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (_raised(RuntimeError("save failed"), OSError(errno.ENOSPC, "x")), True),
        # safetensors' own error has the system's in words alone
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (RuntimeError("PytorchStreamWriter failed writing file data/12"), False),  # there is room
        (OSError(errno.EACCES, "Permission denied"), False),
        (RuntimeError("CUDA out of memory"), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(
    tmp_path: Path, error: BaseException, full: bool
) -> None:
    found = checkpoints.disk_full(error, tmp_path, "a model")
    assert (found is not None) == full
    if found:
        assert "the disk became full while writing a model" in str(found)
        assert str(tmp_path) in str(found)
