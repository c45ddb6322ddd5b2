"""The building blocks of the page: figures, tables, asides. Each shows itself in a notebook."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass, field
from urllib.parse import quote

import pandas as pd

from llmc_lib.formatting import unbroken
from llmc_lib.language import N_, tr
from llmc_lib.reporting.text import text_to_html


@dataclass(frozen=True)
class Block:
    """A piece of HTML that a notebook (and so the report) displays as it is."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup

    def __add__(self, other: Block) -> Block:
        return Block(self.markup + other.markup)


NOTHING = Block("")


@dataclass(frozen=True)
class FigureBlock(Block):
    """A figure with its finding as title, its caption and its alternative text."""

    title: str = ""
    alt: str = field(default="", repr=False)


def figure_block(name: str, svg: str, title: str, caption: str, alt: str) -> FigureBlock:
    """A figure for the page; `name` is its anchor."""
    markup = (
        f'<figure id="figure-{name}"><p class="finding">{html.escape(unbroken(title))}'
        f"{anchor(f'figure-{name}', 'figure')}</p>"
        f'<div role="img" class="plot" aria-label="{html.escape(alt, quote=True)}">{svg}</div>'
        f"<figcaption>{html.escape(unbroken(caption))}</figcaption></figure>"
    )
    return FigureBlock(markup, title, alt)


_LINKS = {
    "figure": N_("Link to this figure"),
    "table": N_("Link to this table"),
    "section": N_("Link to this section"),
    "question": N_("Link to this question"),
}


def anchor(target: str, what: str) -> str:
    """A quiet link to a part of the page with the id `target`, to be copied; `what` it is, in a word."""
    return (
        f'<a class="anchor" href="#{html.escape(quote(target), quote=True)}" '
        f'aria-label="{html.escape(tr(_LINKS[what]), quote=True)}">#</a>'
    )


def paragraph(text: str, css_class: str = "") -> Block:
    """A paragraph of plain text; mathematics in it is rendered, everything else escaped."""
    attribute = f' class="{css_class}"' if css_class else ""
    return Block(f"<p{attribute}>{text_to_html(unbroken(text))}</p>")


def table_block(
    name: str, frame: pd.DataFrame, caption: str, data: pd.DataFrame | None = None
) -> Block:
    """A sortable table with a CSV download.

    Parameters: `frame`, the cells as they are to be read (strings); columns whose cells look like
    numbers are right-aligned. `data`: what the CSV holds, where it has more digits than the table.
    """
    numeric = {str(column): _is_numeric(frame[column]) for column in frame.columns}
    head = "".join(
        f'<th scope="col"{_right(numeric[str(column)] and number > 0)}><button type="button">{html.escape(str(column))}'
        "</button></th>"
        for number, column in enumerate(frame.columns)
    )
    body = "".join(
        "<tr>"
        + "".join(_cell(str(value), numeric[str(column)], first=number == 0)
                  for number, (column, value) in enumerate(row.items()))
        + "</tr>"
        for row in frame.to_dict("records")
    )  # fmt: skip
    csv = base64.b64encode(_csv(frame if data is None else data).encode()).decode()
    return Block(
        f'<div class="table" id="table-{name}"><table><caption><div>{html.escape(unbroken(caption))} <span class="tools">'
        f'<a download="{name}.csv" href="data:text/csv;base64,{csv}">CSV</a> '
        f"{anchor(f'table-{name}', 'table')}</span></div></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _csv(data: pd.DataFrame) -> str:
    """As CSV, no cell of which a spreadsheet would run: the names of categories and models are those of files."""
    harmless = data.map(lambda cell: _harmless(cell) if isinstance(cell, str) else cell)
    return str(harmless.rename(columns=lambda name: _harmless(str(name))).to_csv(index=False))


def _harmless(cell: str) -> str:
    """A text after an apostrophe where it begins like a formula and is no number (OWASP, CSV injection)."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,% to+-]*$)")


def _cell(value: str, numeric: bool, *, first: bool) -> str:
    if first:
        return f'<th scope="row">{html.escape(value)}</th>'
    return f"<td{_right(numeric)}>{html.escape(value)}</td>"


def _right(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _is_numeric(column: pd.Series) -> bool:
    return all(re.match(r"^[−+-]?\d|^–?$|^[<>] ", str(value)) for value in column)
