"""The exploring notebook in a real JupyterLab: its controls are moved, and what they lead to changes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.exploring import open_runs
from llmc_lib.store import ROOT, read_marks
from tests.browser import Watched, launched
from tests.exploring.made import asked_twice, notebook

pytestmark = pytest.mark.slow

_SETTINGS = {
    "apputils-extension/themes": {"theme": "JupyterLab Dark"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page
}
_SECONDS = 90_000  # in thousandths, as the browser counts


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a folder of its own, with settings of its own; its address without the notebook's name."""
    for name, values in _SETTINGS.items():
        file = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "root").mkdir()
    own = {f"JUPYTER_{name.upper()}_DIR": str(tmp_path / name) for name in ("config", "runtime")}
    options = [
        "--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=t", "--allow-root",
        f"--ServerApp.root_dir={tmp_path / 'root'}", f"--LabApp.user_settings_dir={tmp_path / 'settings'}",
        f"--LabApp.workspaces_dir={tmp_path / 'workspaces'}",
    ]  # fmt: skip
    log = tmp_path / "lab.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **own}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token=t", timeout=5)
                break
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/lab/tree"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def _panel(page: Any, number: int) -> Any:
    return page.locator(".llmc-panel").nth(number)


def test_widgets_are_moved_and_what_they_lead_to_changes(lab: str, browser: Any, tmp_path: Path) -> None:  # fmt: skip
    params = asked_twice(tmp_path / "run")
    notebook(tmp_path / "root" / "explore.ipynb", [str(params)])
    context = browser.new_context(viewport={"width": 1280, "height": 5200})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(_SECONDS)
    page.goto(f"{lab}/explore.ipynb?token=t")
    page.wait_for_selector(".jp-Notebook")
    page.get_by_text("LLMC report").first.wait_for()
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()  # of the kernel
    watched = Watched(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.llmc-panel .llmc').length >= 7")

    # Choosing: the number of questions, and the plot that follows.
    choice, plots = _panel(page, 0), _panel(page, 1)
    choice.get_by_text("40 questions, 160 answers of 2 models").wait_for()
    before = plots.locator("svg").inner_html()
    choice.locator("select").nth(4).select_option("even")
    choice.get_by_text("20 of 40 questions").wait_for()
    traces = _panel(page, 4)  # the last one that follows: then all have
    traces.get_by_text("of 20", exact=True).wait_for()
    page.wait_for_function("(old) => document.querySelectorAll('.llmc-panel')[1].querySelector('svg').innerHTML !== old", arg=before)  # fmt: skip
    assert "odd" not in plots.locator("svg").text_content()
    for kind in ("Lengths", "Agreement", "Samples"):
        plots.get_by_role("button", name=kind).click()
        plots.locator(f'[aria-label^="{ {"Lengths": "Cumulative", "Agreement": "Percent of", "Samples": "Right answers"}[kind] }"]').wait_for()  # fmt: skip

    # A comparison counts once, however often it is asked for.
    compared = _panel(page, 2)
    for _ in range(2):
        compared.get_by_role("button", name="Compare on these questions").click()
        compared.get_by_text("This is look 1.").wait_for()
    choice.get_by_role("button", name="gained").click()
    compared.get_by_text("No test here").wait_for()
    traces.get_by_text("of 15", exact=True).wait_for()
    assert compared.get_by_role("button", name="Compare on these questions").is_disabled()
    choice.get_by_role("button", name="all", exact=True).click()
    traces.get_by_text("of 20", exact=True).wait_for()

    # A slider: more questions find smaller differences.
    design = _panel(page, 3)
    said = design.locator("p.finding").last
    design.get_by_text(re.compile("^20 questions × 2 samples")).wait_for()
    design.locator(".noUi-handle").nth(2).press("ArrowRight")
    design.get_by_text(re.compile("^50 questions × 2 samples")).wait_for()
    assert "of the time" in said.text_content()

    # Reading: the next question, false arithmetic, a mark, Markdown.
    first = traces.locator(".question").text_content()
    traces.get_by_role("button", name="Next").click()
    page.wait_for_function("(old) => document.querySelectorAll('.llmc-panel')[4].querySelector('.question').textContent !== old", arg=first)  # fmt: skip
    traces.get_by_role("button", name="Previous").click()
    traces.get_by_text(first, exact=True).first.wait_for()
    assert "2 + 2 = 5" in traces.locator(".claim").first.text_content()
    assert traces.locator("script, img").count() == 0  # what the models wrote is text
    traces.locator("textarea").fill("look <b>here</b>")
    traces.get_by_role("button", name="Mark", exact=True).click()
    traces.get_by_text("Saved.").wait_for()
    traces.get_by_role("button", name="Copy as Markdown").click()
    traces.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("### Question `s")
    assert "<script>alert(1)</script>" in copied
    assert [look for look in watched.complaints if "alert" in look or "dialog" in look] == []
    (run,) = open_runs([params]).opened.values()
    assert list(read_marks(run.state).values()) == ["look <b>here</b>"]
    assert len((run.state / "looks.jsonl").read_text().splitlines()) == 1

    context.close()
    assert watched.complaints == []
    assert str(ROOT) not in (tmp_path / "root" / "explore.ipynb").read_text()
