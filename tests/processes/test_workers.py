"""Real worker processes: what they tell, how they fail, and that nothing of them is left."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.processes.workers import EVENT, WorkerError, run_worker

IMPORTS = "import os, signal, subprocess, sys, time\nfrom llmc_lib.processes.workers import emit\n"
#: A worker with a process of its own, as torchrun has; it tells both ids and goes on.
FAMILY = (
    IMPORTS
    + "child = subprocess.Popen(['sleep', '300'])\nemit('pids', pids=[os.getpid(), child.pid])\n"
)
#: A notebook's part: it runs the worker whose code it is given and prints what that tells.
PARENT = """
import sys
from pathlib import Path
from llmc_lib.processes.workers import run_worker
def show(event):
    print(*event["pids"], flush=True)
run_worker([sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]), show)
"""


def _work(tmp_path: Path, code: str, **env: str) -> tuple[list[dict[str, Any]], str]:
    """Run the code as a worker: its events and its log."""
    events: list[dict[str, Any]] = []
    log = tmp_path / "logs" / "worker.log"
    run_worker([sys.executable, "-c", IMPORTS + code], log, events.append, env)
    return events, log.read_text()


def _failure(tmp_path: Path, code: str) -> list[str]:
    with pytest.raises(WorkerError) as caught:
        _work(tmp_path, code)
    return str(caught.value).splitlines()


def _gone(pids: Sequence[int], seconds: float = 10) -> bool:
    """Whether these processes end in time; one that only waits to be reaped has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(_lives(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _parent(tmp_path: Path, code: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A parent in a process of its own, and the ids that its worker tells."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, code, str(tmp_path / "worker.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job (nohup make test &) hands down that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert pids
    assert all(_lives(pid) for pid in pids)
    return process, pids


@pytest.mark.slow
def test_events_go_to_the_parent_and_the_rest_to_the_log(tmp_path: Path) -> None:
    events, log = _work(
        tmp_path,
        "print('starting')\n"
        "emit('log', step=1, loss=2.5, text='line\\nbreak é')\n"
        "sys.stderr.write('\\r 50% |##')\n"  # a bar without a newline
        "emit('end', seconds=None)\n"
        "os.system('echo from a child')\n"
        "print('done')\n",
    )
    assert events == [
        {"kind": "log", "step": 1, "loss": 2.5, "text": "line\nbreak é"},
        {"kind": "end", "seconds": None},
    ]
    assert log.split() == ["starting", "50%", "|##from", "a", "child", "done"]


@pytest.mark.slow
def test_an_event_arrives_while_the_worker_runs(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    run_worker(
        [sys.executable, "-c", f"{IMPORTS}emit('go')\nwhile not os.path.exists({str(flag)!r}): "
         "time.sleep(0.01)"],
        tmp_path / "worker.log",
        lambda event: flag.touch(),
    )  # fmt: skip
    assert flag.exists()


def test_the_worker_gets_the_environment_and_what_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("CHANGED", "1")
    events, _ = _work(
        tmp_path, "emit('env', kept=os.environ['KEPT'], now=os.environ['CHANGED'])", CHANGED="2"
    )
    assert events == [{"kind": "env", "kept": "1", "now": "2"}]


@pytest.mark.slow
@pytest.mark.slow
def test_the_memory_of_a_worker_is_its_own(tmp_path: Path) -> None:
    held = bytearray(600 * 2**20)  # by the parent, up to the worker's start
    held[:: 2**12] = b"1" * len(held[:: 2**12])
    code = "from llmc_lib.processes.workers import peak_memory_gib\nlarge = b'1' * (200 << 20)\n"
    events, _ = _work(tmp_path, code + "emit('memory', gib=peak_memory_gib())")
    assert 0.2 < events[0]["gib"] < 0.4
    assert len(held)


def test_a_user_without_a_name_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        os, "getuid", lambda: 123_456
    )  # as in a container that was started with a number
    events, _ = _work(tmp_path, "import getpass; emit('user', name=getpass.getuser())")
    assert events == [{"kind": "user", "name": "user-123456"}]


@pytest.mark.slow
def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").symlink_to(victim)
    assert _work(tmp_path, "print('hello')")[1] == "hello\n"
    assert victim.read_text() == "precious"


def test_a_full_disk_under_the_log_hides_no_error_and_no_event(tmp_path: Path) -> None:
    code = (
        "import sys\nprint('x' * 5000)\n"
        f"print({EVENT!r} + '{{\"kind\": \"step\"}}')\nprint('y' * 5000)\n"
        "raise ValueError('the cause')"
    )
    events: list[dict[str, Any]] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))  # a write beyond fails
    try:
        with pytest.raises(WorkerError, match="ValueError: the cause"):
            run_worker([sys.executable, "-c", code], tmp_path / "log", events.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert events == [{"kind": "step"}]
    assert (tmp_path / "log").read_text() == "x" * 3000


@pytest.mark.slow
def test_a_traceback_becomes_the_message(tmp_path: Path) -> None:
    lines = _failure(
        tmp_path,
        "print('\\n'.join(f'noise {n}' for n in range(100)))\n"
        "def fit():\n    raise RuntimeError('weights do not fit')\n"
        "try:\n    fit()\nfinally:\n    print('bye')\n",
    )
    assert lines[0] == f"{sys.executable} ended with status 1:"
    assert "RuntimeError: weights do not fit" in lines
    assert lines[-1] == f"Full log: {tmp_path / 'logs' / 'worker.log'}"
    assert len(lines) < 15


@pytest.mark.slow
def test_the_first_failure_is_shown_and_not_the_launchers_summary(tmp_path: Path) -> None:
    lines = _failure(
        tmp_path,
        "print('[rank0]: Traceback (most recent call last):')\n"
        "print('[rank0]: torch.OutOfMemoryError: out of memory')\n"
        "print('\\n'.join(f'noise {n}' for n in range(100)))\n"
        "print('torch.distributed.elastic.multiprocessing.errors.ChildFailedError: x')\n"
        "sys.exit(3)\n",
    )
    assert lines[0].endswith("ended with status 3:")
    assert "[rank0]: torch.OutOfMemoryError: out of memory" in lines
    assert not any("ChildFailedError" in line for line in lines)


@pytest.mark.slow
def test_torchruns_summary_is_shown_where_nothing_else_is_known(tmp_path: Path) -> None:
    lines = _failure(
        tmp_path,
        "print('torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ')\n"
        "print('Root Cause (first observed failure):')\nprint('  exitcode  : -9 (pid: 7)')\n"
        "sys.exit(1)\n",
    )
    assert lines[1:-1] == ["Root Cause (first observed failure):", "  exitcode  : -9 (pid: 7)"]


@pytest.mark.slow
@pytest.mark.parametrize("known", ["Rank 3 on gpu-1 was killed by SIGKILL", None])
def test_what_the_caller_knows_comes_first(tmp_path: Path, known: str | None) -> None:
    log = tmp_path / "worker.log"
    with pytest.raises(WorkerError) as caught:
        run_worker(
            [sys.executable, "-c", "raise RuntimeError('a consequence')"],
            log,
            lambda event: None,
            explain=lambda: known,
        )
    lines = str(caught.value).splitlines()
    if known:
        assert lines == [known, f"{sys.executable} ended with status 1. Full log: {log}"]
    else:
        assert "RuntimeError: a consequence" in lines


@pytest.mark.slow
def test_without_an_exception_the_end_of_the_log_is_shown(tmp_path: Path) -> None:
    lines = _failure(tmp_path, "print('\\n'.join(f'line {n}' for n in range(30)))\nsys.exit(4)")
    assert lines[1:-1] == [f"line {n}" for n in range(20, 30)]


@pytest.mark.slow
def test_a_module_is_called_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"^llmc_lib\.no_such_module ended with status 1:\n"):
        run_worker(
            [sys.executable, "-m", "llmc_lib.no_such_module"], tmp_path / "log", lambda event: None
        )


@pytest.mark.slow
def test_a_killed_worker_is_told_as_such(tmp_path: Path) -> None:
    lines = _failure(tmp_path, "print('at work')\nos.kill(os.getpid(), signal.SIGKILL)")
    assert lines[0].endswith("ended with status -9:")
    assert lines[1] == "at work"
    assert lines[2].startswith("The process was killed (SIGKILL): often because the machine ran")


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_a_worker_leaves_behind_is_ended(tmp_path: Path, end: str) -> None:
    pids: list[int] = []
    start = time.monotonic()
    try:
        run_worker(
            [sys.executable, "-c", FAMILY + end],
            tmp_path / "worker.log",
            lambda event: pids.extend(event["pids"]),
        )
    except WorkerError:
        assert end
    assert time.monotonic() - start < 20  # the child that holds the output open sleeps for 300 s
    assert len(pids) == 2
    assert _gone(pids)


@pytest.mark.slow
def test_an_error_in_the_parent_ends_the_worker(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail(event: dict[str, Any]) -> None:
        pids.extend(event["pids"])
        raise LookupError("no such bar")

    with pytest.raises(LookupError):
        run_worker([sys.executable, "-c", FAMILY + "child.wait()"], tmp_path / "worker.log", fail)
    assert _gone(pids)


@pytest.mark.slow
def test_an_interrupt_ends_the_whole_process_group(tmp_path: Path) -> None:
    process, pids = _parent(tmp_path, FAMILY + "child.wait()")
    process.send_signal(signal.SIGINT)  # to the parent alone, as Jupyter does it
    _, errors = process.communicate(timeout=15)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert _gone(pids)


@pytest.mark.slow
def test_a_worker_that_ignores_being_asked_is_ended_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.processes.workers._STOP_SECONDS", 0.3)
    pids: list[int] = []

    def stop(event: dict[str, Any]) -> None:
        pids.extend(event["pids"])
        raise KeyboardInterrupt

    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with pytest.raises(KeyboardInterrupt):
        run_worker(
            [sys.executable, "-c", deaf + FAMILY + "time.sleep(300)"], tmp_path / "log", stop
        )
    assert _gone(pids)


@pytest.mark.slow
def test_kill_9_on_the_parent_takes_the_worker_along(tmp_path: Path) -> None:
    code = IMPORTS + "emit('pids', pids=[os.getpid()])\ntime.sleep(300)"
    process, pids = _parent(tmp_path, code)
    process.kill()
    process.communicate(timeout=15)
    assert process.returncode == -signal.SIGKILL
    try:
        assert _gone(pids)
    finally:
        for pid in pids:
            if _lives(pid):
                os.kill(pid, signal.SIGKILL)
