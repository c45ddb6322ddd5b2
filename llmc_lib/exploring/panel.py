"""What panels are made of: a widget with the table that it shows, and HTML in the colours of the notebook's theme."""

from __future__ import annotations

import html
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from llmc_lib.errors import UserError
from llmc_lib.formatting import unbroken
from llmc_lib.reporting.elements import number_class
from llmc_lib.reporting.figures.drawing import one_svg, style
from llmc_lib.reporting.text import visible

_NAMED = {"description_width": "6.5rem"}


class Panel(widgets.VBox):
    """A widget with `data`, the DataFrame that it shows at the moment, and `figure`, the matplotlib figure, if any.

    A panel has its controls and one place for what they lead to; `_show` fills it. What goes wrong there is told in
    that place, as a widget has no cell that could show it.
    """

    data: pd.DataFrame
    figure: Figure | None = None
    _quiet = False

    def __init__(self, controls: Sequence[Any], **options: Any) -> None:
        self._shown = widgets.HTML(layout={"width": "100%"})
        style = widgets.HTML(f"<style>{_css()}</style>", layout={"display": "contents"})
        super().__init__([style, *controls, self._shown], **options)
        self.add_class("llmc-panel")

    @abstractmethod
    def _show(self) -> str:
        """The HTML of what the controls ask for; sets `data`, and `figure` where there is one."""

    def update(self, *_: object) -> None:
        """Show again what the controls ask for, unless they are being set."""
        if not self._quiet:
            self._try(self._show)

    @contextmanager
    def setting(self) -> Iterator[None]:
        """While this lasts controls are set by the panel itself, which does not update for each of them."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _try(self, show: Callable[[], str | None]) -> None:
        """Show what a function gives, if anything, or what went wrong in it."""
        try:
            with style():
                found = show()
        except (UserError, ValueError, OSError) as error:
            found = paragraph(str(error), "warning")
        if found is not None:
            self._shown.value = styled(found)

    def on(self, button: Any, action: Callable[[], str | None]) -> None:
        """Do something when a button is pressed, and show what it gives, if anything."""
        button.on_click(lambda _: self._try(action))

    def follow(self, *controls: Any) -> None:
        """Update whenever one of these controls is moved."""
        for control in controls:
            control.observe(self.update, "value")

    def __repr__(self) -> str:
        """What a viewer without widgets shows: ipywidgets cuts it at 110 characters."""
        return f"exploring.{type(self).__name__}: a panel with controls. Run the cell to use it."


def named(kind: Callable[..., Any], name: str, *, wide: bool = False, **options: Any) -> Any:
    """A control with its name before it."""
    width = "34rem" if wide else "27rem" if "Slider" in kind.__name__ else "auto"
    layout = {"width": width, "max_width": "100%"}
    return kind(description=name, style=_NAMED, layout=layout, **options)


def between(name: str) -> Any:
    """A slider with two ends, for whole numbers; `span` sets how far it reaches."""
    return named(
        widgets.IntRangeSlider, name, min=0, max=1, value=(0, 1), continuous_update=False, readout_format=",d"
    )  # fmt: skip


def span(slider: Any, most: int) -> None:
    """Have a slider of `between` reach from 0 to `most`, with all of it chosen."""
    slider.max = most
    slider.value = (0, most)


def buttons(options: Sequence[Any], name: str = "") -> Any:
    """A row of buttons of which one is pressed."""
    pressed = widgets.ToggleButtons(options=options, style={"button_width": "auto"})
    if name:
        pressed.layout.margin = "0 0 0 6.9rem"
        pressed.tooltip = name
    return pressed


def row(*controls: Any) -> Any:
    """Controls beside each other, below each other where there is no room."""
    layout = widgets.Layout(flex_flow="row wrap", grid_gap="4px 18px", align_items="flex-start")
    return widgets.Box(controls, layout=layout)


def styled(markup: str) -> str:
    """Markup in the style of the panels."""
    return f'<div class="llmc">{markup}</div>'


@cache
def _css() -> str:
    own = resources.files("llmc_lib.exploring").joinpath("style.css").read_text()
    cases = resources.files("llmc_lib.reporting").joinpath("template/report/cases.css").read_text()
    return f".llmc {{\n{cases}\n}}\n{own}"


def paragraph(text: str, css_class: str = "") -> str:
    """A paragraph of plain text."""
    attribute = f' class="{css_class}"' if css_class else ""
    return f"<p{attribute}>{visible(unbroken(text))}</p>"


def plot(figure: Figure, name: str, alt: str) -> str:
    """A figure as SVG whose colours follow the theme."""
    label = html.escape(alt, quote=True)
    return f'<div role="img" class="plot" aria-label="{label}">{one_svg(figure, name)}</div>'


def table(frame: pd.DataFrame, most: int = 200) -> str:
    """A table; its cells are escaped, and numbers are on the right. Of many rows the first are shown."""
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    head = "".join(
        f'<th scope="col"{number_class(n)}>{visible(str(name))}</th>'
        for name, n in zip(frame.columns, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{number_class(n)}>{visible(_cell(value))}</td>"
            for value, n in zip(cells, numeric, strict=True)
        )
        + "</tr>"
        for cells in frame.head(most).itertuples(index=False, name=None)
    )
    more = len(frame) - most
    note = paragraph(f"… and {more:,} more rows in .data", "note") if more > 0 else ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{note}"
    )


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
