"""An executed notebook as one HTML file that needs nothing else: no network, no script of others."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mistune
import nbformat
from nbconvert import HTMLExporter

from llmc_lib.language import language, tr
from llmc_lib.reporting.elements import HTML, PAGE, anchor

_TEMPLATES = Path(__file__).parent / "template"
#: The page's style sheets, in their order: what is printed decides last.
STYLES = ("style.css", "cases.css", "print.css")
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def render(notebook: Path, title: str) -> str:
    """The HTML page of an executed notebook whose cells show `elements.Block`s.

    The page hides code behind a disclosure, shows no prompts, and forbids itself every network
    request by a content security policy.
    """
    nb = nbformat.read(notebook, as_version=4)
    if nb.cells and nb.cells[0].cell_type == "markdown":  # the page has its own title
        nb.cells[0].source = re.sub(r"^# .*\n*", "", nb.cells[0].source)
    nb.cells = _with_something(nb.cells)
    headings = [
        heading
        for cell in nb.cells
        if cell.cell_type == "markdown"
        for heading in _HEADING.findall(cell.source)
    ]
    folder = _TEMPLATES / "report"
    exporter = HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(_TEMPLATES)],
        filters={"markdown": _markdown, "tr": tr, "for_the_page": _for_the_page},
    )
    resources: dict[str, Any] = {
        "report": {
            "title": title,
            "language": language(),
            "contents": [(_anchor(heading), _heading(heading)) for heading in headings],
            "style": "".join((folder / name).read_text() for name in STYLES),
            "script": translated((folder / "page.js").read_text()),
            "footer": tr(
                "Made {time:%Y-%m-%d %H:%M} UTC from {notebook}.",
                time=datetime.now(UTC),
                notebook=notebook.name,
            ),
        }
    }
    page, _ = exporter.from_notebook_node(nb, resources)
    return str(page)


def _with_something(cells: list[Any]) -> list[Any]:
    """The cells without the headings of sections of which every block is empty (`elements.NOTHING`)."""
    kept: list[Any] = []
    for at, cell in enumerate(cells):
        following = itertools.takewhile(lambda c: c.cell_type == "code", cells[at + 1 :])
        outputs = [output for c in following for output in c.outputs]
        nothing = outputs and all(_for_the_page(output) == "" for output in outputs)
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if len(headings) != 1 or not nothing:
            kept.append(cell)
    return kept


def _for_the_page(output: Any) -> str | None:
    """The HTML of an output: a block's markup for the page, or whatever HTML another object has; None: it has none."""
    data = output.get("data", {})
    found: str | None = data.get(PAGE, data.get(HTML))
    return found


def translated(script: str) -> str:
    """A script of ours with the texts that it has as `tr("…")`."""
    return _TR.sub(lambda call: json.dumps(tr(call[1]), ensure_ascii=False), script)


_TR = re.compile(r'\btr\("([^"]+)"\)')


def _markdown(source: str) -> str:
    """A markdown cell of ours as HTML, its second-level headings with an anchor to link to."""
    anchors = [_anchor(heading) for heading in _HEADING.findall(source)]
    page = str(mistune.html("\n\n".join(tr(part) for part in source.split("\n\n"))))
    for name in anchors:
        page = page.replace("<h2>", f'<h2 id="{name}">', 1)
    ends = iter(anchors)
    return re.sub("</h2>", lambda _: f"{anchor(next(ends), 'section')}</h2>", page)


def _heading(heading: str) -> str:
    """A heading as the contents list has it."""
    line = f"## {heading}"  # as a notebook has it
    return tr(line).removeprefix("## ")


def _anchor(heading: str) -> str:
    """The id of a section: of its English heading, so that a link holds in all languages."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
