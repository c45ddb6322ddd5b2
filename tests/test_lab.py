"""JupyterLab as `make lab` starts it: over HTTP and in a browser, with the project's kernel and nothing of the user's."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from llmc_lib.lab.server import environment, is_loopback, told
from llmc_lib.lab.start import README, START, runs_table, write_start
from tests.browser import Watched

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "reports" / "example"


# ---- the start page --------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the example's report."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / README, tmp_path / README)
    shutil.copytree(EXAMPLE, tmp_path / "reports" / "example")
    return tmp_path


def _rows(root: Path) -> list[str]:
    return [line for line in runs_table(root).splitlines() if line.startswith("| ")][1:]


def test_the_start_page_has_notebooks_and_runs(checkout: Path) -> None:
    assert write_start(checkout) == START
    text = (checkout / START).read_text()
    assert text.startswith((checkout / README).read_text())
    assert "[4_report](4_report.ipynb)" in text
    [row] = _rows(checkout)
    headline = json.loads((EXAMPLE / "metrics.json").read_text())
    comparison = headline["benchmarks"][headline["main"]]["comparisons"][-1]
    low, high = comparison["interval"]["printed"]
    word = comparison["verdict"]
    assert row.startswith(
        f"| example | **{word[:1].upper()}{word[1:]}** on {headline['main']}, for this checkpoint: "
    )
    assert f"({low} to {high})" in row
    assert "[report](../reports/example/index.html)" in row


def test_git_ignores_the_start_page_and_what_jupyter_keeps() -> None:
    paths = [str(START), ".jupyter/config/x.json"]
    ignored = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True)
    if ignored.returncode == 128:
        pytest.skip("no git checkout")
    assert ignored.stdout.decode().split() == paths


def test_links_of_the_readme_lead_somewhere() -> None:
    for page in (README, Path("docs") / "exploring.md"):
        links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
        assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


def test_runs_without_a_report_say_what_is_next(checkout: Path) -> None:
    for name, done in (
        ("a", ()),
        ("b", ("dataset",)),
        ("c", ("dataset", "training", "predictions")),
        ("_base", ()),
    ):
        (checkout / "runs" / name).mkdir(parents=True)
        for stage in done:
            (checkout / "runs" / name / stage).mkdir()
            (checkout / "runs" / name / stage / "manifest.json").touch()
    assert [row.split(" | ")[:2] for row in _rows(checkout)[1:]] == [
        ["| a", "started"],
        ["| b", "the training is next"],
        ["| c", "evaluated; the report is next"],
    ]


def test_a_checkout_without_runs_says_so(tmp_path: Path) -> None:
    assert "No runs yet" in runs_table(tmp_path)


def test_what_files_say_is_text(checkout: Path) -> None:
    """A report that somebody sent cannot put links, images, HTML or further rows into the page."""
    hostile = "x|y <img src=x> [a](http://b) ![c](d) `e`\n| f \x1b\u202e"
    folder = checkout / "reports" / "a b|<i>"
    folder.mkdir()
    (folder / "index.html").touch()
    metrics = json.loads((EXAMPLE / "metrics.json").read_text())
    for comparison in metrics["benchmarks"][metrics["main"]]["comparisons"]:
        comparison["model"] = comparison["verdict"] = hostile
    (folder / "metrics.json").write_text(json.dumps(metrics))
    rows = _rows(checkout)
    assert len(rows) == 2
    [row] = [row for row in rows if "example" not in row.split("|")[1]]
    assert row.count("|") == 5
    for mark in ("<", "`", "](http", "![", "\x1b", "\u202e"):
        assert mark not in row
    assert row.count("](") == 1  # ours
    assert "(../reports/a%20b%7C%3Ci%3E/index.html)" in row


# ---- the server ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.0.0.2", True), ("0.0.0.0", False),
     ("", False), ("::", False), ("10.0.0.7", False), ("gpu-7", False)],
)  # fmt: skip
def test_only_this_machine_reaches_a_loopback_address(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_the_address_is_told_for_here_and_through_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu-7")
    monkeypatch.setenv("LOGNAME", "ann")
    lines = told("127.0.0.1", 9000, "abc").splitlines()
    assert lines[0] == "JupyterLab: http://127.0.0.1:9000/?token=abc"
    assert lines[1] == (
        "Through ssh: ssh -L 9000:127.0.0.1:9000 ann@gpu-7, then http://127.0.0.1:9000/?token=abc"
    )
    everywhere = told("0.0.0.0", 9000, "abc").splitlines()
    assert everywhere[:2] == [lines[0], "From other machines: http://gpu-7:9000/?token=abc"]
    assert told("::1", 9000, "").splitlines()[0] == "JupyterLab: http://[::1]:9000/"


def test_nothing_of_the_users_jupyter_is_in_the_environment(tmp_path: Path) -> None:
    theirs = {
        "JUPYTER_CONFIG_DIR": "/theirs", "JUPYTER_DATA_DIR": "/theirs", "JUPYTER_RUNTIME_DIR": "/theirs",
        "JUPYTER_PATH": "/theirs", "JUPYTER_CONFIG_PATH": "/theirs", "IPYTHONDIR": "/theirs",
        "JUPYTERLAB_SETTINGS_DIR": "/theirs", "JUPYTERLAB_WORKSPACES_DIR": "/theirs", "JUPYTERLAB_DIR": "/theirs",
    }  # fmt: skip
    made = environment({**theirs, "HF_TOKEN": "kept", "JUPYTER_TOKEN": "kept"}, tmp_path)
    assert "/theirs" not in made.values()
    assert (made["HF_TOKEN"], made["JUPYTER_TOKEN"]) == ("kept", "kept")


@dataclass
class Lab:
    """A running server, as its terminal tells of it."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, body: object = None) -> Any:
        address = urlsplit(self.url)
        call = urllib.request.Request(
            f"http://{address.netloc}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {address.query.removeprefix('token=')}"},
        )
        with urllib.request.urlopen(call, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


#: What a person has set up for their own work; a server that read it would end.
_OWN = {
    ".jupyter/jupyter_server_config.py": "raise SystemExit('their configuration is read')",
    ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings": '{"theme": "none"}',
    ".local/share/jupyter/kernels/theirs/kernel.json": '{"argv": ["false"], "display_name": "Theirs"}',
    ".local/share/jupyter/kernels/llmc/kernel.json": '{"argv": ["false"], "display_name": "Another checkout"}',
    ".ipython/profile_default/startup/00.py": "raise SystemExit('their startup file is run')",
}


def _files(folder: Path) -> dict[str, str]:
    return {
        name: path.read_text()
        for path in folder.rglob("*")
        # What an install keeps for the next one is not Jupyter's.
        if path.is_file() and not (name := str(path.relative_to(folder))).startswith(".cache/")
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`make lab` in a home with a Jupyter of its own."""
    folder = tmp_path_factory.mktemp("lab")
    home, log = folder / "home", folder / "log"
    for name, text in _OWN.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The tabs of the last time, of whoever works in this checkout, are not the test's.
    options = (
        f"--no-browser --LabApp.workspaces_dir={folder}/w --LabApp.user_settings_dir={folder}/s"
    )
    with open(log, "wb") as output:
        process = subprocess.Popen(
            ["make", "lab", f"PORT={port}", f"LAB_OPTIONS={options}"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 90
        while not (found := re.search(r"^JupyterLab: (\S+)$", log.read_text(), re.MULTILINE)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        assert urlsplit(found[1]).port == port
        yield Lab(found[1], home, process, log)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        assert _files(home) == _OWN  # after its end nothing was read, changed or added
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_lab_offers_the_one_kernel_that_fits(lab: Lab) -> None:
    specs = lab.get("/api/kernelspecs")
    assert (specs["default"], list(specs["kernelspecs"])) == ("llmc", ["llmc"])
    spec = specs["kernelspecs"]["llmc"]["spec"]
    assert spec["display_name"] == "LLMC report"
    assert Path(spec["argv"][0]).is_relative_to(ROOT / ".venv") or "conda" in spec["argv"][0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://{urlsplit(lab.url).netloc}/api/kernelspecs", timeout=60)


@pytest.mark.slow
def test_lab_opens_on_the_start_page_and_asks_nothing(lab: Lab, browser: Any) -> None:
    # In one window: a second one takes longer to open.
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    watched = Watched(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(lab.url)
        shown = page.locator(".jp-MarkdownViewer")
        shown.locator("h1").wait_for(timeout=60_000)
        page.wait_for_function(
            f"document.body.dataset.jpThemeLight === '{str(scheme == 'light').lower()}'",
            polling=100,
        )
        assert shown.locator("h1").inner_text() == "The notebooks"
        assert "Better on skills" in shown.inner_text()
        page.wait_for_timeout(3000)  # a question would come now
        assert page.locator(".jp-Dialog").count() == 0
        assert page.locator(".Toastify__toast").count() == 0
        assert watched.complaints == []
    _follow_links(page, watched)
    outside = [r for r in watched.requests if urlsplit(r).netloc != urlsplit(lab.url).netloc]
    assert [r for r in outside if not r.startswith("blob:")] == []
    assert not [r for r in watched.requests if "/api/build" in r]  # Node.js would look for it


def _follow_links(page: Any, watched: Watched) -> None:
    """A notebook opens with its kernel, and runs; a report opens as a page."""
    from playwright.sync_api import TimeoutError

    page.locator(".jp-MarkdownViewer a", has_text="2_training").click()
    notebook = page.locator(".jp-NotebookPanel")
    notebook.locator(".jp-KernelName", has_text="LLMC report").wait_for(timeout=60_000)
    # A key pressed before the kernel is connected is lost.
    notebook.locator("[data-status=idle]").first.wait_for(state="attached", timeout=120_000)
    code = notebook.locator(".jp-CodeCell").first
    ran = code.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]:"))
    for _ in range(6):
        code.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        with suppress(TimeoutError):
            ran.wait_for(timeout=20_000)
            break
    else:
        pytest.fail(f"the cell did not run: {code.locator('.jp-InputPrompt').inner_text()!r}")
    assert page.locator(".jp-Dialog").count() == 0
    assert watched.complaints == []
    page.locator(".lm-TabBar-tabLabel", has_text="start.md").click()
    page.locator(".jp-MarkdownViewer a[href*='reports/example/index.html']").last.click()
    report = page.frame_locator(".jp-HTMLViewer iframe")
    report.locator("h1").first.wait_for(timeout=60_000)
    assert "did fine-tuning help?" in report.locator("h1").first.inner_text()
    # JupyterLab shows pages without their scripts until they are trusted.
    assert [text for text in watched.complaints if "Blocked script" not in text] == []


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_other_machines_are_not_let_in_without_a_token() -> None:
    # The commands differ in the option that takes the token away. Their Python is forked; the fixture `lab` starts one of its own.
    warm = f"BIN={Path(sys.executable).parent}"
    asked = [
        "make",
        "lab",
        warm,
        "HOST=0.0.0.0",
        "LAB_OPTIONS=--no-browser --IdentityProvider.token=",
    ]
    behind = [sys.executable, *"-m llmc_lib lab --host 0.0.0.0 -- --no-browser --ServerApp.token=".split()]  # fmt: skip
    for command in (asked, behind):
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 2
        assert "HOST=0.0.0.0: without a token anybody who reaches this machine could" in ran.stderr
