"""Kills at random moments: of a part of what runs, of all of it, or by Ctrl-C."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from performance.storm.lab import ENDS, Lab, Stage, Undisturbed, Watch

#: In the command line of a process, and what it is. The first that fits: a launcher's line has the rank's.
_ROLES = {
    "ipykernel": "kernel",
    "torch.distributed.run": "launcher",
    "llmc_lib.training.rank": "parent of a rank",
    "llmc_lib.training.worker": "rank",
    "llmc_lib.engines": "engine",
    "spawn_main": "pool worker",
    "forkserver": "pool worker",
}
#: The whole command is killed as often as any of its parts; a run gets as far as it gets.
_WHOLE = ("command", "tree", "Ctrl-C", "SIGTERM")


#: How a command may end after Ctrl-C: told, while Python was still starting, or being done already.
_INTERRUPTED = (130, -signal.SIGINT, 0)


def moment(
    lab: Lab, process: subprocess.Popen[bytes], known: Undisturbed, draw: random.Random
) -> bool:
    """Wait for a random moment: of the time that the stage takes, or right after a change in its folders.
    False where the command ended before."""
    after = draw.uniform(0, known.seconds)
    change = draw.randint(1, max(1, known.changes)) if draw.random() < 0.6 else None
    start, watch = time.monotonic(), Watch(lab)
    while process.poll() is None:
        passed = time.monotonic() - start
        if change is None and passed >= after:
            return True
        if change is not None:
            watch.look()
            if watch.changes >= change or passed > 3 * known.seconds:
                return True
        time.sleep(0.02)
    return False


def strike(
    lab: Lab, process: subprocess.Popen[bytes], draw: random.Random, only: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Kill a part of a running command; what, and what is wrong with how it ended ("": nothing)."""
    by_role: dict[str, list[psutil.Process]] = {}
    tree = lab.processes()
    for child in tree:
        if role := _role(child):
            by_role.setdefault(role, []).append(child)
    what = draw.choice(only or (*_WHOLE, *by_role))
    match what:
        case "command":
            process.kill()
        case "tree":
            for child in tree:
                _kill(child)
        case "Ctrl-C":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        case "SIGTERM":
            process.terminate()
        case _:
            _kill(draw.choice(by_role[what]))
    wrong = lab.complaint(process, fine=False, patience=ENDS)
    if what == "Ctrl-C" and process.returncode not in _INTERRUPTED:
        wrong = wrong or f"status {process.returncode} after Ctrl-C: …{lab.said()[-700:]}"
    return what, wrong


def _role(process: psutil.Process) -> str | None:
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return None
    return next((role for sign, role in _ROLES.items() if sign in words), None)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.kill()


def kill_once(
    lab: Lab,
    stage: Stage,
    known: Undisturbed,
    draw: random.Random,
    told: Callable[..., None],
    only: tuple[str, ...] = (),
) -> None:
    """Start the stage where it is, and kill something at a random moment."""
    process = lab.start(stage)
    start = time.monotonic()
    if moment(lab, process, known, draw):
        what, wrong = strike(lab, process, draw, only)
        told(stage.name, "kill", what, loss=wrong, seconds=round(time.monotonic() - start, 1))
    elif wrong := lab.complaint(process, fine=True, patience=1):
        told(stage.name, "storm", "an end before its kill", loss=wrong)
