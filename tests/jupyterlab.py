"""A real JupyterLab in the system's Chromium, with settings, data and signatures of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmc_lib.store import ROOT
from tests.browser import Watched

_CURRENT = "jupyterapp.shell.currentWidget"
#: All cells on the page at once, no question about news: what JupyterLab's own settings editor would write.
_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


class Lab:
    """A running JupyterLab and a page in it."""

    def __init__(self, page: Any, port: int) -> None:
        self.page = page
        self.watched = Watched(page)
        page.goto(f"http://127.0.0.1:{port}/lab?token=x&reset", timeout=120_000)
        page.wait_for_function("window.jupyterapp", polling=100, timeout=120_000)
        page.evaluate("jupyterapp.restored.then(() => jupyterapp.shell.collapseLeft())")

    def open(self, name: str) -> None:
        """Open a notebook of the folder in a tab of its own, or go to that tab."""
        self.page.evaluate(
            "(path) => jupyterapp.commands.execute('docmanager:open', { path }).then(() => {})",
            name,
        )
        self.page.wait_for_function(
            f"(path) => {_CURRENT}?.context?.path === path", arg=name, polling=100
        )
        self.page.evaluate(
            f"async () => {{ await {_CURRENT}.context.ready; await {_CURRENT}.sessionContext.ready; }}"
        )

    def choose(self, theme: str) -> None:
        """Take the theme "Light" or "Dark"."""
        self.page.evaluate(
            "(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })",
            f"JupyterLab {theme}",
        )
        light = str(theme == "Light").lower()
        self.page.wait_for_function(
            f"document.body.dataset.jpThemeLight === '{light}'", polling=100
        )

    def run_all(self, seconds: int = 300) -> None:
        """Run all cells, wait for the last one, and for what it shows. What they showed before is gone."""
        cells = f"{_CURRENT}.content.widgets.filter((cell) => cell.model.type === 'code')"
        self.page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        assert self.page.evaluate(f"{cells}.some((cell) => cell.model.executionCount)") is False
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(
            f"() => {cells}.every((cell) => cell.model.executionCount)",
            polling=200, timeout=1000 * seconds,
        )  # fmt: skip
        self.page.wait_for_timeout(500)

    def found(self) -> dict[str, Any]:
        """What the outputs of the notebook that is open show."""
        found: dict[str, Any] = self.page.evaluate(_FOUND)
        return found


_FOUND = """() => {
  const outputs = [...jupyterapp.shell.currentWidget.node.querySelectorAll('.jp-OutputArea-output')];
  const all = (what) => outputs.flatMap((output) => [...output.querySelectorAll(what)]);
  const box = (element) => element.getBoundingClientRect();
  return {
    errors: outputs.filter((o) => /error|stderr/.test(o.dataset.mimeType ?? '')).map((o) => o.innerText),
    pictures: all('img').map((i) => ({width: box(i).width, natural: i.naturalWidth, src: i.src.slice(-64)})),
    vectors: all('svg').length,
    buttons: all('button').length,
    tables: all('table').map((t) => ({
      left: [...t.querySelectorAll('tbody tr > :first-child')].every((c) => getComputedStyle(c).textAlign === 'left'),
      caption: t.caption?.textContent ?? '',
    })),
    cut: outputs.filter((o) => o.scrollWidth > o.clientWidth + 1).map((o) => o.innerText.slice(0, 80)),
    text: outputs.map((o) => o.innerText).join('\\n'),
  };
}"""


@contextmanager
def jupyterlab(
    browser: Any, folder: Path, notebooks: Sequence[Path], theme: str = "Light"
) -> Iterator[Lab]:
    """JupyterLab on copies of `notebooks`; everything that it writes is in `folder`."""
    work = folder / "work"
    work.mkdir(parents=True)
    for notebook in notebooks:
        (work / notebook.name).write_bytes(notebook.read_bytes())
    for name, values in {
        **_SETTINGS,
        "apputils-extension/themes": {"theme": f"JupyterLab {theme}"},
    }.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    options = f"--allow-root --no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --expose-app-in-browser "
    # They would ask npm.
    options += "--LanguageServerManager.autodetect=False --LabApp.extension_manager=readonly"
    with open(folder / "lab.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options.split(), "--IdentityProvider.token=x", f"--ServerApp.root_dir={work}"],
            cwd=ROOT,
            env={**os.environ, **{name: str(folder / part) for name, part in own.items()}, "HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    try:
        _wait(server, port, folder / "lab.log")
        yield Lab(page, port)
    finally:
        page.close()
        server.terminate()  # the kernels, too
        server.wait(60)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(
                f"http://127.0.0.1:{port}/api/status?token=x", timeout=10
            ).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        else:
            return


def complaints(lab: Lab) -> Iterator[str]:
    """What is wrong with what the open notebook shows, and what JupyterLab complained of since it started."""
    found = lab.found()
    yield from (f"an error: {text}" for text in found["errors"])
    slow = re.compile("Plugin .* to activate")  # on a busy machine
    told = (text for text in lab.watched.complaints if not slow.match(text))
    yield from (f"JupyterLab: {text}" for text in told)
    yield from (f"cut: {text}" for text in found["cut"])
    if found["vectors"] or found["buttons"]:
        yield f"{found['vectors']} SVGs and {found['buttons']} buttons, which are the page's"
    sources = [picture["src"] for picture in found["pictures"]]
    if len(set(sources)) < len(sources):
        yield "a figure is there twice"
    for picture in found["pictures"]:
        if not 300 < picture["width"] < 800 or abs(picture["natural"] - 2 * picture["width"]) > 2:
            yield f"a figure of {picture['width']} pixels made of {picture['natural']}"
    for table in found["tables"]:
        if not table["left"] or not table["caption"]:
            yield f"a table whose rows' names are not on the left, or without a caption: {table['caption']}"
    yield from (f"a dialog: {text}" for text in lab.page.locator(".jp-Dialog").all_inner_texts())
