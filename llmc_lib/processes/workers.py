"""Run heavy work (training, vLLM) in a process of its own, and watch it.

A worker prints events, one JSON object a line after `EVENT`; everything else that it prints goes to
its log file. The parent turns events into a progress bar. When the worker ends, by itself or because
the parent is interrupted, its whole process group is gone and its memory is given back.

concurrent.futures and joblib have no log, no events and no way to end what a worker has started; psutil finds children only
while their parent lives, a process group also after that.
"""

from __future__ import annotations

import ctypes
import getpass
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmc_lib.errors import printable

EVENT = "@@event "
_STOP_SECONDS = 10.0
#: Bytes of a log that are kept in memory while its disk is full.
_KEPT = 1 << 20


class WorkerError(Exception):
    """A worker ended with an error; the message has its last lines and the log's place."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback, which would be that of the parent."""
        return [printable(str(self))]


def emit(kind: str, **facts: Any) -> None:
    """Tell the parent something; called in the worker."""
    sys.stdout.write(EVENT + json.dumps({"kind": kind, **facts}) + "\n")
    sys.stdout.flush()


def peak_memory_gib() -> float:
    """The largest resident memory that this process has had so far."""
    # Not `ru_maxrss`, which begins with that of the process that has started this one.
    status = Path("/proc/self/status").read_text()
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 2**20, 2)


def run_worker(
    command: Sequence[str],
    log: Path,
    on_event: Callable[[dict[str, Any]], None],
    env: dict[str, str] | None = None,
    explain: Callable[[], str | None] | None = None,
) -> None:
    """Run `command` to its end, its output in `log`, its events passed to `on_event`.

    Raises `WorkerError` when it exits with a status other than 0; `explain` may know more than the log
    does, and what it returns then comes first. On an interrupt of the parent the worker's process
    group is stopped first.
    """
    _new(log)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(env),
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    assert process.stdout is not None
    # What a dead worker leaves behind would hold its output open, and the loop below with it.
    threading.Thread(target=_stop_remains, args=(process,), daemon=True).start()
    try:
        with open(log, "wb", buffering=0) as file:
            written = Log(file)
            for line in process.stdout:
                # A library may leave a bar without a newline before our line.
                before, mark, event = line.partition(EVENT.encode())
                written.write(before if mark else line)
                if mark:
                    on_event(json.loads(event))
        status = process.wait()
    finally:
        stop(process)
    if status != 0:
        first = explain() if explain else None
        raise WorkerError(explain_end(command, status, log, first, written.kept))


class Log:
    """A log, of which a file open without a buffer is given. A disk that is full costs no run and hides no
    error: what cannot be written is kept, up to 1 MiB of it, and tried again with what comes next."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.kept = b""

    def write(self, data: bytes) -> None:
        """Write what is kept, and `data`; keep what there is no room for."""
        self.kept += data
        with suppress(OSError):
            while self.kept:
                self.kept = self.kept[self._file.write(self.kept) :]
        self.kept = self.kept[-_KEPT:]


def start(
    command: Sequence[str], log: Path, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, its output in `log`; `stop` ends it."""
    _new(log)
    with open(log, "wb") as handle:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            env=_environment(env),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def _new(log: Path) -> None:
    """Make place for a log; where it is a link, what that leads to is left as it is."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)


def _environment(further: dict[str, str] | None) -> dict[str, str]:
    found = {**os.environ, "PYTHONUNBUFFERED": "1", **(further or {})}
    try:
        getpass.getuser()
    except (KeyError, OSError):
        # A bare number, as in many containers: torch names a folder after the user.
        found["USER"] = f"user-{os.getuid()}"
    return found


def die_with_parent() -> None:
    """Linux: have the kernel end this child when its parent is gone, even by kill -9."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _stop_remains(process: subprocess.Popen[bytes]) -> None:
    """Wait for the worker's end, then end the rest of its process group."""
    process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes], seconds: float | None = None) -> None:
    """End a process group: politely, after so many seconds by force."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            continue


def explain_end(
    command: Sequence[str], status: int, log: Path, first: str | None = None, unwritten: bytes = b""
) -> str:
    """What is known already, else the worker's own error: the first Python exception in the log if there
    is one, else what torchrun found, else the end. `unwritten` is what the log's disk had no room for."""
    module = next((word for word in command if word.startswith("llmc_lib.")), command[0])
    if first is not None:
        return f"{first}\n{module} ended with status {status}. Full log: {log}"
    written = log.read_bytes() if log.exists() else b""
    text = (written + unwritten).decode(errors="replace").replace("\r", "\n")
    lines = [line for line in text.splitlines() if line.strip()]
    # torchrun and vLLM print the first failure before their own summary of it.
    errors = [
        n
        for n, line in enumerate(lines)
        if re.match(
            # After a rank, a process of vLLM's, and the head of a line of vLLM's log.
            r"(\[\w+\]: |\(.*?\) )?(ERROR \S+ \S+ \[\S+\] )?[\w.]*(Error|Exception)\b",
            line,
        )
        and "ChildFailedError" not in line
    ]
    summary = next((n for n, line in enumerate(lines) if "Root Cause" in line), None)
    if errors:
        shown = lines[max(0, errors[0] - 6) : errors[0] + 3]
    elif summary is not None:
        shown = lines[summary : summary + 8]
    else:
        shown = lines[-10:]
    if status == -signal.SIGKILL:
        shown.append(
            "The process was killed (SIGKILL): often because the machine ran out of memory."
        )
    return "\n".join([f"{module} ended with status {status}:", *shown, f"Full log: {log}"])
