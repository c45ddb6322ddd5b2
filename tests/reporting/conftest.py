"""What the tests of pages share."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.store import ROOT, Run, open_run, read_manifest, write_manifest

#: What a light environment has not.
HEAVY = "torch vllm trl deepspeed transformers datasets peft accelerate gguf reasoning_gym openai ninja".split()
#: Python runs this file in every process, the notebooks' kernels among them.
_LIGHT = f"""
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {HEAVY}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Nowhere())
"""


@pytest.fixture(scope="module")
def window(browser: Any) -> Any:
    """One window for all tests of a file: a new one takes the browser longer than to load a page."""
    return browser.new_page()


def sized(window: Any, width: int, scheme: str = "light") -> Any:
    """The window in another size and colour scheme: what is opened in it from now on starts in them."""
    window.set_viewport_size({"width": width, "height": 900})
    window.emulate_media(color_scheme=scheme)
    return window


@pytest.fixture(scope="session")
def compare_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """params/compare.yaml with its finished report, made by the command where nothing heavy is installed: once, whichever
    process asks first.

    All processes have it at the same time: what a test changes is a copy (`copied`).
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "compare"
    folder.mkdir(exist_ok=True)
    params = folder / "compare.yaml"
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "page.html").exists():
            _make(folder, params)
    return open_run(params)


@pytest.fixture(scope="session")
def compare_page(compare_run: Run) -> Path:
    """A copy of its page that no test changes."""
    return compare_run.params_file.parent / "page.html"


def copied(run: Run, folder: Path) -> Run:
    """A copy of a run and its report in `folder`, as finished as they are."""
    values = yaml.safe_load(run.params_file.read_text())
    values |= {"runs_dir": str(folder / "runs"), "reports_dir": str(folder / "reports")}
    params = folder / run.params_file.name
    params.write_text(yaml.safe_dump(values))
    shutil.copytree(run.runs, folder / "runs")
    shutil.copytree(run.report, folder / "reports" / run.name)
    return open_run(params)


def _make(folder: Path, params: Path) -> None:
    values = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    values |= {"runs_dir": str(folder / "runs"), "reports_dir": str(folder / "reports")}
    params.write_text(yaml.safe_dump(values))
    done = make_light(params)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "made.txt").write_text(done.stdout)
    page = folder / "reports" / "compare" / "index.html"
    page.write_text(page.read_text().replace(str(folder), "."))  # its params name this folder
    sign(page.parent)
    shutil.copy(page, folder / "page.html")


def make_light(params: Path) -> subprocess.CompletedProcess[str]:
    """`make report` in an environment without torch, vLLM and the like."""
    (params.parent / "sitecustomize.py").write_text(_LIGHT)
    return subprocess.run(
        [sys.executable, "-m", "llmc_lib", "report", str(params)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(params.parent)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def sign(report: Path) -> None:
    """Have the manifest of a report list its page as it is now."""
    manifest = read_manifest(report)
    assert manifest is not None
    outputs = [report / name for name in manifest["outputs"]]
    write_manifest(report, manifest["fingerprint"], manifest["seconds"], outputs=outputs)
