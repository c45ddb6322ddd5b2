"""The building blocks of the page: figures, tables, asides. Each shows itself in a notebook."""

from __future__ import annotations

import base64
import html
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
from tabulate import tabulate

from llmc_lib.formatting import as_bounds, as_p_cell, as_points, unbroken
from llmc_lib.language import N_, tr
from llmc_lib.reporting.plain import notebook_html, plain_text
from llmc_lib.reporting.text import text_to_html, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: The MIME type of a block's markup for the page, which `render` takes and no other program knows.
PAGE = "application/vnd.llmc.page+html"
PNG, HTML, TEXT = "image/png", "text/html", "text/plain"

#: One output of a notebook's cell: MIME type → content, and MIME type → metadata.
View = tuple[dict[str, str], dict[str, Any]]


class Block:
    """A piece of the report: a paragraph, a table, a figure, or several of them one after the other.

    As the last line of a cell, or given to `display`, it shows itself: figures as pictures with their finding and caption,
    tables as plain ones, in any notebook program, also where the notebook is not trusted. To go on with it:

    - `block.sentence`: what it says, as text: a paragraph, a figure's finding, a table's caption, the verdict;
    - `block.data`: its numbers, unrounded, as a pandas DataFrame. Rates and differences are fractions of 1 (0.02 is two
      percentage points), lengths are in tokens, times in seconds, unless a column's name says otherwise. None: it has none;
    - `block.figure`: the matplotlib figure, to be changed and saved; what is changed shows in the figure, not in the block;
    - `block.parts`: the paragraphs, tables and figures of which it is made, and `block["table-models"]` one of them by its
      name, of a table or a figure its anchor on the page; `block.name` is the block's own;
    - `block.markup`: its HTML on the page; `block.text`, which `print(block)` shows: what a terminal can show of it;
    - `block + other`: both, one after the other.

    >>> block = table_block("rates", pd.DataFrame({"Model": ["base"], "Correct, %": ["12"]}), "Accuracy.")
    >>> block.data
      Model  Correct, %
    0  base          12
    >>> block.sentence, block.name
    ('Accuracy.', 'table-rates')
    """

    def __init_subclass__(cls) -> None:
        cls.__doc__ = f"{inspect.getdoc(cls)}\n\n{inspect.getdoc(Block)}"  # for `help`

    def __init__(
        self,
        markup: str,
        *,
        name: str = "",
        sentence: str = "",
        data: pd.DataFrame | None = None,
        shown: Sequence[Block] | None = None,
        text: str | None = None,
    ) -> None:
        """`markup`: HTML for the page. `shown`: what a notebook shows, where that is not the same without buttons.
        `text`: what a terminal shows, where that is not the text of its HTML."""
        self.markup, self.name, self.sentence = markup, name, sentence
        self._data, self._shown, self._text = data, shown, text

    @property
    def data(self) -> pd.DataFrame | None:
        """Its numbers, unrounded; None where it has none."""
        return self._data

    @property
    def figure(self) -> Figure | None:
        """The matplotlib figure; None where it is none."""
        return None

    @property
    def parts(self) -> tuple[Block, ...]:
        """The paragraphs, tables and figures of which it is made."""
        return (self,) if self.markup else ()

    def __getitem__(self, name: str) -> Block:
        found = {part.name: part for part in self.parts if part.name}
        if name not in found:
            raise KeyError(f"no part {name!r}; there are: {', '.join(found) or 'none with a name'}")
        return found[name]

    def __add__(self, other: Block) -> Block:
        parts = (*self.parts, *other.parts)
        if len(parts) > 1:
            return Blocks(parts)
        return parts[0] if parts else self

    @property
    def text(self) -> str:
        """What a terminal shows: a figure's finding, its numbers and its caption, a table as text."""
        if self._text is not None:
            return self._text
        if self._shown is not None:
            return _lines(self._shown)
        return plain_text(self._html())

    def views(self) -> list[View]:
        """What a notebook shows, an output each. The first one also carries the markup for the page."""
        if self._shown is not None:
            views = [view for block in self._shown for view in block.views()]
            return [
                ({**data, PAGE: "" if number else self.markup}, metadata)
                for number, (data, metadata) in enumerate(views)
            ]
        shown = self._html()
        text = plain_text(shown) if self._text is None else self._text
        return [({HTML: shown, TEXT: text, PAGE: self.markup}, {})]

    def _html(self) -> str:
        nothing = f'<p style="opacity: 0.8">{tr("Nothing to show in this run.")}</p>'
        return notebook_html(self.markup) if self.markup else nothing

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for data, metadata in self.views():
            display(data, metadata=metadata, raw=True)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> View:
        """All of it as one output, for programs that do not ask it to show itself: of a figure alone a picture, of
        anything else HTML."""
        views = self.views()
        data = {PAGE: self.markup, TEXT: self.text}
        pictures = [view for view in views if PNG in view[0]]
        if len(pictures) == len(self.parts) == 1 and self.figure is not None:
            return {**data, PNG: pictures[0][0][PNG]}, pictures[0][1]
        return {**data, HTML: "".join(_as_html(*view) for view in views)}, {}

    def __repr__(self) -> str:
        return self.text


