"""Items that hang, die or eat memory in their process: each costs itself and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from llmc_lib.processes.limited import Gone, each
from tests.conftest import ROOT
from tests.hanging import outcome
from tests.unguarded import run_script

pytestmark = pytest.mark.slow


def _outcomes(items: Sequence[str], seconds: float = 2) -> list[str]:
    found = each(outcome, items, seconds=seconds, memory_gib=2, processes=2)
    return [item.reason if isinstance(item, Gone) else item for item in found]


def test_what_hangs_or_dies_is_gone_and_the_others_go_on_in_order() -> None:
    items = ["a", "loop in C", "b", "sleep", "exit", "c", "segmentation fault", "regex", "d", "e"]
    expected = ["A", "time limit", "B", "time limit", "crashed", "C", "crashed", "time limit", "D", "E"]  # fmt: skip
    start = time.monotonic()
    assert _outcomes(items) == expected
    assert time.monotonic() - start < 120  # the regex alone would take years


def test_memory_is_limited() -> None:
    assert _outcomes(["memory", "a"], seconds=30) == ["NO MEMORY", "A"]


def test_an_error_of_the_function_is_told() -> None:
    with pytest.raises(ValueError, match="of the function itself"):
        _outcomes(["a", "error", "b"])


def test_nothing_is_started_for_nothing() -> None:
    assert _outcomes([]) == []


_PARENT = """
from llmc_lib.processes.limited import each
from tests.hanging import outcome
if __name__ == "__main__":
    items = ["process", "process", "loop in C"]
    for found in each(outcome, items, seconds=3, memory_gib=2, processes=2):
        print(found, flush=True)
"""


def test_what_hangs_ends_though_the_parent_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    parent = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    time.sleep(0.5)  # one is in the loop by now, the other waits for an item
    parent.kill()
    parent.wait()
    for _ in range(600):
        if not any(_runs(worker) for worker in workers):
            return
        time.sleep(0.1)
    raise AssertionError("a process outlived its parent")


def _runs(pid: int) -> bool:
    with suppress(OSError):
        # The third field of the file is the state; nobody may have waited for a dead one yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


SCRIPT = """
from llmc_lib.processes.limited import each
print("begun", flush=True)
print(list(each(len, ["a", "bb"], seconds=9, memory_gib=2)))
"""


def test_a_script_without_a_guard_gets_one_clear_error(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    ran = run_script(script, SCRIPT)
    assert ran.returncode == 1
    assert ran.stderr.count("Traceback") == 1
    assert "bootstrapping" not in ran.stderr
    assert f"{script} must start its work under `if __name__ == '__main__':`" in ran.stderr
    ran = run_script(
        script, SCRIPT.replace("print(list", "if __name__ == '__main__':\n    print(list")
    )
    assert ran.stdout.endswith("[1, 2]\n"), ran.stderr
