"""What several test files share."""

from __future__ import annotations

import atexit
import fcntl
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

from tests import warm, warm_caller
from tests.browser import launched, used

#: The variable that names the folder of the warm processes that all processes that run tests share.
_WARM = "LLMC_TESTS_WARM"
ROOT = Path(__file__).resolve().parents[1]
_ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow\b", re.MULTILINE)


# A busy machine is no fault.
hypothesis.settings.register_profile("tests", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[_WARM] = tempfile.mkdtemp(prefix="llmc-")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """In a run of all tests one process imports what their files import, and those that run tests are forked from it."""
    # Three processes on two cores: threads of a matrix product in each would wait for the others', and torch's two, on the
    # one core of a slow test, for each other: most of its time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Else each process that imports pydantic looks through the metadata of all that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if config.args_source is config.ArgsSource.TESTPATHS:
        for spec in specs:
            spec.python = str(warm.python_of_tests(Path(os.environ[_WARM])))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test-fast` does not import files all of whose tests are slow: TRL and vLLM take seconds."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return bool(_ALL_SLOW.search(collection_path.read_text("utf-8"))) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """In a fresh clone one process compiles all tests, and the others read what it has written. What is imported and
    collected stays to the end: garbage is not looked for there again and again, and less often elsewhere, as what tests import
    stays, too: that search was a tenth of their time."""
    with open(__file__) as first:
        if "PYTEST_XDIST_WORKER" in os.environ and not [*ROOT.glob("tests/training/__pycache__/*")]:
            try:
                fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fcntl.flock(first, fcntl.LOCK_SH)
        gc.disable()
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.set_threshold(10_000, 10, 10)
            gc.enable()
            atexit.register(gc.unfreeze)  # or libraries report it as leaked


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = Path(os.environ.pop(_WARM))
        warm.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole run and the trainings first, then the slow tests: all processes then end at about the
    same time."""
    items.sort(
        key=lambda item: (
            "end_to_end" not in item.nodeid and "test_launch" not in item.nodeid,
            not item.get_closest_marker("slow"),
        )
    )


_idle_before: dict[int, int] = {}


def _idlest(cores: list[int]) -> int:
    """The core that has had the least to do since this was asked last."""
    told = re.findall(r"^cpu(\d+) \d+ \d+ \d+ (\d+)", Path("/proc/stat").read_text(), re.MULTILINE)
    idle = {int(core): int(ticks) for core, ticks in told}
    found = max(cores, key=lambda core: idle[core] - _idle_before.get(core, 0))
    _idle_before.update(idle)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A slow test is held to one core where pytest runs several at a time: two models with two threads each on two cores would
    wait for one another at every operation."""
    # A command that a test ran in this process draws the bars of all that it starts; a later test's draw their own.
    os.environ.pop("LLMC_PROGRESS", None)
    cores = sorted(os.sched_getaffinity(0))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not worker or not item.get_closest_marker("slow"):
        return (yield)
    # One process more than there are cores works where others wait.
    own = cores[int(worker)] if int(worker) < len(cores) else _idlest(cores)
    os.sched_setaffinity(0, {own})
    try:
        return (yield)
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture(scope="session", autouse=True)
def _own_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Notebooks that tests execute are not signed in the user's own Jupyter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter")))
        yield


class TinyRun:
    """A params file for a whole run on a tiny model, and the command that makes its report."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.params_file = folder / "tiny.yaml"
        self.runs = folder / "runs" / "tiny"
        self.report = folder / "reports" / "tiny"
        self.values: dict[str, dict[str, object]] = {}
        self.write()

    def write(self, **sections: dict[str, object]) -> None:
        """Write the params file, with some keys of some sections changed."""
        values: dict[str, object] = {
            "run": "tiny",
            "runs_dir": str(self.folder / "runs"),
            "reports_dir": str(self.folder / "reports"),
        }
        defaults: dict[str, dict[str, object]] = {
            "model": {"source": str(self.folder / "model")},
            "dataset": {
                "sources": [{"name": "hard_math", "rows": 40}, {"name": "textbook"}],
                "max_rows": 60,
            },
            "training": {
                "learning_rate": 1e-3,
                "batch_size": 8,
                "micro_batch_size": 4,
                "nproc_per_node": 2,
                "precision": "float32",
                "max_length": 900,
            },
            "evaluation": {
                "max_tokens": 12,
                "dtype": "float32",
                "engine": {"vllm": {"kv_cache_memory_bytes": 2**27}},
            },
            "report": {"cases": 4},
        }
        for name, default in defaults.items():
            values[name] = {**default, **sections.get(name, {})}
        self.params_file.write_text(yaml.safe_dump(values, sort_keys=False))

    def make_report(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.run("report", *options)

    def make_cold_report(self, python: Path) -> subprocess.CompletedProcess[str]:
        """`make_report`, with a Python of `warm` that starts as users' does what it starts for the first time."""
        started = self.folder / "started"
        started.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "executable", str(python))
            patch.setenv(warm_caller.COLD, str(started))
            return self.make_report()

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llmc_lib", command, str(self.params_file), *options],
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=1200,
        )


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, _warm_folder: Path) -> TinyRun:
    """A finished run: real TRL on DeepSpeed in two processes, real vLLM, real papermill. Each command, kernel and kind of worker
    starts cold once."""
    from tests.tiny import make_tiny_model

    folder = tmp_path_factory.mktemp("tiny")
    make_tiny_model(folder / "model")
    run = TinyRun(folder)
    done = run.make_cold_report(warm.python(_warm_folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return run


def _of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes that run tests have together."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def _warm_folder() -> Path:
    return Path(os.environ[_WARM])


@pytest.fixture(scope="module")
def warm_python(_warm_folder: Path) -> Iterator[None]:
    """What a module's tests start as `sys.executable`, and the kernels of notebooks, has imported TRL, DeepSpeed, vLLM or what
    a report needs already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(warm.python(_warm_folder)))
        patch.setenv("JUPYTER_PATH", str(_warm_folder / "jupyter"))
        yield


@pytest.fixture(scope="session")
def _one_chromium() -> Iterator[Any]:
    yield from launched()


@pytest.fixture(scope="module")
def browser(_one_chromium: Any) -> Iterator[Any]:
    """The one browser of a process that runs tests, which takes longer to start than most pages to load."""
    with used(_one_chromium):
        yield _one_chromium


@pytest.fixture
def runs_dir(tmp_path: Path, converted_base: Path) -> Path:
    """A folder for runs in which the embedded model needs no conversion."""
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "_base").symlink_to(converted_base)
    return folder


@pytest.fixture(scope="session")
def converted_base(tmp_path_factory: pytest.TempPathFactory, _warm_folder: Path) -> Path:
    """The embedded model as safetensors: the checkout's own, if it has been converted there."""
    from llmc_lib.models.resolve import load_model
    from llmc_lib.params import ModelParams, Params
    from llmc_lib.store import Run

    shared = _of_all(tmp_path_factory)
    runs = ROOT / "runs" if (ROOT / "runs" / "_base").is_dir() else shared / "base"
    run = Run(Params.model_validate({"run": "base", "runs_dir": str(runs)}), ROOT / "base.yaml")
    with open(shared / "base.lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(warm.python(_warm_folder)))
        fcntl.flock(lock, fcntl.LOCK_EX)
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # others wait for it, on their cores
        try:
            return load_model(run, ModelParams(), "base").folder.parent
        finally:
            os.sched_setaffinity(0, own)
