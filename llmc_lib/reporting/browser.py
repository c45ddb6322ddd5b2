"""What only a browser can make of a page: report.pdf and a picture, by the system's own headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.store import Run, write_atomic

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--blink-settings=preferredColorScheme=1",  # light, whatever the desktop has
)
_SECONDS = 300  # a page of 6 MB is printed in less than a tenth of it


def find_chromium() -> str:
    """The browser's program: what the variable CHROMIUM names, else the first that is installed.

    Raises `UserError` where there is none.
    """
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else _NAMES:
        if found := shutil.which(name):
            return found
    what = f"CHROMIUM: no program {named!r}" if named else "no Chromium and no Chrome found"
    raise UserError(
        f"{what}: a PDF or a picture of a page needs one; install it from the system's packages "
        "(apt-get install chromium), or name it: CHROMIUM=/path/to/chrome"
    )


def print_pdf(page: Path) -> bytes:
    """An HTML file as a PDF, with an outline of its headings, as its print style says.

    Raises `UserError` where there is no browser, and where it makes nothing.
    """
    # Without Chromium's own head and foot: they print the file's path.
    options = ("--no-pdf-header-footer", "--generate-pdf-document-outline")
    return _made_by_browser(page, "print-to-pdf", "page.pdf", options)


def screenshot(page: Path, width: int, height: int) -> bytes:
    """The first screen of an HTML file in light colours: a PNG of `width` × `height` pixels.

    Raises `UserError` as `print_pdf` does.
    """
    options = (f"--window-size={width},{height}", "--hide-scrollbars")
    return _made_by_browser(page, "screenshot", "page.png", options)


def _made_by_browser(page: Path, action: str, name: str, options: tuple[str, ...]) -> bytes:
    # A profile of its own: another Chromium may be open
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / name
        command = [
            find_chromium(),
            *_QUIET,
            *(
                ["--no-sandbox"] if os.geteuid() == 0 else []
            ),  # Chromium refuses to sandbox for root
            f"--user-data-dir={folder}/profile",
            *options,
            f"--{action}={made}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"{page}: {command[0]} did not finish within {_SECONDS} s") from None
        if not made.exists():
            said = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise UserError(
                f"{page}: {command[0]} produced no file (status {done.returncode})\n{said}"
            )
        return made.read_bytes()


# A link to a file beside the page: in a PDF it would be the file's path on this machine.
_BESIDE = re.compile(r'(<a\b[^>]*?) href="(?!#|https?:|data:)[^"]*"')


def make_pdf(run: Run) -> Path:
    """Print the run's index.html to report.pdf beside it; returns its path.

    Raises `UserError` where there is no page yet, or no Chromium.
    """
    page = run.report / "index.html"
    if not page.exists():
        raise UserError(f"{page}: no such page; make it first: make report PARAMS=…")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "report.html"
        copy.write_text(_BESIDE.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
        write_atomic(run.report / "report.pdf", print_pdf(copy))
    return run.report / "report.pdf"
