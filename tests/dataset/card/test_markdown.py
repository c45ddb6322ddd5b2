"""Texts that are data stay texts when Markdown is rendered."""

from __future__ import annotations

import html
import re
from pathlib import Path

import mistune
import pytest
from jinja2 import UndefinedError

from llmc_lib.dataset.card.markdown import Markdown, link, plain_text, render, some


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


def test_what_a_template_is_filled_with_is_no_markup(tmp_path: Path) -> None:
    (tmp_path / "x.md.j2").write_text("| {{ a }} | {{ n }} | {{ m }} | {{ names|some }} |")
    filled = {"a": "x|y\nz {{ n }}", "n": 1200, "m": Markdown("**b**"), "names": ["*", "b"]}
    text = render(tmp_path / "x.md.j2", **filled)
    assert text == r"| x\|y z \{\{ n \}\} | 1,200 | **b** | \*, b |"
    with pytest.raises(UndefinedError):
        render(tmp_path / "x.md.j2", a="x")


def test_only_a_web_address_becomes_a_link() -> None:
    assert link("a", "https://example.org/x") == "[a](https://example.org/x)"
    assert link("a", "javascript:alert(1)") == "a (javascript:alert(1))"
    assert link("a", "https://e.org/) <b>") == r"a (https://e.org/) \<b\>)"
    assert link("a", "") == "a"


def test_a_long_list_says_how_much_more_there_is() -> None:
    assert some("abc", 3) == "a, b, c"
    assert some("abcd", 3) == "a, b, c and 1 more"
