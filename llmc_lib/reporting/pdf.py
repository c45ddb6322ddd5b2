"""A run's page as report.pdf."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.reporting.browser import print_pdf
from llmc_lib.store import Run, write_atomic

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
