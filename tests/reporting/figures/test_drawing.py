"""How figures are drawn: for wide and narrow windows, names as they are."""

from __future__ import annotations

import re
from copy import deepcopy
from xml.etree import ElementTree

import pytest

from llmc_lib.reporting.figures.drawing import NARROW, WIDTH, canvas, figure_block, grid, png, svg


def _drawn(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<div xmlns:xlink='x'>{text}</div>"))


def _width(drawn: ElementTree.Element) -> float:
    return float(drawn.attrib["viewBox"].split()[2]) / 72


def _height(drawn: ElementTree.Element) -> float:
    return float(drawn.attrib["viewBox"].split()[3]) / 72


def _left(drawn: ElementTree.Element) -> list[str]:
    """Where each panel begins: what is drawn first of one is its background."""
    panels = [part for part in drawn.iter() if re.search(r"-axes_\d$", part.get("id", ""))]
    return [panel[0][0].attrib["d"].split()[1] for panel in panels]


@pytest.mark.slow
def test_a_figure_is_drawn_for_a_desk_and_for_a_phone() -> None:
    figure, axes = canvas(2)
    axes.plot([0, 1], [0, 1])
    wide, narrow = _drawn(svg(figure, "a"))
    assert (wide.attrib["class"], narrow.attrib["class"]) == ("wide", "narrow")
    assert _width(wide) == pytest.approx(WIDTH)
    assert _width(narrow) == pytest.approx(NARROW)
    ids = re.findall(r'\bid="([^"]+)"', ElementTree.tostring(wide).decode())
    assert not set(ids) & set(re.findall(r'\bid="([^"]+)"', ElementTree.tostring(narrow).decode()))


@pytest.mark.slow
def test_three_panels_are_one_above_the_other_on_a_phone() -> None:
    figure, _ = grid(1, 3, 2)
    wide, narrow = _drawn(svg(figure, "b"))
    assert _height(narrow) > 2 * _height(wide)
    assert (len(_left(narrow)), len(set(_left(narrow))), len(set(_left(wide)))) == (3, 1, 3)


@pytest.mark.slow
def test_a_table_of_panels_is_drawn_once() -> None:
    figure, _ = grid(2, 3, 4)
    assert len(_drawn(svg(figure, "b"))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_names_of_rows_of_any_length_leave_room_for_the_plot() -> None:
    figure, axes = canvas(3)
    axes.plot([0, 1], [0, 2])
    axes.set_yticks([0, 1, 2], ["short", "x" * 300, "a name in words " * 20])
    for one in _drawn(svg(figure, "d")):
        written = [t.text for t in one.iter("{http://www.w3.org/2000/svg}text")]
        assert "short" in written
        assert max(len(str(text)) for text in written) < 80


@pytest.mark.slow
def test_a_long_name_of_an_axis_is_folded_on_a_phone_alone() -> None:
    figure, axes = canvas(2)
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel("What the axis shows, in words " * 3)
    wide, narrow = _drawn(svg(figure, "c"))
    parts = [
        [t.text for t in one.iter("{http://www.w3.org/2000/svg}text") if "axis" in str(t.text)]
        for one in (wide, narrow)
    ]
    assert len(parts[0]) == 1
    assert len(parts[1]) > 1


@pytest.mark.slow
def test_long_names_of_rows_are_folded_on_a_phone_alone() -> None:
    figure, axes = canvas(2)
    axes.set_yticks([0, 1], ["Humanities/Social Science of all kinds (18)", "Other"])
    wide, narrow = (
        [t.text for t in one.iter("{http://www.w3.org/2000/svg}text")]
        for one in _drawn(svg(figure, "e"))
    )
    assert "Humanities/Social Science of all kinds (18)" in wide
    assert "Other" in wide
    assert "Other" in narrow
    assert not any("Humanities/Social Science of all" in str(text) for text in narrow)
    assert any(str(text).startswith("Humanities/") for text in narrow)


@pytest.mark.slow
@pytest.mark.parametrize("name", [r"$\frac{1}{$", "costs $5 or $6", "<b>&amp;</b>", "a\x00b"])
def test_a_name_is_no_mathematics_and_no_markup(name: str) -> None:
    figure, axes = canvas(2)
    axes.set_yticks([0], [name])
    axes.annotate(name, (0, 0))
    block = figure_block("d", deepcopy(figure), name, name, name)
    assert png(block.figure)[0].startswith(b"\x89PNG")
    assert block.title == name
    text = svg(figure, "d")
    if "\x00" not in name:  # XML has no null; HTML's parser drops it
        texts = [t.text for t in _drawn(text)[0].iter("{http://www.w3.org/2000/svg}text")]
        assert texts.count(name) == 2
    assert "<b>" not in text
