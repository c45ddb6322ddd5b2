"""Training and evaluation in a kernel: one quiet bar, an interrupt that loses nothing, a death that is told.

An interrupt is JupyterLab's Kernel → Interrupt: SIGINT to the kernel's process alone.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from llmc_lib import dataset, open_run
from llmc_lib.pipeline import Stage, StageError, _execute
from llmc_lib.store import ROOT, Run
from llmc_lib.training import checkpoints
from tests import warm
from tests.conftest import TinyRun
from tests.kernel import Cell, Kernel, kernel
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow

OPEN = (
    "from llmc_lib import evaluation, open_run, training\n"
    "from llmc_lib.models.resolve import base_model\nrun = open_run({!r})"
)
TRAIN = "trained = training.train(run)"
EVALUATE = "results = evaluation.evaluate(run, [base_model(run)])"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a tiny model with a data set; its trainings have two processes."""
    folder = tmp_path_factory.mktemp("long")
    make_tiny_model(folder / "model")
    tiny = TinyRun(folder)
    tiny.write(training={"epochs": 4}, evaluation={"max_tokens": 60})
    opened = open_run(tiny.params_file)
    dataset.build(opened)
    return opened


@pytest.fixture
def begin(run: Run, _warm_folder: Path) -> str:
    """The first cell of a kernel, which from then on starts what has imported TRL or vLLM already."""
    program = str(warm.python(_warm_folder))
    return f"import sys\nsys.executable = {program!r}\n{OPEN.format(str(run.params_file))}"


@pytest.fixture
def opened(begin: str) -> Iterator[Kernel]:
    with kernel(ROOT / "notebooks") as started:
        assert started.run(begin).error is None
        yield started


@pytest.fixture
def at_work(opened: Kernel, _warm_folder: Path) -> Callable[[], list[psutil.Process]]:
    """The processes that the kernel has started, and those that they have."""

    def found() -> list[psutil.Process]:
        processes = []
        for pid in warm.family(_warm_folder, opened.pid):
            with suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(pid))
        return processes

    return found


def _when(there: Callable[[], bool], act: Callable[[], None]) -> Callable[[Cell], None]:
    done: list[bool] = []

    def look(cell: Cell) -> None:
        if not done and there():
            done.append(True)
            act()

    return look


def _steps(run: Run) -> int:
    history = run.training / "main" / "history.jsonl"
    return history.read_text().count('"loss"') if history.exists() else 0


def _answers(run: Run) -> int:
    files = [path for path in run.predictions.glob("*/base.jsonl") if path.is_file()]
    return sum(path.read_bytes().count(b"\n") for path in files)


def _gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=10)[1]


def test_a_training_is_interrupted_killed_and_resumed(
    run: Run, opened: Kernel, at_work: Callable[[], list[psutil.Process]], begin: str
) -> None:
    worked: list[psutil.Process] = []

    def interrupt() -> None:
        worked.extend(at_work())
        opened.manager.interrupt_kernel()

    cell = opened.run(TRAIN, _when(lambda: _steps(run) >= 3, interrupt))
    assert cell.error is not None
    assert cell.error["ename"] == "Interrupted"
    said = re.fullmatch(
        r"The training was interrupted after step (\d+), with a checkpoint; run the cell again to resume from "
        r"there\.",
        cell.error["evalue"],
    )
    assert said
    assert cell.error["traceback"] == [cell.error["evalue"]]
    assert len(cell.texts) == 1
    assert cell.updates[0].startswith("Training: starting [00:0")
    assert cell.printed.startswith("Training: stopping after this step, with a checkpoint.")
    assert len(worked) >= 4  # torchrun, and of each process its parent and itself
    assert _gone(worked)
    step = int(said[1])
    assert step == _steps(run) >= 3  # no step is lost
    last = checkpoints.latest(run.training / "main" / "checkpoints")
    assert last is not None
    assert checkpoints.step(last) == step

    def workers() -> list[psutil.Process]:
        words = [(p, p.cmdline()) for p in at_work() if p.status() != psutil.STATUS_ZOMBIE]
        ours = [(p, line) for p, line in words if "llmc_lib.training.worker" in line]
        return [p for p, line in ours if "llmc_lib.training.rank" not in line]

    cell = opened.run(TRAIN, _when(lambda: len(workers()) == 2, lambda: workers()[-1].kill()))
    assert cell.error is not None
    assert "was killed by SIGKILL: often because the machine ran out of memory" in "\n".join(
        cell.error["traceback"]
    )
    assert not any("Traceback" in line or "launch.py" in line for line in cell.error["traceback"])

    def kill_kernel() -> None:
        worked[:] = at_work()
        os.kill(opened.pid, signal.SIGKILL)

    assert opened.run(TRAIN, _when(lambda: len(workers()) == 2, kill_kernel)).died
    assert _gone(worked)
    with kernel(ROOT / "notebooks") as another:
        cell = another.run(begin)
        assert cell.printed.startswith("The process that worked on the training of this run since")
        cell = another.run(TRAIN)
        assert cell.error is None
        assert f"Training: resumes after step {step}\n" in cell.printed
        [line] = cell.texts
        assert re.match(r"Training: 100%\|█+\| \d+/\d+ \[\d\d:\d\d<00:00, .*loss=", line)


def test_an_evaluation_is_interrupted_and_resumed(
    run: Run, opened: Kernel, at_work: Callable[[], list[psutil.Process]]
) -> None:
    worked: list[psutil.Process] = []

    def interrupt() -> None:
        worked.extend(at_work())
        opened.manager.interrupt_kernel()

    cell = opened.run(EVALUATE, _when(lambda: _answers(run) >= 10, interrupt))
    assert cell.error is not None
    assert cell.error["traceback"] == [
        "The evaluation was interrupted. What is complete is kept; run the cell again to resume."
    ]
    assert len(cell.texts) == 1
    assert worked
    assert _gone(worked)
    kept = _answers(run)
    assert kept >= 10
    cell = opened.run(EVALUATE)
    assert cell.error is None
    # Grading, the lesser part, leaves no line.
    [line] = cell.texts
    assert re.fullmatch(r"Evaluating base \(1 of 1\): 100%\|█+\| 240/240 \[.*truncated\]?", line)
    first = next(text for text in cell.updates if "starting" not in text)
    assert f"{kept}/240" in first
    assert _answers(run) == 240  # none was asked twice


def test_an_executed_notebook_says_that_its_kernel_has_died(run: Run, tmp_path: Path) -> None:
    """As `make report` runs it; the note is that of the stage at work."""
    import nbformat

    source = tmp_path / "dies.ipynb"
    code = (
        "import os\nfrom pathlib import Path\nfrom llmc_lib.store import working\n"
        f"with working(Path({str(run.folder)!r}), 'evaluation'):\n    os.kill(os.getpid(), 9)"
    )
    cells = [nbformat.v4.new_code_cell(text) for text in ("PARAMS = ''", code, "'never run'")]
    spoken = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spoken), source)
    executed = tmp_path / "executed.ipynb"
    stage = Stage(os.path.relpath(source.with_suffix(""), ROOT / "notebooks"), "evaluation", bool)
    with pytest.raises(StageError) as caught:
        _execute(run, stage, executed)
    reason = "The process that worked on the evaluation of this run since"
    assert reason in str(caught.value)
    errors = [
        (number, output["traceback"])
        for number, cell in enumerate(nbformat.read(executed, as_version=4).cells)
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]
    [(number, lines)] = errors
    assert number == 2  # after the parameters that the runner has put in
    assert any(line.startswith(reason) for line in lines)
