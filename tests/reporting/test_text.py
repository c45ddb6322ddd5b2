"""What a model wrote is data: escaped, well formed, and quick whatever it is."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmc_lib.reporting.text import SHOWN, text_to_html

MATHML = "{http://www.w3.org/1998/Math/MathML}"
ALLOWED = {"div", "span", "code"}


def _tree(text: str) -> ElementTree.Element:
    """The page's part for a text; it must be well-formed XML and hold harmless elements alone."""
    tree = ElementTree.fromstring(f"<div>{text_to_html(text)}</div>")
    for element in tree.iter():
        assert element.tag in ALLOWED or element.tag.startswith(MATHML)
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert name not in ("href", "src", "style", "id")
            assert "javascript" not in value.lower()
    return tree


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</div></body><svg onload=alert(1)>",
    "\" onmouseover='alert(1)",
    "&lt;script&gt; &amp; &#60; &nbsp;",
    "$\\href{javascript:alert(1)}{x}$",
    "$$\\href{javascript:alert(1)}{x^2}$$",
    "\\(\\url{javascript:alert(1)}\\)",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{</math><script>alert(1)</script>}$",
    "$\\style{color:red}{x}$ $\\class{a}{x}$ $\\cssId{b}{x}$",
    "$\\mathrm{<img src=x onerror=alert(1)>}$",
    '$\\color{red" onload="x}{y}$',
    "$x < y & z > w$",
    "$]]>$ <![CDATA[ x ]]> <!-- y -->",
    "$\\frac{1}{$",
    "$\\begin{matrix} 1 & 2 \\\\ 3$",
    "$\\unknown{x}$",
    "$\\left( x$",
    "${{{{{{{{{{x}}}}}}}}}}$",
    "$" + "{" * 290 + "x" + "}" * 290 + "$",
    "$" + "\\frac{1}{" * 60 + "x" + "}" * 60 + "$",
    "$" + "x^" * 250 + "x$",
    "$" + "x_{" * 190 + "}" * 190 + "$",
    "$x\x00y$ \x00\x01\x1b[31m",
    "safe \u202etxt.exe\u202c and \u2066x\u2069 \u200b\ufeff",
    "lone \ud800 and \udfff, also $x\ud800$",
    "\ufffe \uffff $\ufffe$",
    "$\\def\\x{\\x\\x}\\x$",
    "$\\input{/etc/passwd}$ <?xml version='1.0'?> <!DOCTYPE x [<!ENTITY e 'x'>]> &e;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_harmless(text: str) -> None:
    start = time.process_time()
    _tree(text)
    assert time.process_time() - start < 5
    assert "<script" not in text_to_html(text)


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=[])))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_well_formed(text: str) -> None:
    text_to_html(text).encode()
    _tree(text)


@pytest.mark.slow
@given(st.text("$\\{}[]()^_&<>\"'abfrcstx12 \n%#", max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_formula_is_well_formed(text: str) -> None:
    _tree(f"${text}$")
    _tree(f"\\[{text}\\]")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "$" * 1_000_000,
        "$x" * 500_000,
        "$x$ " * 250_000,
        "\\(" * 500_000,
        "\\[" * 500_000,
        "$$x" * 300_000,
        "<" * 1_000_000,
        "\u202e" * 1_000_000,
        "$ x" * 300_000,
        "$" + "x" * 999_998 + "$",
    ],
    ids=lambda text: f"{text[:4]!a}",
)
def test_a_million_characters_are_quick_and_cut(text: str) -> None:
    start = time.process_time()  # not by the clock, which other work on the machine makes run
    page = text_to_html(text)
    assert time.process_time() - start < 2
    assert f"({len(text) - SHOWN:,} more characters are not shown)" in page
    ElementTree.fromstring(f"<div>{page}</div>")


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("so $\\frac{1}{2}$ it is", "mfrac"),
        ("$$\\sum_{n=1}^\\infty x^n$$", "math"),
        ("\\[ \\sqrt{2} \\]", "msqrt"),
        ("\\(x^2\\)", "msup"),
        ("$H_2O$", "msub"),
        ("$\\begin{pmatrix}1 & 2\\\\3 & 4\\end{pmatrix}$", "mtable"),
        ("$\\{1, 2, \\ldots, 10\\}$", "math"),
    ],
)
def test_mathematics_becomes_mathml(text: str, element: str) -> None:
    tree = _tree(text)
    assert tree.find(f".//{MATHML}{element}") is not None
    assert not tree.findall(".//code")


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "from $5 to $10, at most $20",
        "US$5 or A$6",
        "a price of \\$5 and \\$6",
        "$ x $ stays",
        "5$ and 6$",
        "one $ alone",
    ],
)
def test_money_stays_text(text: str) -> None:
    tree = _tree(text)
    assert "".join(tree.itertext()) == text
    assert len(tree) == 0


def test_what_cannot_be_converted_is_shown_as_written() -> None:
    code = _tree("so $\\unknowncommand{x}$").find("code")
    assert code is not None
    assert code.text == "$\\unknowncommand{x}$"


def test_display_mathematics_is_a_block() -> None:
    assert 'display="block"' in text_to_html("$$x$$")
    assert 'display="inline"' in text_to_html("$x$")


def test_invisible_characters_are_named() -> None:
    assert "U+202E" in text_to_html("a\u202eb")
    assert "U+0000" in text_to_html("\x00")


def test_line_breaks_are_kept_and_a_short_text_is_whole() -> None:
    assert text_to_html("a\r\nb\nc") == "a\nb\nc"
    assert "not shown" not in text_to_html("a" * SHOWN)
    assert "(3 more characters" in text_to_html("abcdef", 3)
