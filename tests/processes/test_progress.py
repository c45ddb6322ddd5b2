"""Bars and lines of a headless notebook reach the terminal or the log file of its runner."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmc_lib.processes import progress
from llmc_lib.processes.progress import VARIABLE

#: A runner and its kernel, as `python -m llmc_lib report` and its notebooks are.
RUNNER = """
import subprocess, sys
from llmc_lib.processes.progress import draw_here, say
draw_here()
say("first, by the runner")
subprocess.run([sys.executable, "-c", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
print("last, by the runner", flush=True)
"""
KERNEL = """
from llmc_lib.processes.progress import progress_bar, say
say("second, by the kernel")
for _ in progress_bar(iterable=range(3), desc="Bar"):
    pass
"""


@pytest.mark.slow
def test_nothing_is_overwritten_in_a_log_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with open(log, "wb") as file:  # as a shell opens it for `> log 2>&1`
        command = [sys.executable, "-c", RUNNER, KERNEL]
        subprocess.run(command, stdout=file, stderr=file, check=True, timeout=60)
    text = log.read_text()
    marks = ["first, by the runner\n", "second, by the kernel\n", "Bar: 100%", "3/3", "last, by"]
    places = [text.find(mark) for mark in marks]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.slow
def test_a_pipe_gets_every_line() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUNNER, KERNEL], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("first, by the runner\nsecond, by the kernel\n")
    assert ran.stdout == "last, by the runner\n"


@pytest.mark.parametrize("screen", [None, "/nowhere/fd/2"])
def test_without_a_screen_lines_go_to_standard_output(screen: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    ran = subprocess.run(
        [sys.executable, "-c", "from llmc_lib.processes.progress import say; say('here')"],
        env=environment | ({VARIABLE: screen} if screen else {}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout == "here\n"


def test_no_time_left_is_promised_before_some_of_it_is_done() -> None:
    with progress._Terminal(total=600, desc="Answering", unit="answer", file=io.StringIO()) as bar:
        bar.n = 1
        assert "1/600" in str(bar)
        assert "answer/s" not in str(bar)
        assert "<" not in str(bar)
        bar.n = 60
        bar.start_t -= 10
        assert re.search(r"60/600 \[\d\d:\d\d<\d\d:\d\d, .*answer/s", str(bar))


def test_a_bar_without_a_total_yet_is_not_a_row_of_question_marks() -> None:
    with progress._Terminal(desc="Training", unit="step", file=io.StringIO()) as bar:
        assert str(bar).startswith("Training: starting [")
        assert "?" not in str(bar)
        bar.reset(23)
        bar.n = 4
        assert "4/23" in str(bar)


#: A cell with two models, a lesser part each, and a bar within a bar.
CELL = """
import time
from llmc_lib.processes.progress import progress_bar, say
for name in ("base", "step-4"):
    for _ in progress_bar(iterable=range(20), desc=f"Evaluating {name}", unit="answer"):
        pass
    with progress_bar(total=5, desc="Grading", leave=False) as bar:
        bar.update(5)
with progress_bar(total=2, desc="Outer") as outer:
    with progress_bar(total=3, desc="Inner", leave=False) as inner:
        outer.update()
        inner.update()
    outer.update()
say("a line")
"""


@pytest.mark.slow
def test_a_cell_of_a_notebook_has_one_output_with_a_line_for_each_great_part(
    tmp_path: Path,
) -> None:
    from tests.kernel import kernel

    with kernel(tmp_path) as started:
        cell = started.run(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})")
        cell = started.run(CELL)
        assert cell.error is None
        [text] = cell.texts
        assert [re.sub(r"\|.*", "", line) for line in text.splitlines()] == [
            "Evaluating base: 100%",
            "Evaluating step-4: 100%",
            "Outer: 100%",
        ]
        assert cell.printed == "a line\n"
        # While an inner bar is open it is shown, and the one around it is not.
        assert any(update.splitlines()[-1].startswith("Inner") for update in cell.updates)
        assert all(len(update.splitlines()) <= 3 for update in cell.updates)
        # The next cell has an output of its own, and its clock goes on while nothing is done.
        cell = started.run("import time\nwith progress_bar(desc='Training'):\n    time.sleep(2.5)")
        [text] = cell.texts
        assert text == "Training: starting [00:02]"
        assert "Training: starting [00:01]" in cell.updates
