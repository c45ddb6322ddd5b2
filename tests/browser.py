"""The system's Chromium, for the tests that look at a page."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


#: What JupyterLab says of a machine that is busy.
_OF_TIME = re.compile(
    r"Plugin \S+ (\(with \d+ dependants\) took [\d.]+ms|is taking too long) to activate\."
)


class Watched:
    """What a page complains of and what it asks the network for, from now on."""

    def __init__(self, page: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._asked_back)
        page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and not _OF_TIME.fullmatch(message.text):
            self.complaints.append(message.text)

    def _asked_back(self, dialog: Any) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.requests.append(request.url)


def launched() -> Iterator[Any]:
    """A browser; the test is skipped where there is none, and fails in CI."""
    if CHROMIUM is None:
        message = "no Chromium: install it from the system's packages (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield chromium
        asyncio._set_running_loop(chromium._loop)  # as playwright left it, which ends it itself
        chromium.close()


@contextmanager
def used(chromium: Any) -> Iterator[None]:
    """In here the browser can be asked; at the end its windows are closed, and its event loop is no longer this thread's: other
    tests have their own."""
    asyncio._set_running_loop(chromium._loop)
    try:
        yield
    finally:
        for context in chromium.contexts:
            context.close()
        asyncio._set_running_loop(None)


#: axe-core reads the same few colours again for each element behind each text, which takes a third of its time.
_READ_ONCE = """() => {
  const colour = axe.commons.color.Color.prototype, read = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
    else { read.call(this, text); known.set(text, [this.r, this.g, this.b, this.alpha]); }
    return this;
  };
}"""
#: The success criteria of WCAG 2.2 at levels A and AA.
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
_OF_COLOURS = ["color-contrast", "link-in-text-block"]


def violations(page: Any, *, colours_alone: bool = False) -> list[str]:
    """What axe-core finds on a page, by its rules for WCAG A and AA and those for the order of headings and
    landmarks, or by those for colours alone; each with the first place."""
    from axe_playwright_python.base import AXE_SCRIPT

    tags = {"type": "tag", "values": [*_WCAG, "best-practice"]}
    options = {
        "runOnly": {"type": "rule", "values": _OF_COLOURS} if colours_alone else tags,
        "resultTypes": ["violations"],
    }
    # Once for each page: what the browser has compiled of it serves the next time.
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(_READ_ONCE)
    found = page.evaluate("(options) => axe.run(options)", options)
    assert found["passes"], "axe-core has checked nothing"
    return [
        f"{rule['id']}: {rule['nodes'][0]['html'][:200]}: {rule['nodes'][0]['failureSummary']}"
        for rule in found["violations"]
    ]


def open_all(page: Any, *, opened: bool = True) -> None:
    """Open (or fold) everything that can be folded."""
    page.evaluate(
        "(open) => document.querySelectorAll('main details').forEach((d) => { d.open = open; })",
        opened,
    )
    # What is watched for its size is told at the end of a frame.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than the window."""
    wide: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wide
