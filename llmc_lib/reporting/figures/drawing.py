"""How a figure is drawn: for the page an SVG with real text, in colours that follow its light or dark; for a notebook a PNG.

Marks come from `seaborn.objects` on these axes where a table of points, intervals, bands or bars is drawn; matplotlib alone
draws the forest plot (its first row is emphasised), the waterfall (hollow bars from anywhere), the next run's density (hatched),
single lines, and the trainings' panels, each with notes and scales of its own: with seaborn these would be longer.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from PIL import Image
from tabulate import tabulate

from llmc_lib.formatting import unbroken
from llmc_lib.reporting.elements import PAGE, PNG, TEXT, Block, View, anchor
from llmc_lib.reporting.figures.media import Pixels, Vectors, without_empty_names
from llmc_lib.reporting.palette import INK, MUTED, RULE, VARIABLES

WIDTH = 7.4  # inches at 96 dots: the width of the page's column
NARROW = 3.8  # of a phone's
_STYLE = {
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's own font
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.bottom": False,
    "ytick.left": False,
}


@contextmanager
def _styled(more: dict[str, Any] | None = None) -> Iterator[None]:
    """matplotlib's settings for our figures. A name in a script that its font has not is no news: on the page it is text."""
    with mpl.rc_context({**_STYLE, **(more or {})}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        yield


def style() -> AbstractContextManager[None]:
    """The settings of matplotlib that figures are drawn with, for what is added to a `canvas` by others."""
    return _styled()


class Plot(Figure):
    """A figure that a notebook shows as a picture, whether or not matplotlib's own support for notebooks is loaded."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return png(self)


class Picture(Block):
    """A figure without finding and caption; `alt` says in words what it shows, `text` what a terminal shows."""

    def __init__(self, markup: str, figure: Figure, alt: str, text: str) -> None:
        super().__init__(markup, text=text)
        self.alt, self._figure = alt, figure

    @property
    def figure(self) -> Figure:
        """The matplotlib figure, in the layout for a wide window."""
        return self._figure

    def views(self) -> list[View]:
        """What a notebook shows: a PNG, with its size and its alternative text where programs look for them."""
        data, size = png(self._figure)
        content = {PNG: base64.b64encode(data).decode(), TEXT: self.text, PAGE: self.markup}
        return [(content, {PNG: {**size, "alt": self.alt}, "vscode_altText": self.alt})]


class FigureBlock(Block):
    """A figure with its finding as title (`title`, which is its sentence), its caption and its alternative text (`alt`)."""

    def __init__(
        self,
        markup: str,
        figure: Figure,
        title: str,
        caption: str,
        alt: str,
        *,
        name: str = "",
        data: pd.DataFrame | None = None,
    ) -> None:
        numbers = [alt.removeprefix(f"{title}.").strip(), "" if data is None else _listed(data)]
        shown = (
            Block(f'<p class="finding">{html.escape(title)}</p>'),
            Picture("", figure, alt, "\n".join(filter(None, numbers))),
            Block(f'<p class="note">{html.escape(caption)}</p>'),
        )
        super().__init__(markup, name=name, sentence=title, data=data, shown=shown)
        self.title, self.alt, self._figure = title, alt, figure

    @property
    def figure(self) -> Figure:
        """The matplotlib figure, in the layout for a wide window."""
        return self._figure


def figure_block(
    name: str, figure: Figure, title: str, caption: str, alt: str, data: pd.DataFrame | None = None
) -> FigureBlock:
    """A figure for page and notebook.

    Parameters: `name`, its anchor; `title`, its finding; `alt`, what it shows, for who does not see it; `data`, the numbers
    that it draws, a row a mark: rates as fractions, lengths in tokens.
    """
    markup = (
        f'<figure id="figure-{name}"><p class="finding">{html.escape(unbroken(title))}'
        f"{anchor(f'figure-{name}', 'figure')}</p>"
        f'<div role="img" class="plot" aria-label="{html.escape(alt, quote=True)}">{svg(figure, name)}</div>'
        f"<figcaption>{html.escape(unbroken(caption))}</figcaption></figure>"
    )
    return FigureBlock(markup, figure, title, caption, alt, name=f"figure-{name}", data=data)


#: Rows of a figure's numbers that a terminal shows.
_ROWS = 24


def _listed(data: pd.DataFrame) -> str:
    shown = tabulate(data.head(_ROWS).to_dict("list"), headers="keys", floatfmt=".4g")
    more = len(data) - _ROWS
    return f"{shown}\n… {more:,} more" if more > 0 else shown


#: Pixels of a PNG for each of 96 an inch: sharp on screens of twice the density.
_SHARP = 2


def png(figure: Figure) -> tuple[bytes, dict[str, Any]]:
    """The figure as a PNG of twice the size at which it is shown, and that size as a notebook's metadata.

    On white, which is right in a light and in a dark notebook; its few colours as a palette, a third of the bytes.
    """
    dpi = 96 * _SHARP
    with _styled(), _laid_out(figure, Pixels, dpi) as medium:
        figure.savefig(
            io.BytesIO(), format="raw", dpi=dpi, facecolor="white", bbox_inches=figure.get_tightbbox().padded(0.1),
        )  # fmt: skip
    picture, data = _few_colours(np.asarray(medium.renderer.buffer_rgba())), io.BytesIO()
    picture.save(data, "PNG", compress_level=8, dpi=(dpi, dpi))
    width, height = (side // _SHARP for side in picture.size)
    return data.getvalue(), {"width": width, "height": height}


def _few_colours(pixels: np.ndarray) -> Image.Image:
    """The pixels (height × width × red, green, blue and another) as a picture with a palette: white, and 127 colours of all that is
    drawn on it, which are sought for among a small part of the pixels."""
    colours = pixels.view("<u4")[..., 0] & 0xFFFFFF  # each a number: red is the lowest byte
    drawn = colours != 0xFFFFFF
    drawn[0, 0] |= not drawn.any()  # of an empty picture too there is one
    found = Image.fromarray(colours[drawn].view("u1").reshape(1, -1, 4)[..., :3]).quantize(127)
    places = np.zeros(drawn.shape, np.uint8)
    places[drawn] = np.asarray(found)[0] + 1
    picture = Image.fromarray(places)
    picture.putpalette([255, 255, 255, *(found.getpalette() or [])])
    return picture


_Medium = TypeVar("_Medium", Pixels, Vectors)


@contextmanager
def _laid_out(figure: Figure, medium: type[_Medium], dpi: float) -> Iterator[_Medium]:
    """The figure as its layout has it on such a canvas, to be saved: `savefig` alone draws all of it once more, unseen, for that."""
    given, layout = (figure.canvas, figure.dpi), figure.get_layout_engine()
    try:
        with without_empty_names(figure):
            canvas = medium(figure)
            figure.set_dpi(dpi)
            if layout is not None:
                layout.execute(figure)
            figure.set_dpi(dpi)  # measuring has set that of SVG
            figure.set_layout_engine(None)
            yield canvas
    finally:
        figure.set_canvas(given[0])
        figure.set_dpi(given[1])
        figure.set_layout_engine(layout)


def canvas(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty plot of `height` by `width` inches."""
    with _styled():
        figure = Plot(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def grid(
    rows: int, columns: int, height: float, *, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Empty plots side by side, row by row; `height` of all together in inches."""
    with _styled():
        figure = Plot(figsize=(WIDTH, height), layout="constrained")
        plots = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
        return figure, list(plots.flat)


def whole_numbers(axis: Axis, most: int = 5) -> None:
    """Mark an axis of counts at whole numbers, with thousands separators; at most so many intervals."""
    axis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


#: The height of a panel among others above each other, in that of one beside others.
_STACKED = 0.8
#: Of a figure's width, what names of rows may take; and lines of such a name.
_NAMES, _LINES = 0.42, 4


def svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: unique ids, the page's font and colours, no fixed size.

    It is drawn twice, the page shows one: on a phone the same figure on a narrow canvas, so that its text keeps
    a size that can be read. `figure` stays as it is, but that "$" in its texts is no mathematics.
    """
    _plain_names(figure)
    figure = deepcopy(figure)  # what is drawn for a phone has another layout then
    Pixels(figure)
    _fold_names(figure)
    wide = _drawn(figure, name, "wide")
    width, height = figure.get_size_inches()
    places = [place for axes in figure.axes if (place := axes.get_subplotspec())]
    panels = max((place.get_gridspec().ncols for place in places), default=1)
    if width <= NARROW or len(places) > panels > 2:  # a table of panels scrolls sideways on a phone
        return wide
    if panels > 2:  # side by side they would be too narrow to read: one above the other
        cells = GridSpec(len(places), 1, figure=figure)
        for row, axes in enumerate(figure.axes):
            axes.set_subplotspec(cells[row])
        height *= _STACKED * panels
    figure.set_size_inches(NARROW, height)
    _squeeze(figure)
    return wide + _drawn(figure, name, "narrow")


def one_svg(figure: Figure, name: str) -> str:
    """`svg` for where there is no phone: drawn once, in a third of the time."""
    _plain_names(figure)
    _fold_names(figure)
    return _drawn(figure, name, "wide")


def _plain_names(figure: Figure) -> None:
    """Names are of a file: "$" in them is no mathematics."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def _squeeze(figure: Figure) -> None:
    """Make room on the narrow canvas: what is written along an axis is broken into lines where it is longer than
    its panel, so are long names of rows, and a name below a panel may begin left of it."""
    _fold_names(figure)
    with _styled(), without_empty_names(figure):
        layout = figure.get_layout_engine()
        assert layout is not None
        places: list[list[float]] = []
        for _ in range(3):  # text beside a panel moves as the panel shrinks to make room for it
            layout.execute(figure)
            before, places = places, [list(axes.get_position().extents) for axes in figure.axes]
            if places == before:
                break
        for axes in figure.axes:
            room = axes.get_window_extent().width
            for place in ("title", "_left_title", "_right_title"):  # two have no public name
                _fold(getattr(axes, place), room)
            label = axes.xaxis.label
            if label.get_window_extent().width > room and axes.get_position().x1 > 0.75:
                label.set(x=1, ha="right")
                _fold(label, 0.97 * axes.get_window_extent().x1)  # what is left of the panel's end
            end = -1.0
            for name in axes.get_xticklabels():  # two that would touch: the first one stays
                found = name.get_window_extent()
                if found.x0 < end + 2 and name.get_text():
                    name.set_visible(False)
                elif name.get_text():
                    end = found.x1


def _fold_names(figure: Figure) -> None:
    """Break names of rows into lines that leave most of the width to the plot: those of a file may be of any length. The table
    of the figure has all of a name that is longer than a few lines."""
    given, room = figure.canvas, _NAMES * figure.get_window_extent().width
    # Without it a text that was drawn as SVG measures itself in points.
    renderer = Pixels(figure).get_renderer()
    figure.set_canvas(given)
    with _styled():
        for axes in figure.axes:
            names = axes.get_yticklabels()
            widest = max((name.get_window_extent(renderer).width for name in names), default=0.0)
            if widest <= room:
                continue
            written = [name.get_text() for name in names]
            longest = max(len(line) for name in written for line in name.splitlines())
            most = max(8, int(longest * room / widest))
            folded = [
                textwrap.fill(
                    name.replace("/\n", "/").replace("/", "/ "),
                    most,
                    max_lines=_LINES,
                    placeholder=" …",
                )
                for name in written
            ]
            axes.set_yticks(axes.get_yticks(), [name.replace("/ ", "/") for name in folded])


def _fold(text: Text, room: float) -> None:
    """Break a text into lines no wider than `room`, in pixels."""
    width = text.get_window_extent().width
    if width > room:
        written = text.get_text()
        text.set_text(textwrap.fill(written, max(8, int(len(written) * room / width))))


def _drawn(figure: Figure, name: str, kind: str) -> str:
    buffer = io.StringIO()
    with _styled({"svg.hashsalt": name}), _laid_out(figure, Vectors, figure.dpi):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Two figures in one page must not share ids (clip paths, markers).
    prefix = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable}, {colour})")
    width, _ = (float(x) for x in re.findall(r'(?:width|height)="([\d.]+)pt"', text)[:2])
    return re.sub(r'width="[\d.]+pt"|height="[\d.]+pt"', "", text, count=2).replace(
        "<svg",
        f'<svg class="{kind}" aria-hidden="true" style="max-width:{width * 96 / 72:.0f}px"',
        1,
    )
