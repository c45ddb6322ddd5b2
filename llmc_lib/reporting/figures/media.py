"""What figures are drawn on: matplotlib's canvases for SVG and for pixels, on which each text is measured once.

A layout measures all texts of a figure some ten times, on a page's figures with many of the same words. matplotlib keeps sizes for
a renderer, of which each layout and each picture has a new one; and looks into the font's tables for each text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

_Size = tuple[float, float, float]


class _Svg(RendererSVG):
    """Measures in points: 72 an inch are the dots of an SVG."""

    dpi = 72

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> _Size:
        return _in_svg(s, prop.copy(), ismath)

    def _get_font_height_metrics(self, prop: FontProperties) -> _Size | tuple[None, None, None]:
        return _heights(prop.copy(), self.dpi)


class _Agg(RendererAgg):
    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> _Size:
        return _in_pixels(s, prop.copy(), ismath, self.dpi)

    def _get_font_height_metrics(self, prop: FontProperties) -> _Size | tuple[None, None, None]:
        return _heights(prop.copy(), self.dpi)


@lru_cache(1 << 14)
def _in_svg(text: str, font: FontProperties, mathematics: Any) -> _Size:
    size: _Size = text_to_path.get_text_width_height_descent(text, font, mathematics)
    return size


@lru_cache(1 << 14)
def _in_pixels(text: str, font: FontProperties, mathematics: Any, dpi: float) -> _Size:
    size: _Size = RendererAgg(1, 1, dpi).get_text_width_height_descent(text, font, mathematics)
    return size


@lru_cache(256)
def _heights(font: FontProperties, dpi: float) -> _Size | tuple[None, None, None]:
    """Ascent, descent and the gap between lines, as `Text` asks of a renderer first; it looks further itself where there are none."""
    face = get_font(findfont(font))
    head, table = face.get_sfnt_table("head"), face.get_sfnt_table("OS/2")
    if head is None or table is None:
        return None, None, None
    scale = 1 / head["unitsPerEm"] * font.get_size_in_points() * dpi / 72
    return (
        table["sTypoAscender"] * scale,
        -table["sTypoDescender"] * scale,
        table["sTypoLineGap"] * scale,
    )


class Vectors(FigureCanvasSVG):
    """For SVG."""

    def get_renderer(self) -> RendererSVG:
        """One to measure with."""
        self.figure.set_dpi(_Svg.dpi)
        return _Svg(1, 1, io.StringIO())

    def print_svg(self, filename: IO[str], *, metadata: Any = None, **_: Any) -> None:  # type: ignore[override]
        """What `savefig` calls: in vectors all of it."""
        self.figure.set_dpi(_Svg.dpi)
        width, height = self.figure.get_size_inches() * _Svg.dpi
        renderer = _Svg(width, height, filename, metadata=metadata)
        self.figure.draw(renderer)
        renderer.finalize()


class Pixels(FigureCanvasAgg):
    """For a picture."""

    renderer: RendererAgg
    _size: tuple[float, ...] = ()

    def get_renderer(self) -> RendererAgg:
        """One to draw with, the same one as long as the picture has this size."""
        size = (*self.get_width_height(physical=True), self.figure.dpi)
        if size != self._size:
            self.renderer, self._size = _Agg(*size), size
        return self.renderer


@contextmanager
def without_empty_names(figure: Figure) -> Iterator[None]:
    """No place is sought for the name of an axis without one: all its ticks are measured for that in each layout and drawing."""
    axes: list[Any] = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    unnamed = [axis for axis in axes if axis._autolabelpos and not axis.get_label_text()]
    for axis in unnamed:
        axis._autolabelpos = False
    try:
        yield
    finally:
        for axis in unnamed:
            axis._autolabelpos = True
