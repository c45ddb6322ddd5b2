"""The building blocks: escaped, aligned, and with downloads that hold the data."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from llmc_lib.reporting.elements import Block, paragraph, table_block
from llmc_lib.reporting.figures.drawing import canvas, figure_block

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


def test_no_line_of_a_text_ends_within_a_p_value() -> None:
    text = "+3 points, 95% interval −1 to +7 (p < 0.001)"
    kept = "+3\u00a0points, 95% interval −1\u00a0to\u00a0+7 (p\u00a0&lt;\u00a00.001)"
    assert paragraph(text).markup == f"<p>{kept}</p>"
    figure = figure_block("x", canvas(2)[0], text, text, text)
    assert figure.markup.count(kept) == 2  # title and caption
    assert text.replace("<", "&lt;") in figure.markup  # the alternative text is no layout
    assert kept in table_block("x", pd.DataFrame({"a": ["1"]}), text).markup
