"""The parent of one process of a training: keeps its log, records how it ended, ends it when another failed.

    python -m llmc_lib.training.rank LOGS COMMAND…

runs `python COMMAND…` for the process that `RANK` numbers. torchrun and DeepSpeed's launcher both start
it, once a process, on every machine. In LOGS, which all machines see:

- `rank-<n>.log`: all that the process printed, between a line that says where it runs and one that says
  how it ended; events of rank 0 go to our standard output instead
- `rank-<n>.failed.json`: how it ended, if by itself and not with status 0
- `environment.json`: variables to set, where the launcher does not carry them to other machines

A process that is killed cannot say so itself, and with NCCL those on other machines may wait for it
until their collective times out; so each of these parents looks for the failures of the others.

Why not torchrun's own logs and error files (--log-dir, --redirects; torch 2.13, two processes): on one machine
they do it, but between two nodes a rank that waits for nobody was still running 115 s after another node's rank
was killed (here it is ended after 15 to 20 s; with the c10d rendezvous it ended, with a traceback of the lost
store that does not name the rank), a worker outlived its launcher's kill -9, and logs go by local rank into
folders of random names. DeepSpeed's launcher, by which a hostfile is run, has none of it; so this parent stays,
and only the exception's text is torch's, from the file that `record` writes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from llmc_lib.processes.workers import EVENT, Log, die_with_parent
from llmc_lib.store import json_reader, write_atomic
from llmc_lib.store.json_reader import JsonError
from llmc_lib.training.cluster import LINK, told

#: Seconds between looks at the other ranks, and how long a rank may go on after another one failed: time
#: for it to say what it saw.
_LOOK_SECONDS = 3.0
_GRACE_SECONDS = 15.0
#: A signal this soon after "stop" is not the force that a launcher takes to a process that ignores it.
_AT_ONCE_SECONDS = 5.0
_TAIL_BYTES = 2**16
_HEAD = r"(\[rank\d+\]: )?(Traceback \(most recent call last\)|Fatal Python error|terminate called)"


class _Watch:
    """What this process was told: a signal that it passes on to its child; or that nobody listens."""

    def __init__(self) -> None:
        self.stopped: float | None = None  # when
        self.orphaned = False
        self.child: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self.stopped = self.stopped or time.monotonic()
        if self.child is not None:
            self.child.send_signal(number)

    def orphan(self) -> None:
        """The launcher is gone, by ssh perhaps, which ends nothing here."""
        self.orphaned = True
        if self.child is not None:
            self.child.terminate()


def main(logs: Path, command: list[str]) -> int:
    """Run the command to its end; returns its exit status (128 + n for signal n)."""
    rank = int(os.environ.get("RANK", "0"))
    logs.mkdir(parents=True, exist_ok=True)
    watch = _Watch()
    env = _environment(logs, rank)
    with open(logs / f"rank-{rank}.log", "ab", buffering=0) as file:
        log = Log(file)
        child = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if rank == 0 else file,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=die_with_parent,
        )
        watch.child = child
        if watch.stopped:  # told before there was a child
            child.terminate()
        first = f"[rank {rank} of {env.get('WORLD_SIZE', 1)}, {socket.gethostname()}, {child.pid}]"
        log.write(f"{first} {command}\n".encode())
        reader = None
        if child.stdout is not None:
            reader = threading.Thread(
                target=_copy, args=(child.stdout, log, watch.orphan), daemon=True
            )
            reader.start()
        ended = _wait(child, logs)
        status = child.returncode
        if reader is not None:
            reader.join(5)  # what the child left behind may hold its output open
        error_file = Path(env["TORCHELASTIC_ERROR_FILE"])
        if watch.orphaned and not error_file.exists():
            error_file.write_text('{"message": "Its launcher, which it reports to, is gone."}')
        elif status == -signal.SIGTERM and not watch.stopped:
            time.sleep(1)  # DeepSpeed's launcher ends the child a moment before it ends us
        if status and _by_itself(status, error_file, ended, watch.stopped):
            log.write(f"{first} ended with status {status}\n".encode())
            _record(logs, rank, child.pid, status, error_file, log.kept)
        elif status:
            why = f"ended because of {ended}" if ended else "was told to stop"
            log.write(f"{first} {why}\n".encode())
        else:
            log.write(f"{first} is done\n".encode())
    return status if status >= 0 else 128 - status


def _by_itself(status: int, error_file: Path, ended: str | None, stopped: float | None) -> bool:
    """Did the child fail, or was it only ended? One that fails takes a while to be gone; the launcher may
    meanwhile have seen another one lose its connection to it, and tell all to stop."""
    if error_file.exists() or not (ended or stopped):
        return True
    told = (-signal.SIGTERM, -signal.SIGINT)
    at_once = stopped is not None and time.monotonic() - stopped < _AT_ONCE_SECONDS
    return status < 0 and status not in told and at_once and not ended


def _environment(logs: Path, rank: int) -> dict[str, str]:
    """The child's environment. With torch's `record` around its main function, it leaves the
    exception that ends it in the file that `TORCHELASTIC_ERROR_FILE` names."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
    carried = logs / "environment.json"
    try:
        env.update({str(name): str(value) for name, value in json_reader.load(carried).items()})
    except FileNotFoundError:
        pass  # the launcher has carried them
    except (OSError, JsonError, AttributeError) as error:
        sys.exit(f"{carried}: holds no variables: {error}; start the training again")
    if not env.get("TORCHELASTIC_ERROR_FILE"):
        env["TORCHELASTIC_ERROR_FILE"] = str(logs / f".rank-{rank}.error.json")
    Path(env["TORCHELASTIC_ERROR_FILE"]).unlink(missing_ok=True)
    return env


