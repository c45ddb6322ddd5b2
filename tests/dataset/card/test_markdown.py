"""Texts that are data stay texts when Markdown is rendered."""

from __future__ import annotations

import html
import re

import mistune
import pytest

from llmc_lib.dataset.card.markdown import link, plain_text, some, table


@pytest.mark.parametrize(
    "text",
    [
        "hard_math",
        "_x_ __y__",
        "a*b*c",
        "`c`",
        "<b>&amp;",
        "[a](b)",
        "![i](j)",
        "a|b",
        "\\(x\\)",
        "~~s~~",
    ],
)
def test_a_text_is_shown_as_it_is(text: str) -> None:
    render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
    page = render(f"x {plain_text(text)}")
    assert isinstance(page, str)
    assert html.unescape(re.sub("^<p>x |</p>\n$", "", page)) == text


def test_a_text_becomes_one_line_of_limited_length() -> None:
    assert plain_text(" a\n\nb\tc\u202e\x07 ") == "a b c"
    assert plain_text("x" * 400) == "x" * 299 + "…"


def test_a_name_within_a_word_keeps_its_underscore() -> None:
    assert plain_text("hard_math") == "hard_math"


def test_a_cell_does_not_end_at_a_bar_and_numbers_stand_right() -> None:
    assert table(["A", "B"], [["x|y\nz", 1200]]) == "| A | B |\n| --- | --: |\n| x\\|y z | 1,200 |"
    assert table(["A"], []) == "| A |\n| --- |"


def test_only_a_web_address_becomes_a_link() -> None:
    assert link("a", "https://example.org/x") == "[a](https://example.org/x)"
    assert link("a", "javascript:alert(1)") == "a (javascript:alert(1))"
    assert link("a", "https://e.org/) <b>") == r"a (https://e.org/) \<b\>)"
    assert link("a", "") == "a"


def test_a_long_list_says_how_much_more_there_is() -> None:
    assert some("abc", 3) == "a, b, c"
    assert some("abcd", 3) == "a, b, c and 1 more"
