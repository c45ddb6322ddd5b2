"""Notebooks that are executed headless: what Ctrl-C, and the death of a kernel, make of them."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
from nbformat.sign import NotebookNotary

from llmc_lib.processes.notebooks import JUPYTER, KERNEL, KernelError, execute

pytestmark = pytest.mark.slow

RUN = """
import sys
from pathlib import Path
from llmc_lib.processes.notebooks import JUPYTER, execute
try:
    execute(Path("n.ipynb"), Path(sys.argv[2]), {}, sys.argv[1], Path.cwd())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Kernels are forked from a process that has their imports."""


@pytest.fixture
def _cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that starts as users' do: its imports take time, and it is of its caller's session."""
    monkeypatch.delenv("JUPYTER_PATH")


def _notebook(folder: Path, *cells: str) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, folder / "n.ipynb")


def _heard() -> None:
    """What a shell starts behind `&` ignores Ctrl-C, and so do its children: not so here."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _start(folder: Path, executed: str = "done.ipynb") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, KERNEL, executed],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_heard,
    )


@pytest.mark.usefixtures("_cold")
def test_a_kernel_that_still_starts_says_nothing_of_an_interrupt(tmp_path: Path) -> None:
    _notebook(tmp_path, "1")
    process = _start(tmp_path)
    while not psutil.Process(process.pid).children():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.2)  # in its imports
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 130


@pytest.mark.usefixtures("_cold")
def test_an_interrupt_reaches_the_kernel_and_nothing_else_is_said(tmp_path: Path) -> None:
    begun = "import os, time; open('pid', 'w').write(str(os.getpid()))"
    tidy = f"try:\n    {begun}; time.sleep(300)\nfinally:\n    open('tidied', 'w').close()"
    _notebook(tmp_path, tidy)
    process = _start(tmp_path)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.05)
    kernel = int((tmp_path / "pid").read_text())
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert (tmp_path / "tidied").exists()  # what the cell was doing could end its work
    assert not Path(f"/proc/{kernel}").exists()
    assert "KeyboardInterrupt" in (tmp_path / "done.ipynb").read_text()


def test_a_path_may_have_braces(tmp_path: Path) -> None:
    (tmp_path / "a{b}").mkdir()
    _notebook(tmp_path / "a{b}", "print(6 * 7)")
    execute(tmp_path / "a{b}" / "n.ipynb", tmp_path / "a{b}" / "done.ipynb", {}, KERNEL, tmp_path)
    assert "42" in (tmp_path / "a{b}" / "done.ipynb").read_text()


@pytest.mark.parametrize("writable", [True, False])
def test_what_was_executed_is_trusted_where_that_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir() if writable else (tmp_path / "data").write_text("no folder")
    _notebook(tmp_path, "print(6 * 7)")
    execute(tmp_path / "n.ipynb", tmp_path / "done.ipynb", {}, KERNEL, tmp_path)
    executed = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    assert "42" in str(executed.cells[0].outputs)
    with NotebookNotary(data_dir=str(tmp_path / JUPYTER / "data")) as notary:
        assert notary.check_signature(executed)  # in `make lab`
    if writable:
        with NotebookNotary() as notary:
            assert notary.check_signature(executed)
            executed.cells[0].source = "changed"
            assert not notary.check_signature(executed)


def test_a_kernel_that_dies_is_told(tmp_path: Path) -> None:
    _notebook(tmp_path, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(KernelError, match="Kernel died"):
        execute(tmp_path / "n.ipynb", tmp_path / "done.ipynb", {}, KERNEL, tmp_path)


def test_while_a_cell_runs_what_was_executed_before_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = "import json; told = json.load(open('done.ipynb'))['cells']; "
    show = "print([(len(cell.get('outputs', [])), cell['metadata']['papermill']['status']) for cell in told])"
    _notebook(tmp_path, "print(1)", read + show, "1 / 0", "print(2)")
    book = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    book.cells[1:1] = [nbformat.v4.new_markdown_cell("a text") for _ in range(5)]
    nbformat.write(book, tmp_path / "n.ipynb")
    written = []
    write = papermill.engines.write_ipynb

    def counted(notebook: Any, path: str) -> None:
        written.append(path)
        write(notebook, path)

    monkeypatch.setattr(papermill.engines, "write_ipynb", counted)
    with pytest.raises(papermill.PapermillExecutionError, match="division by zero"):
        execute(tmp_path / "n.ipynb", tmp_path / "done.ipynb", {}, KERNEL, tmp_path)
    cells = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
    _, second, third, fourth = (
        cell for cell in cells if "execution_count" in cell and "papermill" in cell.metadata
    )
    assert ast.literal_eval(second.outputs[0].text) == [
        (1, "completed"), *[(0, "completed")] * 5, (0, "running"), (0, "pending"), (0, "pending")
    ]  # fmt: skip
    assert third.outputs[0].ename == "ZeroDivisionError"
    assert third.metadata.papermill.status == "failed"
    assert fourth.metadata.papermill.status == "pending"
    assert len(written) == 5  # at the start, as each of three cells began, and at the end


def test_two_start_at_the_same_time_in_one_folder(tmp_path: Path) -> None:
    """As two runs of one checkout do: their kernels took the same sockets there, and one waited for 300 seconds."""
    cells = [
        "import os, time; from pathlib import Path; print([p.name for p in Path().iterdir() if p.is_socket()])",
        "open(str(os.getpid()) + '.here', 'w').close()",
        "while sum(name.endswith('.here') for name in os.listdir()) < 2: time.sleep(0.05)",
    ]
    _notebook(tmp_path, *cells)
    both = [_start(tmp_path, executed) for executed in ("one.ipynb", "two.ipynb")]
    assert [process.communicate(timeout=120)[1] for process in both] == [b"", b""]
    assert [process.returncode for process in both] == [0, 0]
    for executed in ("one.ipynb", "two.ipynb"):
        first, *_ = nbformat.read(tmp_path / executed, as_version=4).cells
        assert first.outputs[0].text == "[]\n"  # no socket among the files


def test_the_temporary_directory_may_have_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a Unix socket's may be."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    _notebook(tmp_path, "print(6 * 7)")
    execute(tmp_path / "n.ipynb", tmp_path / "done.ipynb", {}, KERNEL, tmp_path)
    assert "42" in (tmp_path / "done.ipynb").read_text()
    assert not [*long.glob("llmc-*")]


@pytest.mark.parametrize("ports", [1, 4])
def test_a_notebook_needs_no_free_port(tmp_path: Path, ports: int) -> None:
    """A kernel used to take five, and waited for 300 seconds where there were fewer."""
    few = f'ip link set lo up; echo "40000 {39999 + ports}" > /proc/sys/net/ipv4/ip_local_port_range; exec "$@"'
    own = ["unshare", "-n", "sh", "-c", few, "sh"]
    if not shutil.which("unshare") or subprocess.run([*own, "true"], check=False).returncode:
        pytest.skip("needs root, to take a machine's ports away")
    _notebook(tmp_path, "print(6 * 7)")
    ran = subprocess.run(
        [*own, sys.executable, "-c", RUN, KERNEL, "done.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "42" in (tmp_path / "done.ipynb").read_text()
