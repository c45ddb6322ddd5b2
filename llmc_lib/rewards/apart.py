"""Compute something of one completion after another in a process apart, with a limit of time for each.

Not by `processes.limited`: it works through a list and ends, and its processes import the main module of the one that
starts them, which in a training is torch and DeepSpeed. This one stays, costs a tenth of a millisecond a call, can be
called from any thread, and speaks JSON, so that nothing that a model wrote is unpickled.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# For what the process imports before the first call.
_STARTING_SECONDS = 120.0


@dataclass(frozen=True)
class Lost:
    """In place of a result."""

    reason: Literal["time limit", "crashed"]
    said: str = ""  # the error, where there was one


class Apart:
    """A process that computes what `child.TASKS` has, started with the first call and replaced when it is lost.

    `allowed`: the dotted path of the one function of the user's that it may run.
    """

    def __init__(self, seconds: float, allowed: str = "") -> None:
        self.seconds, self.allowed = seconds, allowed
        self._process: subprocess.Popen[bytes] | None = None
        self._one = threading.Lock()
        self._rest = b""

    def call(self, task: str, **given: Any) -> Any | Lost:
        """What a task makes of its arguments (all of them JSON), or `Lost`. Raises `RuntimeError` where no process starts."""
        with self._one:
            if self._process is None or self._process.poll() is not None:
                self._start()
            line = json.dumps([task, given]).encode() + b"\n"
            answer = self._exchange(line, self.seconds)
            if isinstance(answer, Lost):
                self._stop()
                return answer
            good, value = json.loads(answer)
            return value if good else Lost("crashed", str(value))

    def check(self) -> None:
        """Start the process and end it. Raises `RuntimeError` where it does not start."""
        with self._one:
            self._start()
            self._stop()

    def close(self) -> None:
        """End the process."""
        with self._one:
            self._stop()

    def _start(self) -> None:
        # GiB; what a user's function needs is the user's business.
        limit = "0" if self.allowed else "4"
        # -P: what lies in the working directory is no module of Python's.
        command = [sys.executable, "-P", "-m", "llmc_lib.rewards.child", str(self.seconds), limit]
        paths = [str(Path(__file__).parents[2]), *filter(None, sys.path)]  # wherever it is run from
        self._process = subprocess.Popen(
            [*command, self.allowed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._rest = b""
        ready = self._exchange(b"", _STARTING_SECONDS)
        if isinstance(ready, Lost):
            self._stop()
            raise RuntimeError(f"the process for rewards did not start ({ready.reason})")
        good, said = json.loads(ready)
        if not good:
            self._stop()
            raise RuntimeError(said)

    def _exchange(self, line: bytes, seconds: float) -> bytes | Lost:
        """Write a line and wait for the one that answers it. A pipe holds less than a long completion: the process may
        have died, or hang, before it has read all."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        into, out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(into, False)
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0:
                return Lost("time limit")
            readable, writable, _ = select.select([out], [into] if line else [], [], left)
            try:
                if writable:
                    line = line[os.write(into, line[:65_536]) :]
                if readable:
                    got = os.read(out, 65_536)
                    if not got:
                        return Lost("crashed")
                    self._rest += got
            except BrokenPipeError:
                return Lost("crashed")
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            self._process.wait()
        self._process = None
