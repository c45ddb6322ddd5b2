"""The building blocks: escaped, aligned, and with downloads that hold the data."""

from __future__ import annotations

import base64
import io
import pydoc
import re
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image

from llmc_lib.reporting.elements import (
    HTML,
    NOTHING,
    PAGE,
    PNG,
    TEXT,
    Block,
    folded,
    paragraph,
    table_block,
)
from llmc_lib.reporting.figures.drawing import WIDTH, FigureBlock, Plot, canvas, figure_block

FRAME = pd.DataFrame(
    {
        "Model": ["base", "<b>tuned</b>"],
        "Correct, %": ["12", "−15.5"],
        "p": ["< 0.001", "0.03"],
        "Empty": ["", "–"],
        "Verdict": ["better", "3 of them are not"],
    }
)


def _downloaded(block: Block) -> pd.DataFrame:
    found = re.search(r'download="(\S+)\.csv" href="data:text/csv;base64,([^"]+)"', block.markup)
    assert found
    assert found[1] == "numbers"
    return pd.read_csv(io.BytesIO(base64.b64decode(found[2])), keep_default_na=False)


def test_numbers_are_aligned_and_words_are_not() -> None:
    tree = ElementTree.fromstring(table_block("numbers", FRAME, "All.").markup)
    heads = tree.findall(".//thead//th")
    assert [head.get("class") for head in heads] == [None, "number", "number", "number", None]
    for row in tree.findall(".//tbody/tr"):
        assert [cell.get("class") for cell in row] == [None, "number", "number", "number", None]
        assert row[0].tag == "th"
        assert row[0].get("scope") == "row"


def test_cells_and_caption_are_escaped() -> None:
    markup = table_block("numbers", FRAME, "<i>All</i> & more.").markup
    assert "<b>" not in markup
    assert "&lt;i&gt;All&lt;/i&gt; &amp; more." in markup


def test_the_download_holds_the_cells() -> None:
    found = _downloaded(table_block("numbers", FRAME, "All."))
    assert found["Correct, %"].tolist() == ["12", "−15.5"]
    assert found["Model"].tolist() == FRAME["Model"].tolist()


def test_the_download_holds_the_data_where_it_is_more_exact() -> None:
    data = pd.DataFrame({"model": ["base", 'tu"ned, \n'], "accuracy": [0.123456, 0.2]})
    found = _downloaded(table_block("numbers", FRAME, "All.", data))
    pd.testing.assert_frame_equal(found, data)


def test_a_table_without_rows_is_a_table() -> None:
    tree = ElementTree.fromstring(table_block("numbers", FRAME.iloc[:0], "None.").markup)
    assert len(tree.findall(".//thead//th")) == 5
    assert not tree.findall(".//tbody/tr")


@pytest.mark.slow
def test_a_figure_says_what_it_shows() -> None:
    block = figure_block("a", canvas(2)[0], "1 < 2", "a & b", 'say "50%"')
    tree = ElementTree.fromstring(block.markup)
    assert tree.get("id") == "figure-a"
    picture = tree.find(".//div[@role='img']")
    assert picture is not None
    assert picture.get("aria-label") == 'say "50%"'
    assert [part.text for part in (tree[0], tree[-1])] == ["1 < 2", "a & b"]
    assert (block.title, block.alt) == ("1 < 2", 'say "50%"')


@pytest.mark.parametrize("css_class", ["", "note"])
def test_a_paragraph_is_escaped(css_class: str) -> None:
    tree = ElementTree.fromstring(paragraph("<b>1 & 2</b>", css_class).markup)
    assert tree.text == "<b>1 & 2</b>"
    assert tree.get("class", "") == css_class


def test_blocks_add_up_and_show_themselves() -> None:
    assert (Block("<p>a</p>") + Block("<p>b</p>")).markup == "<p>a</p><p>b</p>"


def test_no_cell_of_the_csv_is_a_formula() -> None:
    names = ['=HYPERLINK("x")', "+1|cmd", "-cmd", "@SUM(A1)", "\t=1", "a=b", "+1.5 to +2.0", "-3"]
    frame = pd.DataFrame({"=name": names, "value": range(8)})
    data = _downloaded(table_block("numbers", frame, ""))
    assert list(data.columns) == ["'=name", "value"]
    assert list(data["'=name"]) == [*(f"'{name}" for name in names[:5]), *names[5:]]
    assert list(data["value"]) == list(range(8))


@pytest.mark.slow
def test_no_line_of_a_text_ends_within_a_p_value() -> None:
    text = "+3 points, 95% interval −1 to +7 (p < 0.001)"
    kept = "+3\u00a0points, 95% interval −1\u00a0to\u00a0+7 (p\u00a0&lt;\u00a00.001)"
    assert paragraph(text).markup == f"<p>{kept}</p>"
    figure = figure_block("x", canvas(2)[0], text, text, text)
    assert figure.markup.count(kept) == 2  # title and caption
    assert text.replace("<", "&lt;") in figure.markup  # the alternative text is no layout
    assert kept in table_block("x", pd.DataFrame({"a": ["1"]}), text).markup


# ---- in a notebook ---------------------------------------------------------------------------


