"""`make example`: the quickstart's page and a picture of it, kept in the checkout for its README."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.pipeline import report_finished
from llmc_lib.reporting.browser import screenshot
from llmc_lib.store import ROOT, Run, write_atomic

#: The most that the repository should carry, in bytes.
LARGEST_PAGE, LARGEST_PICTURE = 2_000_000, 200_000
_SCREEN = 1240, 1060  # pixels: the verdict and its figure, the contents list at the side


def make_example(run: Run, folder: Path) -> list[Path]:
    """Copy the run's page to `folder`/index.html, with its first screen as screenshot.png.

    Returns both. Raises `UserError`, and writes nothing, where the report is not finished or not the
    present one, where the page or the picture is too large, or where the page names something of this
    machine.
    """
    page = run.report / "index.html"
    make = f"make report PARAMS={run.params_file.name}"
    if run.params_file.is_relative_to(ROOT):
        make = f"make report PARAMS={run.params_file.relative_to(ROOT)}"
    if not page.exists():
        raise UserError(f"{page}: no such page: the run has not been made; make it first: {make}")
    if not report_finished(run):
        raise UserError(f"{page}: not made from the present results and code; make it anew: {make}")
    text = page.read_text(encoding="utf-8")
    if found := of_this_machine(text):
        raise UserError(f"{page}: names {', '.join(found)}, of this machine: nothing was copied")
    picture = screenshot(page, *_SCREEN)
    for name, content, most in (
        ("the page", text.encode(), LARGEST_PAGE),
        ("its picture", picture, LARGEST_PICTURE),
    ):
        if len(content) > most:
            raise UserError(
                f"{page}: {name} has {len(content):,} bytes, more than {most:,}: nothing was copied; "
                "lower report.cases"
            )
    write_atomic(folder / "index.html", text)
    write_atomic(folder / "screenshot.png", picture)
    return [folder / "index.html", folder / "screenshot.png"]


def of_this_machine(text: str) -> list[str]:
    """What a text tells of the machine that it was made on: its folders, its name."""
    folders = (ROOT, Path.home(), Path(sys.prefix), Path(tempfile.gettempdir()))
    known = {str(folder) for folder in folders if folder != folder.parent}
    host = os.uname().nodename
    if len(host) > 3:  # a shorter one is a word like others
        known.add(host)
    return sorted(
        name for name in known if re.search(rf"(?<![\w/.<~-]){re.escape(name)}(?!\w)", text)
    )
