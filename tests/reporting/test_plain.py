"""The page's markup as notebooks show it: readable without style, without buttons, and never taken for TeX."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from llmc_lib.reporting.elements import table_block
from llmc_lib.reporting.plain import notebook_html, plain_text
from llmc_lib.reporting.text import text_to_html


def test_a_table_has_no_buttons_its_names_are_left_and_its_numbers_right() -> None:
    frame = pd.DataFrame(
        {"Model": ["base", "a<b"], "Correct, %": ["12", "−3"], "Verdict": ["", "no"]}
    )
    page = table_block("numbers", frame, "All & more.").markup
    soup = BeautifulSoup(notebook_html(page), "html.parser")
    assert soup.table
    assert soup.caption
    assert soup.caption.get_text().strip() == "All & more."
    assert not soup.select("button, a, svg, [class], [id]")
    for row in soup.select("tr"):
        cells = row.select("th, td")
        assert [cell["align"] for cell in cells] == ["left", "right", "left"]
        assert all(f"text-align: {cell['align']}" in str(cell["style"]) for cell in cells)
    assert [cell.get_text() for cell in soup.select("tbody th")] == ["base", "a<b"]


def test_what_is_of_the_page_alone_is_left_out() -> None:
    page = (
        '<p class="finding">Better<a class="anchor" href="#figure-x">#</a></p><p class="unfold"><input type="checkbox"/>'
        'All</p><p class="gap">2 steps</p><span class="keys">Arrow keys</span><svg><text>x</text></svg>'
    )
    assert plain_text(notebook_html(page)) == "Better"
    assert "<b>Better</b>" in notebook_html(page)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"Is $\frac{a}{b} < 2$?", r"Is $\frac{a}{b} &lt; 2$?"),
        (r"\[x^2\]", r"$$x^2$$"),
        ("costs $5 or $6", "costs <span>$</span>5 or <span>$</span>6"),
        (r"\begin{x} and \( a", r"<span>\</span>begin{x} and <span>\</span>( a"),
    ],
)
def test_mathematics_is_tex_and_nothing_else_is_taken_for_it(written: str, shown: str) -> None:
    assert notebook_html(text_to_html(written)) == shown


def test_tex_that_the_page_does_not_convert_is_code() -> None:
    found = notebook_html(text_to_html(r"$\href{javascript:alert(1)}{x}$"))
    assert found.startswith("<code>")
    assert "$" in found  # no program sets TeX within code


def test_hidden_characters_of_a_formula_are_shown() -> None:
    assert "\u202e" not in notebook_html(text_to_html("$a\u202eb$"))


def test_text_of_a_model_stays_text() -> None:
    found = notebook_html(
        f"<div class='text'>{text_to_html('<img src=x onerror=alert(1)> & more')}</div>"
    )
    assert not re.search(r"<img|<script", found)
    assert "&lt;img" in found


def test_columns_and_line_breaks_do_not_need_the_style() -> None:
    page = '<div class="columns"><div class="step" style="grid-row:2"><div class="text">a\nb</div></div></div>'
    found = notebook_html(page)
    assert "grid-template-columns" in found
    assert "white-space: pre-wrap" in found
    assert "grid-row" not in found


def test_a_terminal_shows_lines_and_leaves_out_what_is_folded() -> None:
    page = "<p>One.</p><details><summary>More</summary><p>Folded.</p></details><ul><li>a</li><li>b</li></ul>"
    assert plain_text(page) == "One.\nMore\na\nb"