def _figure() -> FigureBlock:
    figure, axes = canvas(2)
    axes.plot([0, 1], [0, 1])
    data = pd.DataFrame({"model": ["base", "tuned"], "accuracy": [0.25, 0.5]})
    return figure_block(
        "rates", figure, "tuned is <better>", "What it shows.", "tuned is <better>. tuned 50%", data
    )


def _displayed(block: Block, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], Any]]:
    """What a notebook gets of a block that is the last line of a cell."""
    shown: list[tuple[dict[str, str], Any]] = []

    def display(data: dict[str, str], *, metadata: Any, raw: bool) -> None:
        assert raw
        shown.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    block._ipython_display_()
    return shown


@pytest.mark.slow
def test_a_figure_is_one_picture_between_its_finding_and_its_caption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = _figure()
    shown = _displayed(block, monkeypatch)
    assert [sorted({HTML, PNG} & set(data)) for data, _ in shown] == [[HTML], [PNG], [HTML]]
    assert [data[PAGE] for data, _ in shown] == [block.markup, "", ""]  # the page has it once
    assert "<b>tuned is &lt;better&gt;</b>" in shown[0][0][HTML]
    assert "What it shows." in shown[2][0][HTML]
    picture = Image.open(io.BytesIO(base64.b64decode(shown[1][0][PNG])))
    facts = shown[1][1][PNG]
    assert picture.width // 2 == facts["width"]  # sharp where a pixel of CSS is two of the screen
    assert 600 < facts["width"] < 800
    assert facts["alt"] == "tuned is <better>. tuned 50%"
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)  # also in a dark notebook


@pytest.mark.slow
def test_a_figure_alone_is_a_bundle_of_a_picture_and_its_words() -> None:
    block = _figure()
    data, metadata = block._repr_mimebundle_()
    assert set(data) == {PAGE, PNG, TEXT}
    assert data[PAGE] == block.markup
    assert metadata[PNG]["width"] > 600
    for words in ("tuned is <better>", "What it shows.", "accuracy", "0.25"):
        assert words in data[TEXT]
    assert data[TEXT].count("tuned is <better>") == 1
    assert str(block) == repr(block) == data[TEXT]


def test_a_table_is_html_and_text_with_its_numbers_apart() -> None:
    block = table_block("numbers", FRAME, "All.")
    data, _ = block._repr_mimebundle_()
    assert "<button" not in data[HTML]
    assert "All." in data[TEXT]
    assert "tuned" in data[TEXT]
    assert block.data is not None
    assert block.data["Correct, %"].tolist() == [12, -15.5]
    assert block.data["p"].tolist() == ["< 0.001", "0.03"]  # not all of them are numbers
    exact = pd.DataFrame({"model": ["base"], "accuracy": [0.123456]})
    assert table_block("numbers", FRAME, "All.", exact).data is exact
    assert folded("More", block).data is block.data


@pytest.mark.slow
def test_blocks_keep_their_parts_and_find_them_by_name() -> None:
    block = paragraph("Some words.") + _figure() + table_block("numbers", FRAME, "All.")
    assert [type(part).__name__ for part in block.parts] == ["Block", "FigureBlock", "Block"]
    assert block.sentence == "Some words.\ntuned is <better>\nAll."
    assert block["table-numbers"].sentence == "All."
    assert block["figure-rates"].figure is block.figure is not None
    with pytest.raises(
        AttributeError,
        match=r"2 parts .* block\['figure-rates'\].data, block\['table-numbers'\].data",
    ):
        _ = block.data
    assert not hasattr(block, "data")
    with pytest.raises(KeyError, match="there are: figure-rates, table-numbers"):
        block["x"]
    html = block._repr_mimebundle_()[0][HTML]
    assert html.count("<img") == 1
    assert html.index("Some words.") < html.index("<img") < html.index("<table")


def test_nothing_adds_nothing_and_says_so_alone() -> None:
    words = paragraph("Some words.")
    assert NOTHING + words is words
    assert (
        NOTHING + NOTHING
    ).views() == NOTHING.views()  # by which the page leaves its heading out
    data, _ = NOTHING._repr_mimebundle_()
    assert data[PAGE] == ""
    assert "Nothing to show" in data[TEXT]
    assert NOTHING.data is None
    assert NOTHING.figure is None


@pytest.mark.slow
def test_the_figure_is_the_wide_one_and_can_be_changed() -> None:
    block = _figure()
    assert block.figure is not None
    assert block.figure.get_size_inches()[0] == pytest.approx(WIDTH)
    block.figure.axes[0].set_title("mine")
    assert isinstance(block.figure, Plot)
    png, facts = block.figure._repr_png_()  # as the last line of a cell
    assert png.startswith(b"\x89PNG")
    assert facts["width"] > 600


@pytest.mark.slow
def test_help_says_what_can_be_taken_from_a_block() -> None:
    text = pydoc.render_doc(_figure())
    for name in ("block.data", "block.figure", "block.sentence", "block.parts"):
        assert name in text


def test_what_would_hide_or_reorder_a_cell_is_shown_by_its_code() -> None:
    markup = table_block("numbers", pd.DataFrame({"id\0": ["a\u202eb"], "n": ["\x1b"]}), "").markup
    assert re.findall(r"U\+\w+", markup) == ["U+0000", "U+202E", "U+001B"]