def _copy(source: IO[bytes], log: Log, orphan: Callable[[], None]) -> None:
    """Events to our standard output, everything else to the log."""
    for line in source:
        before, mark, event = line.partition(EVENT.encode())
        log.write(before if mark else line)
        if mark:
            try:
                sys.stdout.buffer.write(mark + event)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                orphan()


def _wait(child: subprocess.Popen[bytes], logs: Path) -> str | None:
    """Wait for the child's end. Returns the failure of another rank, if that is why it was ended."""
    deadline = None
    while True:
        try:
            child.wait(_LOOK_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            pass
        failed = next(iter(sorted(path.name for path in logs.glob("rank-*.failed.json"))), None)
        if failed is None:
            continue
        deadline = deadline or time.monotonic() + _GRACE_SECONDS
        if time.monotonic() >= deadline:
            for how in (signal.SIGTERM, signal.SIGKILL):
                child.send_signal(how)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(5)
                    break
            child.wait()
            return failed


def _record(
    logs: Path, rank: int, pid: int, status: int, error_file: Path, unwritten: bytes
) -> None:
    log = logs / f"rank-{rank}.log"
    raised = error_file.exists()
    facts = {
        "rank": rank,
        "host": socket.gethostname(),
        "pid": pid,
        "status": 1 if raised and status < 0 else status,  # told to stop on its way out
        "time": error_file.stat().st_mtime if raised else time.time(),
        "error": _exception(error_file) or _last_words(log, status, unwritten),
    }
    try:
        write_atomic(logs / f"rank-{rank}.failed.json", json.dumps(facts, indent=1))
    except OSError:  # a full disk: whoever started us keeps in memory what no log has room for
        print(*told(str(facts["error"])), sep="\n", flush=True)


def _exception(path: Path) -> str | None:
    """The traceback that torch's `record` wrote, None where there is none."""
    try:
        message: Any = json_reader.load(path)["message"]
        return str(message if isinstance(message, str) else message["extraInfo"]["py_callstack"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_words(log: Path, status: int, unwritten: bytes = b"") -> str:
    """Without `record`: the last traceback in the log, or a crash's report, or the last lines."""
    with open(log, "rb") as handle:
        handle.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        text = (handle.read() + unwritten).decode(errors="replace").replace("\r", "\n")
    # torch writes the rank in front of each line, also of an empty one. The last line is ours.
    lines = [line for line in text.splitlines() if re.sub(r"^\[rank\d+\]:", "", line).strip()][:-1]
    # A traceback that another one led to belongs to that one, which is printed before it.
    heads = [
        number
        for number, line in enumerate(lines)
        if re.match(_HEAD, line) and not (number and re.search(LINK, lines[number - 1]))
    ]
    if heads:
        start = heads[-1]
        while start and re.match(r"terminate called|\s+what\(\)", lines[start - 1]):
            start -= 1
        return "\n".join(lines[start:])
    return "\n".join(lines[-8:]) if status != -signal.SIGKILL else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
