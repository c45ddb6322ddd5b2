"""The parent beside one process of a training: real processes, without torch."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.processes.workers import explain_end
from llmc_lib.store import ROOT
from llmc_lib.training import rank
from llmc_lib.training.checkpoints import DiskFullError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """The parent itself starts in a moment; what it runs is a process of the real Python."""


PARENT = ("-m", "llmc_lib.training.rank")
IMPATIENT = ("-m", "tests.training.impatient")


def _start(
    logs: Path, code: str, rank: int = 0, parent: tuple[str, str] = PARENT, **env: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *parent, str(logs), "-c", code],
        cwd=ROOT,
        env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "4", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _run(logs: Path, code: str, rank: int = 0, **env: str) -> tuple[int, str, str]:
    """Status, what was printed, and the log without the lines of the parent."""
    process = _start(logs, code, rank, PARENT, **env)
    printed, _ = process.communicate(timeout=60)
    return process.returncode, printed, _log(logs, rank)


def _log(logs: Path, rank: int = 0) -> str:
    lines = (logs / f"rank-{rank}.log").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("[rank "))


def _failure(logs: Path, rank: int = 0) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((logs / f"rank-{rank}.failed.json").read_text())
    return facts


def _wait_for(path: Path, text: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never had {text!r}")


def test_events_of_rank_0_go_out_and_everything_else_to_its_log(tmp_path: Path) -> None:
    code = (
        "import sys; from llmc_lib.processes.workers import emit\nprint('one'); sys.stderr.write('50% |#')\n"
        "emit('log', step=1); print('two'); import os; os.system('echo child')"
    )
    status, printed, log = _run(tmp_path / "logs", code)
    assert (status, printed) == (0, '@@event {"kind": "log", "step": 1}\n')
    assert log == "one\n50% |#two\nchild\n"
    assert not list(tmp_path.rglob("*.json"))


def test_another_rank_prints_nothing(tmp_path: Path) -> None:
    code = "from llmc_lib.processes.workers import emit\nprint('one'); emit('log', step=1)"
    status, printed, log = _run(tmp_path, code, rank=3)
    assert (status, printed) == (0, "")
    assert log.startswith("one\n")
    head = (tmp_path / "rank-3.log").read_text().splitlines()[0]
    assert head.startswith("[rank 3 of 4, ")


def test_an_exception_is_recorded_with_what_caused_it(tmp_path: Path) -> None:
    code = (
        "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()\n"  # handled
        "try:\n    {}['w']\nexcept KeyError as error:\n    raise ValueError('no w') from error"
    )
    status, _, _ = _run(tmp_path, code, rank=2)
    assert status == 1
    facts = _failure(tmp_path, 2)
    lines = facts.pop("error").splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "KeyError: 'w'" in lines
    assert lines[-1] == "ValueError: no w"
    assert not any("ZeroDivisionError" in line for line in lines)
    assert facts["rank"] == 2
    assert facts["status"] == 1
    assert abs(facts["time"] - time.time()) < 60


def test_what_torchs_record_wrote_goes_before_the_log(tmp_path: Path) -> None:
    code = (
        "import json, os\njson.dump({'message': {'message': 'm', 'extraInfo': {'py_callstack': "
        "'Traceback: the true one'}}}, open(os.environ['TORCHELASTIC_ERROR_FILE'], 'w'))\nexit(3)"
    )
    for place in ("", str(tmp_path / "elastic.json")):  # torchrun may have named one
        assert _run(tmp_path, code, TORCHELASTIC_ERROR_FILE=place)[0] == 3
        assert _failure(tmp_path)["error"] == "Traceback: the true one"


def test_a_killed_process_is_recorded(tmp_path: Path) -> None:
    status, _, _ = _run(tmp_path, "print('at work')\nimport os; os.kill(os.getpid(), 9)")
    assert status == 137
    facts = _failure(tmp_path)
    assert (facts["status"], facts["error"]) == (-9, "")


def test_a_crash_in_native_code_is_recorded_with_its_place(tmp_path: Path) -> None:
    status, _, _ = _run(tmp_path, "def deep():\n    import ctypes; ctypes.string_at(0)\ndeep()")
    assert status == 128 + signal.SIGSEGV
    facts = _failure(tmp_path)
    assert facts["error"].startswith("Fatal Python error: Segmentation fault")
    assert "in deep" in facts["error"]


def test_an_error_that_no_disk_has_room_for_goes_to_whoever_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rank, "write_atomic", full)
    (tmp_path / "rank-0.log").write_text("[rank 0 of 1, here, 7] ended with status 1\n")
    error = tmp_path / "error.json"
    error.write_text('{"message": "DiskFullError: the disk became full"}')
    rank._record(tmp_path, 0, 7, 1, error, b"")
    assert capsys.readouterr().out == "DiskFullError: the disk became full\n"
    try:
        try:
            full()
        except OSError as cause:
            try:
                raise DiskFullError(errno.ENOSPC, "0.00 GiB are free under runs") from cause
            except DiskFullError:
                full()  # torch's `record` has no room for it, either
    except OSError:
        chain = traceback.format_exc()
    for of_torch in ("", "[rank0]: "):
        lines = [of_torch + line for line in chain.splitlines()]
        (tmp_path / "rank-0.log").write_text("\n".join([*lines, "[rank 0] ended with status 1\n"]))
        error.unlink(missing_ok=True)
        rank._record(tmp_path, 0, 7, 1, error, b"")
        said = capsys.readouterr().out.encode()
        # What the launcher, whose log is not written either, makes of it.
        message = explain_end(["llmc_lib.training.rank"], 1, tmp_path / "absent", unwritten=said)
        assert "OSError: [Errno 28] No space left on device" in message
        assert "0.00 GiB are free under runs" in message


def test_without_an_exception_the_last_lines_are_kept(tmp_path: Path) -> None:
    _run(tmp_path, "for n in range(30): print('line', n)\nexit(4)")
    assert _failure(tmp_path)["error"].splitlines() == [f"line {n}" for n in range(22, 30)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_stop_is_passed_on_and_is_no_failure(tmp_path: Path, number: int) -> None:
    process = _start(tmp_path, "print('ready'); import time; time.sleep(300)")
    _wait_for(tmp_path / "rank-0.log", "\nready")
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "was told to stop" in (tmp_path / "rank-0.log").read_text()
    assert not (tmp_path / "rank-0.failed.json").exists()


@pytest.mark.parametrize(
    ("last", "status", "error"),
    [
        ("os.kill(os.getpid(), 9)", -9, ""),
        ("open(os.environ['TORCHELASTIC_ERROR_FILE'], 'w').write('{\"message\": \"the cause\"}'); "
         "os.kill(os.getpid(), 15); time.sleep(9)", 1, "the cause"),
    ],
)  # fmt: skip
def test_a_process_that_fails_while_it_is_told_to_stop_is_recorded(
    tmp_path: Path, last: str, status: int, error: str
) -> None:
    """As when rank 1 is killed, rank 0 loses its connection, and torchrun sees the end of rank 0 first."""
    code = (
        "import os, signal, sys, time\nstop = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: stop.append(1)); print('ready', flush=True)\n"
        f"while not stop: time.sleep(0.01)\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\n{last}"
    )
    process = _start(tmp_path, code)
    _wait_for(tmp_path / "rank-0.log", "\nready")
    process.terminate()
    process.communicate(timeout=20)
    facts = _failure(tmp_path)
    assert (facts["status"], facts["error"]) == (status, error)


def test_a_child_that_is_ended_a_moment_before_its_parent_is_no_failure(tmp_path: Path) -> None:
    code = "import os, time; print('child', os.getpid(), flush=True); time.sleep(300)"
    process = _start(tmp_path, code)
    _wait_for(tmp_path / "rank-0.log", "\nchild")
    os.kill(int(_log(tmp_path).split()[1]), signal.SIGTERM)
    time.sleep(0.2)
    process.terminate()
    process.communicate(timeout=20)
    assert not (tmp_path / "rank-0.failed.json").exists()


def test_a_process_whose_launcher_is_gone_ends_and_so_do_the_others(tmp_path: Path) -> None:
    code = (
        "import time; from llmc_lib.processes.workers import emit; print('ready', flush=True)\n"
        "for n in range(300): emit('log', step=n); time.sleep(0.2)"
    )
    process = _start(tmp_path, code)
    _wait_for(tmp_path / "rank-0.log", "\nready")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert _failure(tmp_path)["error"] == "Its launcher, which it reports to, is gone."


def test_the_failure_of_another_rank_ends_a_process_that_waits_for_ever(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); time.sleep(300)"
    )
    process = _start(tmp_path, code, rank=1, parent=IMPATIENT)
    _wait_for(tmp_path / "rank-1.log", "\ndeaf")
    (tmp_path / "rank-0.failed.json").write_text("{}")
    start = time.monotonic()
    process.communicate(timeout=60)
    assert 1 < time.monotonic() - start < 30
    assert process.returncode == 137
    assert "ended because of rank-0.failed.json" in (tmp_path / "rank-1.log").read_text()
    assert not (tmp_path / "rank-1.failed.json").exists()


def test_variables_that_a_launcher_does_not_carry_are_read_from_the_logs_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "environment.json").write_text('{"OMP_NUM_THREADS": "7"}')
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['KEPT'])"
    assert _run(tmp_path, code, KEPT="yes", OMP_NUM_THREADS="1")[2] == "7 yes\n"
