"""The page that `make lab` opens on: which notebook is for what, and the runs that are there."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from llmc_lib.errors import printable
from llmc_lib.formatting import as_points
from llmc_lib.reporting.entries import FILES, Entry, Metrics, read_entries
from llmc_lib.store import write_atomic

#: What is written for the person who opens the folder without JupyterLab, and is the head of the start page.
README = Path("notebooks") / "README.md"
START = Path("notebooks") / "start.md"
_NOTEBOOKS = ("1_dataset", "2_training", "3_evaluation", "4_report")
_STAGES = {"dataset": "the data set", "training": "the training", "predictions": "the evaluation"}


def write_start(root: Path) -> Path:
    """Write the start page of the checkout `root`, which git ignores; returns its path from there."""
    text = (root / README).read_text(encoding="utf-8")
    write_atomic(root / START, f"{text}\n{runs_table(root)}")
    return START


def runs_table(root: Path) -> str:
    """The runs of the checkout as Markdown: verdict, time and links of each, the newest first."""
    reports = root / "reports"
    entries = read_entries(reports) if reports.is_dir() else []
    rows = [_row(reports, entry) for entry in entries]
    known = {entry.name for entry in entries}
    rows += [
        f"| {_plain(run.name)} | {_progress(run)} | | |"
        for run in sorted((root / "runs").glob("*/"))
        if run.name not in known and not run.name.startswith(("_", "."))
    ]
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if not rows:
        return "## Runs\n\nNo runs yet: `make report` makes the first one.\n"
    head = "| run | result | made, UTC | links |\n|:--|:--|:--|:--|"
    return "\n".join(
        ["## Runs", "", f"As of {now}; restart `make lab` to refresh.", "", head, *rows, ""]
    )


def _row(reports: Path, entry: Entry) -> str:
    said = _said(entry.metrics) if entry.metrics else _plain(entry.problem)
    date = f"{entry.date.astimezone(UTC):%Y-%m-%d %H:%M}"
    return f"| {_plain(entry.name)} | {said} | {date} | {' · '.join(_links(reports, entry))} |"


def _said(metrics: Metrics) -> str:
    """The verdict, and the difference that it rests on."""
    comparison = metrics.headline
    low, high = comparison.interval.printed
    verdict = comparison.verdict
    return (
        f"**{_plain(verdict[:1].upper() + verdict[1:])}** on {_plain(metrics.main)}, for this checkpoint: "
        f"{_plain(comparison.model)} against {_plain(comparison.reference)}, "
        f"{as_points(comparison.difference, comparison.n)} ({_plain(low)} to {_plain(high)})"
    )


def _links(reports: Path, entry: Entry) -> list[str]:
    """Links to what a run has for a reader: its pages, and the notebooks as they were executed."""
    place = f"../reports/{quote(entry.name)}"
    links = [f"[{FILES[file]}]({place}/{file})" for file in entry.files if file.endswith("html")]
    executed = [
        f"[{name[0]}]({place}/notebooks/{name}.ipynb)"
        for name in _NOTEBOOKS
        if (reports / entry.name / "notebooks" / f"{name}.ipynb").is_file()
    ]
    return links + (["executed notebooks " + " ".join(executed)] if executed else [])


def _progress(run: Path) -> str:
    """How far a run is that has nothing to read yet."""
    done = [words for name, words in _STAGES.items() if (run / name / "manifest.json").is_file()]
    left = [words for words in _STAGES.values() if words not in done]
    if not left:
        return "evaluated; the report is next"
    return f"{left[0]} is next" if done else "started"


def _plain(text: str) -> str:
    """A text from a file as Markdown that shows it as it is, on one line."""
    escaped = html.escape(printable(" ".join(text.split())), quote=False)
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]|~$#!" else c for c in escaped)
