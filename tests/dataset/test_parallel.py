"""A stream through several processes: in order, bounded, and with the first error told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from llmc_lib.dataset.parallel import Workers, batched
from llmc_lib.errors import UserError
from tests.unguarded import ROOT, run_script


def _shift(item: int, by: int) -> tuple[int, int]:
    return item + by, os.getpid()


def _refuse(item: int, limit: int) -> int:
    if item > limit:
        raise UserError(f"{item} is too much")
    return item


def _die(item: int, limit: int) -> int:
    if item > limit:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.fixture(scope="module")
def two() -> Iterator[Workers]:
    """Two processes that share the value 9."""
    with Workers(9, 2) as workers:
        yield workers


def test_batches_hold_all_items_in_order() -> None:
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], 2)) == []


def test_one_process_or_one_item_stays_here() -> None:
    assert set(Workers(1, 1).map(_shift, range(3))) == {(n + 1, os.getpid()) for n in range(3)}
    assert list(Workers(1, 4).map(_shift, [7])) == [(8, os.getpid())]
    assert list(Workers(1, 4).map(_shift, [])) == []


@pytest.mark.slow
def test_several_processes_keep_the_order_and_read_only_a_little_ahead(two: Workers) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    seen, pids = [], set()
    for value, pid in two.map(_shift, items()):
        seen.append(value)
        pids.add(pid)
        assert taken <= len(seen) + 6
    assert seen == list(range(10, 110))
    assert os.getpid() not in pids
    [(value, pid)] = two.map(_shift, [7])  # they are there already
    assert (value, pid in pids) == (16, True)


@pytest.mark.slow
def test_an_error_in_a_process_is_raised_here(two: Workers) -> None:
    results = two.map(_refuse, range(20))
    with pytest.raises(UserError, match="10 is too much"):
        list(results)


@pytest.mark.slow
def test_a_killed_process_is_told() -> None:
    with pytest.raises(UserError, match=r"dataset\.processes: a process was killed.*fewer than 2"):
        list(Workers(9, 2).map(_die, range(20)))


FOR_EVER = """
import os, time
from llmc_lib.dataset.parallel import Workers
def work(item, shared):
    os.write(1, f"{os.getpid()}\\n".encode())  # at once: two processes share the pipe
    time.sleep(300)
if __name__ == "__main__":
    with Workers(None, 2) as workers:
        list(workers.map(work, range(4)))
"""


@pytest.mark.slow
def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(FOR_EVER)
    parent = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    working = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    parent.kill()
    parent.wait()
    _, left = psutil.wait_procs(working, timeout=20)
    for process in left:
        process.kill()
    assert not left
    parent.stdout.close()


SCRIPT = """
from llmc_lib.dataset.parallel import Workers
def same(item, shared):
    return item
with Workers(None, 2) as workers:
    print(list(workers.map(same, range(3))))
"""


@pytest.mark.slow
def test_a_script_without_a_guard_gets_one_clear_error(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    ran = run_script(script, SCRIPT)
    assert ran.returncode == 1
    assert ran.stderr.count("Traceback") == 1
    last = ran.stderr.splitlines()[-1]
    assert f"{script} must start its work under `if __name__ == '__main__':`" in last
