"""`make example`: the quickstart's page, a picture of it, and its answers to explore, kept in the checkout."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.exploring import example
from llmc_lib.reporting.browser import screenshot
from llmc_lib.store import ROOT, Run, write_atomic
from llmc_lib.store.page import page_finished

#: The most that the repository should carry, in bytes.
LARGEST_PAGE, LARGEST_PICTURE, LARGEST_ANSWERS = 2_000_000, 200_000, 300_000
_SCREEN = 1240, 1060  # pixels: the verdict and its figure, the contents list at the side


def make_example(run: Run, folder: Path) -> list[Path]:
    """Copy the run's page and metrics.json to `folder`, with the page's first screen as screenshot.png, and what it
    takes to explore the run (`exploring.example`).

    Returns the files. Raises `UserError`, and writes nothing, where the report is not finished or not the
    present one, where the page, the picture or the answers are too large, or where the page names something of this
    machine.
    """
    page = run.report / "index.html"
    make = f"make report PARAMS={run.params_file.name}"
    if run.params_file.is_relative_to(ROOT):
        make = f"make report PARAMS={run.params_file.relative_to(ROOT)}"
    if not page.exists():
        raise UserError(f"{page}: no such page: the run has not been made; make it first: {make}")
    if not page_finished(run):
        raise UserError(
            f"{page}: not made from the present results and code; make it again: {make}"
        )
    text = page.read_text(encoding="utf-8")
    metrics = (run.report / "metrics.json").read_text(encoding="utf-8")
    for path in (page, run.report / "metrics.json"):
        if found := of_this_machine(path.read_text(encoding="utf-8")):
            raise UserError(
                f"{path}: names {', '.join(found)}, of this machine: nothing was copied"
            )
    picture = screenshot(page, *_SCREEN)
    answers = example.files(run)
    for name, size, most in (
        ("the page", len(text.encode()), LARGEST_PAGE),
        ("its picture", len(picture), LARGEST_PICTURE),
        ("what is kept of its answers", sum(map(len, answers.values())), LARGEST_ANSWERS),
    ):
        if size > most:
            raise UserError(
                f"{page}: {name} has {size:,} bytes, more than {most:,}: nothing was copied; "
                "lower report.cases, or ask fewer questions"
            )
    files: dict[str, str | bytes] = {
        "index.html": text,
        "metrics.json": metrics,
        "screenshot.png": picture,
        **answers,
    }
    for name, content in files.items():
        write_atomic(folder / name, content)
    return [folder / name for name in files]


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