class Blocks(Block):
    """Several blocks, one after the other; `data` and `figure` are those of the one part that has them."""

    def __init__(self, parts: tuple[Block, ...]) -> None:
        sentences = (part.sentence for part in parts if part.sentence)
        super().__init__("".join(part.markup for part in parts), sentence="\n".join(sentences))
        self._parts = parts

    @property
    def parts(self) -> tuple[Block, ...]:
        """The paragraphs, tables and figures of which it is made."""
        return self._parts

    @property
    def data(self) -> pd.DataFrame | None:
        """The numbers of the part that has some. Raises AttributeError where several have: take one of them."""
        found: pd.DataFrame | None = self._only("data")
        return found

    @property
    def figure(self) -> Figure | None:
        """The figure of the part that is one. Raises AttributeError where several are: take one of them."""
        found: Figure | None = self._only("figure")
        return found

    def _only(self, what: str) -> Any:
        found = [part for part in self.parts if getattr(part, what) is not None]
        if len(found) > 1:
            raise AttributeError(
                f"{len(found)} parts of this block have {what}: "
                + ", ".join(f"block[{part.name!r}].{what}" for part in found)
            )
        return getattr(found[0], what) if found else None

    @property
    def text(self) -> str:
        """What a terminal shows of its parts."""
        return _lines(self.parts)

    def views(self) -> list[View]:
        """What a notebook shows, an output each."""
        return [view for part in self.parts for view in part.views()]


def _lines(blocks: Sequence[Block]) -> str:
    return "\n".join(block.text for block in blocks if block.text)


NOTHING = Block("")


def _as_html(data: dict[str, str], metadata: dict[str, Any]) -> str:
    if PNG not in data:
        return data[HTML]
    facts = metadata[PNG]
    alt = html.escape(facts["alt"], quote=True)
    return f'<p><img width="{facts["width"]}" alt="{alt}" src="data:image/png;base64,{data[PNG]}"/></p>'


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
    return Block(f"<p{attribute}>{text_to_html(unbroken(text))}</p>", sentence=text)


def folded(summary: str, block: Block) -> Block:
    """A block that is opened by a click on `summary`, which is plain text. It keeps its numbers."""
    return Block(
        f"<details><summary>{html.escape(summary)}</summary>{block.markup}</details>",
        name=block.name,
        sentence=block.sentence,
        data=block.data,
    )


def case_cells(row: Mapping[Any, Any], level: float) -> dict[str, str]:
    """The difference of a comparison, its interval, its p-value and its verdict, as a table has them.

    Parameters: `row` with n, difference, low and high (fractions), p_adjusted and verdict; the `level` of significance.
    """
    n = row["n"]
    return {
        tr("Difference, points"): as_points(row["difference"], n, unit=False),
        tr("Interval"): as_bounds((row["low"], row["high"]), n),
        tr("p adjusted"): as_p_cell(row["p_adjusted"], level),
        tr("Verdict"): row["verdict"],
    }


def table_block(
    name: str, frame: pd.DataFrame, caption: str, data: pd.DataFrame | None = None
) -> Block:
    """A sortable table with a CSV download.

    Parameters: `frame`, the cells as they are to be read (strings); columns whose cells look like
    numbers are right-aligned. `data`: what the CSV holds, where it has more digits than the table.
    """
    numeric = {str(column): _is_numeric(frame[column]) for column in frame.columns}
    head = "".join(
        f'<th scope="col"{number_class(numeric[str(column)] and number > 0)}><button type="button">{visible(str(column))}'
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
    csv = base64.b64encode(as_csv(frame if data is None else data).encode()).decode()
    markup = (
        f'<div class="table" id="table-{name}"><table><caption><div>{html.escape(unbroken(caption))} <span class="tools">'
        f'<a download="{name}.csv" href="data:text/csv;base64,{csv}">CSV</a> '
        f"{anchor(f'table-{name}', 'table')}</span></div></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return Block(
        markup,
        name=f"table-{name}",
        sentence=caption,
        data=_numbers(frame) if data is None else data,
        text=f"{caption}\n{tabulate(frame.to_dict('list'), headers='keys', disable_numparse=True)}",
    )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of texts with the columns that are numbers as numbers."""
    return frame.apply(_number_column)


def _number_column(column: pd.Series) -> pd.Series:
    written = column.astype(str).str.replace("−", "-").str.replace(",", "").str.removeprefix("+")
    empty = written.isin(["–", ""])
    found = pd.to_numeric(written.mask(empty), errors="coerce")
    return column if empty.all() or (found.isna() & ~empty).any() else found


def as_csv(data: pd.DataFrame) -> str:
    """As CSV, no cell of which a spreadsheet would run: the names of categories and models are those of files."""
    harmless = data.map(lambda cell: _harmless(cell) if isinstance(cell, str) else cell)
    return str(harmless.rename(columns=lambda name: _harmless(str(name))).to_csv(index=False))


def _harmless(cell: str) -> str:
    """A text after an apostrophe where it begins like a formula and is not a number (OWASP, CSV injection)."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,% to+-]*$)")


def _cell(value: str, numeric: bool, *, first: bool) -> str:
    if first:
        return f'<th scope="row">{visible(value)}</th>'
    return f"<td{number_class(numeric)}>{visible(value)}</td>"


def number_class(numeric: bool) -> str:
    """The attribute that puts a cell of numbers on the right."""
    return ' class="number"' if numeric else ""


def _is_numeric(column: pd.Series) -> bool:
    return all(re.match(r"^[−+-]?\d|^–?$|^[<>] ", str(value)) for value in column)
