"""How a figure is drawn: an SVG with real text, in colours that follow the page's light or dark.

Marks come from `seaborn.objects` on these axes where a table of points, intervals, bands or bars is drawn; matplotlib alone
draws the forest plot (its first row is emphasised), the waterfall (hollow bars from anywhere), the next run's density (hatched),
single lines, and the trainings' panels, each with notes and scales of its own: with seaborn these would be longer.
"""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from contextlib import AbstractContextManager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

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


def canvas(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty plot of `height` by `width` inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def grid(
    rows: int, columns: int, height: float, *, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Empty plots side by side, row by row; `height` of all together in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        plots = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
        return figure, list(plots.flat)


def whole_numbers(axis: Axis, most: int = 5) -> None:
    """Mark an axis of counts at whole numbers, with thousands separators; at most so many intervals."""
    axis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


#: The height of a panel among others above each other, in that of one beside others.
_STACKED = 0.8


def svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: unique ids, the page's font and colours, no fixed size.

    It is drawn twice, the page shows one: on a phone the same figure on a narrow canvas, so that its text keeps
    a size that can be read.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names are of a file: "$" in them is no mathematics
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


def style() -> AbstractContextManager[None]:
    """The settings of matplotlib that figures are drawn with, for what is added to a `canvas` by others."""
    return mpl.rc_context(_STYLE)


def one_svg(figure: Figure, name: str) -> str:
    """The same for where there is no phone: drawn once, in a third of the time."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return _drawn(figure, name, "wide")


def _squeeze(figure: Figure) -> None:
    """Make room on the narrow canvas: what is written along an axis is broken into lines where it is longer than
    its panel, so are long names of rows, and a name below a panel may begin left of it."""
    with mpl.rc_context(_STYLE):
        for axes in figure.axes:
            _fold_names(axes, 0.3 * figure.get_window_extent().width)
        layout = figure.get_layout_engine()
        assert layout is not None
        for _ in range(3):  # text beside a panel moves as the panel shrinks to make room for it
            layout.execute(figure)
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


def _fold_names(axes: Axes, room: float) -> None:
    """Break the names of an axis' rows into lines of about `room`, in pixels: they leave less to the plot."""
    names = axes.get_yticklabels()
    widest = max((name.get_window_extent().width for name in names), default=0.0)
    if widest <= room:
        return
    most = int(max(len(name.get_text()) for name in names) * room / widest)
    folded = [textwrap.fill(name.get_text().replace("/", "/ "), max(8, most)) for name in names]
    axes.set_yticks(axes.get_yticks(), [name.replace("/ ", "/") for name in folded])


def _fold(text: Text, room: float) -> None:
    """Break a text into lines no wider than `room`, in pixels."""
    width = text.get_window_extent().width
    if width > room:
        written = text.get_text()
        text.set_text(textwrap.fill(written, max(8, int(len(written) * room / width))))


def _drawn(figure: Figure, name: str, kind: str) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
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
