"""Who works on a stage of a run: one process at a time, and one that dies does not go unmentioned.

A process that is killed cannot say so, and the kernel that JupyterLab starts in its place knows nothing. So each keeps
a note in the run's folder while it works, locked; a note that nobody holds is that of a process that has died.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from llmc_lib.errors import UserError
from llmc_lib.processes.interrupts import interruptible
from llmc_lib.processes.progress import say
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

_FOLDER = "working"
#: Characters of a note; a longer one is none of ours.
_LONGEST = 10_000
_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Where Linux counts the processes that it has killed for want of memory: of this container, or of the machine.
_KILLS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


@contextmanager
def working(folder: Path, stage: str) -> Iterator[None]:
    """Keep a note in a run's `folder` that this process works on `stage` ("training").

    An interrupt of the work gets a message that says how to resume. The death of an earlier process is told first.
    Raises `UserError` while another process works on the stage.
    """
    for death in deaths(folder):
        say(death)
    path = folder / _FOLDER / f"{stage}.json"
    note: AbstractContextManager[Any] | None
    try:
        note = _begin(path)
    except OSError:  # a full disk, or no folder there: the work itself will tell, if it needs to
        note = nullcontext()
    if note is None:
        raise UserError(
            f"{folder}: another process works on the {stage} of this run; wait for it, or stop it"
        )
    with note, interruptible(f"The {stage}"):
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _begin(path: Path) -> IO[str] | None:
    """Write a note, which is locked while it is open; None where another process has it. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    note = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the work lasts
    try:
        if not _lock(note):
            note.close()
            return None
        note.truncate(0)
        note.write(json.dumps({"since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", **_machine()}))
        note.flush()
    except OSError:
        note.close()
        raise
    return note


def deaths(folder: Path) -> list[str]:
    """What there is to say of processes that have died while they worked on the run in `folder`; each is told once."""
    told = []
    notes = [path for path in (folder / _FOLDER).glob("*.json") if not path.is_symlink()]
    for path in sorted(path for path in notes if path.is_file()):
        with suppress(OSError), open(path, "r+", encoding="utf-8") as note:
            if _lock(note):
                told += _death(note, path.stem)
                path.unlink()
    return told


def _lock(note: IO[str]) -> bool:
    try:
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _death(note: IO[str], stage: str) -> list[str]:
    """What is known of the end of the process that wrote a note; nothing, where it is empty."""
    try:
        found = json_reader.loads(note.read(_LONGEST))
        since = found["since"]
    except (UnicodeError, JsonError, KeyError, TypeError):
        return []
    return [
        f"The process that worked on the {stage} of this run since {since} has died: {_reason(found)} What was "
        "finished is kept."
    ]


def _reason(then: dict[str, Any]) -> str:
    now = _machine()
    if then.get("host") != now["host"]:
        return f"it ran on another machine ({then.get('host')})."
    if then.get("boot") != now["boot"]:
        return "the machine was restarted."
    earlier = then.get("kills")
    kills = [
        after - before
        for before, after in zip(
            earlier if isinstance(earlier, list) else [], now["kills"], strict=False
        )
        if isinstance(before, int) and isinstance(after, int) and after > before
    ]
    if kills:
        return (
            f"the machine ran out of memory (since then Linux has killed {kills[0]} "
            f"process{'es' if kills[0] > 1 else ''} for that). Use less of it, or a machine that has more."
        )
    return (
        "it was killed, and Linux does not say why: by a person, a restart of the kernel, or whoever runs this "
        "machine (a limit of memory or time)."
    )


def _machine() -> dict[str, Any]:
    return {
        "host": os.uname().nodename,
        "boot": _BOOT.read_text().strip() if _BOOT.exists() else "",
        "kills": [_count(path) for path in _KILLS],
    }


def _count(path: Path) -> int | None:
    try:
        found = re.search(r"^oom_kill (\d+)$", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
