"""Checkpoints to resume from: which are whole, which one is the last, what to do without room.

transformers' Trainer writes a checkpoint's files one after the other, so that a process that is killed
leaves a folder that looks like a checkpoint. Here a file is written after all others, when they are on
disk: `COMPLETE`, which names each with its size and, up to 64 MiB, its SHA-256. A folder without it is no checkpoint.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from llmc_lib.store import are_whole, json_reader, listed, remove, write_atomic

COMPLETE = "complete.json"
#: How many complete checkpoints are kept.
KEPT = 2
# Less free room than this (bytes) when a write fails: the disk is full, whatever the library says.
_NO_ROOM = 64 * 2**20
# How libraries report a full disk that do not pass the system's error on.
_SIGNS = ("No space left on device", "PytorchStreamWriter failed", "os error 28", "Disk quota")


class DiskFullError(OSError):
    """There is no room for a checkpoint or a model."""


def latest(folder: Path, before: int | None = None) -> Path | None:
    """The last complete checkpoint in `folder`, or the last of a step `before` a given one; None where
    there is none."""
    found = [path for path in folder.glob("checkpoint-*") if is_complete(path)]
    if before is not None:
        found = [path for path in found if step(path) < before]
    return max(found, key=step, default=None)


def remove_after(folder: Path, last: int) -> None:
    """Remove the checkpoints of steps after `last`."""
    for path in folder.glob("checkpoint-*"):
        if step(path) > last:
            _remove(path)


def step(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def is_complete(checkpoint: Path) -> bool:
    """Has a checkpoint all its files, each as it was written?"""
    if not re.fullmatch(r"checkpoint-\d+", checkpoint.name):
        return False
    try:
        files = json_reader.load(checkpoint / COMPLETE)
        return bool(files) and isinstance(files, dict) and are_whole(checkpoint, files)
    except (OSError, ValueError):
        return False


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint complete; all processes must have written their part."""
    sync(checkpoint)
    files = listed(checkpoint, checkpoint.rglob("*"))
    write_atomic(checkpoint / COMPLETE, json.dumps(files, indent=1))


def sync(folder: Path) -> None:
    """Have the disk hold all that a folder holds, also after a power cut."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def tidy(folder: Path, kept: int = KEPT) -> None:
    """Remove what is no complete checkpoint, and of the complete ones all but the last `kept`."""
    found = sorted((p for p in folder.glob("checkpoint-*") if is_complete(p)), key=step)
    keep = set(found[-kept:] if kept else [])
    for path in folder.glob("*"):
        if (path.is_dir() or path.is_symlink()) and path not in keep:
            _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if not path.is_symlink():
            # Its seal first: a removal that is cut off must not leave a checkpoint.
            (path / COMPLETE).unlink(missing_ok=True)
        remove(path)


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise `DiskFullError` where fewer than `needed` bytes are free, before anything is written."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFullError(
            errno.ENOSPC, f"the disk is too full for {what}, {_room(folder, needed)}"
        )


def disk_full(error: BaseException | None, folder: Path, what: str) -> DiskFullError | None:
    """`error` as what it is, where a full disk caused it."""
    cause = error
    while cause is not None:
        full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
        if isinstance(cause, DiskFullError):
            return cause
        if full or any(sign in str(cause) for sign in _SIGNS):
            free = shutil.disk_usage(folder).free
            if full or free < _NO_ROOM or "No space" in str(cause):
                return DiskFullError(
                    errno.ENOSPC, f"the disk became full while writing {what}, {_room(folder)}"
                )
        cause = cause.__cause__ or cause.__context__
    return None


def _room(folder: Path, needed: int | None = None) -> str:
    free = shutil.disk_usage(folder).free
    wanted = f"{needed / 2**30:.2f} GiB are needed and " if needed else ""
    return f"{wanted}{free / 2**30:.2f} GiB are free under {folder}"
