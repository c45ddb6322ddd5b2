"""The page's markup for places without the page's style: notebooks in JupyterLab, editors, code-hosting sites.

What these places keep of HTML decides the form. JupyterLab shows the outputs of a notebook that is not trusted through a
sanitiser (jupyterlab/packages/apputils/src/sanitizer.ts): no `svg`, `math`, `style` or script, but inline styles and tables.
Code-hosting sites take inline styles away too, so that a text has to be readable with none. JupyterLab and nbconvert set
TeX between dollars as mathematics, wherever it is in an output.
"""

from __future__ import annotations

import re
from functools import cache

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

#: Of the page alone: links into it, buttons, how it is used, what its style folds.
_LEFT_OUT = ".anchor, .tools, .keys, .link, .unfold, .gap, svg"
#: The first that fits an element.
_STYLES = {
    "table": "border-collapse: collapse",
    "caption": "caption-side: top; text-align: left; min-width: 42em; max-width: 60em; padding-bottom: 0.4em",
    ".note": "max-width: 58em; font-size: 90%; opacity: 0.8",
    ".finding": "max-width: 52em; margin-top: 1em",
    ".question, .trace, .text, .rationale, .comment, pre": "white-space: pre-wrap; overflow-wrap: anywhere",
    ".columns": "display: grid; grid-template-columns: 1fr 1fr; column-gap: 2em",
    ".common": "opacity: 0.7",
    ".claim, .leap": "text-decoration: underline",
    ".category, .grade": "opacity: 0.8",
    "details": "margin: 0.4em 0",
    "summary": "cursor: pointer",
    "p, ul": "max-width: 52em",
}
#: Characters of a row's name that is not broken into lines.
_SHORT = 28
_BOLD = ".finding, .outcome, .here, .sign"
_BLOCKS = "p li tr div h3 h4 caption summary dt dd pre figcaption".split()


def notebook_html(markup: str) -> str:
    """The page's markup as a notebook shows it: no buttons and no links into the page, rows' names on the left, numbers
    on the right, mathematics as TeX, and inline styles where something cannot be read without."""
    soup = BeautifulSoup(markup, "html.parser")
    for tag in _tags(soup):
        if not tag.decomposed and _fits(tag, _LEFT_OUT):
            tag.decompose()
    for text in soup.find_all(string=re.compile(r"[$\\]")):
        _escape(text)
    for formula in [tag for tag in _tags(soup) if tag.name == "math"]:
        dollars = "$$" if formula.get("display") == "block" else "$"
        formula.replace_with(f"{dollars}{formula.get('alttext', formula.get_text())}{dollars}")
    for tag in [t for t in _tags(soup) if t.name == "button" or _is_child(t, "caption", "div")]:
        tag.unwrap()
    for tag in _tags(soup):
        _style(tag)
        if _fits(tag, _BOLD):
            _wrap(soup, tag, "b")
        for attribute in ("class", "id", "role", "aria-label", "tabindex"):
            tag.attrs.pop(attribute, None)
    return soup.decode(formatter="minimal")


def _style(tag: Tag) -> None:
    if str(tag.get("style", "")).startswith("grid-row"):
        del tag["style"]
    if tag.name in ("th", "td"):
        # The attribute where styles are taken away, the style where a sheet says otherwise.
        side = "right" if "number" in tag.get_attribute_list("class") else "left"
        place = "bottom" if tag.find_parent("thead") else "top"
        tag.attrs |= {"align": side, "style": f"text-align: {side}; vertical-align: {place}"}
        if tag.name == "th" and place == "top" and len(tag.get_text()) <= _SHORT:
            tag["nowrap"] = "nowrap"
    if "style" not in tag.attrs:
        style = next((style for kinds, style in _STYLES.items() if _fits(tag, kinds)), None)
        if style:
            tag["style"] = style


def plain_text(html: str) -> str:
    """What a terminal shows of a notebook's HTML: a line a paragraph, cells apart by tabs; what is folded is left out."""
    soup = BeautifulSoup(html, "html.parser")
    for summary in [tag for tag in _tags(soup) if _is_child(tag, "details", "summary")]:
        for other in list(summary.next_siblings):
            other.extract()
    for tag in _tags(soup):
        if tag.name in _BLOCKS:
            tag.append("\n")
        if tag.name == "td" or (tag.name == "th" and tag.find_previous_sibling()):
            tag.insert(0, "\t")
    lines = (line.strip(" ") for line in soup.get_text().splitlines())
    return "\n".join(line for line in lines if line.strip())


def _tags(soup: BeautifulSoup) -> list[Tag]:
    return [found for found in soup.descendants if isinstance(found, Tag)]


def _is_child(tag: Tag, parent: str, name: str) -> bool:
    return tag.name == name and tag.parent is not None and tag.parent.name == parent


def _fits(tag: Tag, kinds: str) -> bool:
    """Is it of one of the kinds, a name or a class with a point each? Selecting by CSS takes three times as long."""
    names, classes = _read(kinds)
    return tag.name in names or not classes.isdisjoint(tag.get_attribute_list("class"))


@cache
def _read(kinds: str) -> tuple[frozenset[str], frozenset[str]]:
    each = kinds.split(", ")
    classes = frozenset(kind[1:] for kind in each if kind.startswith("."))
    return frozenset(each) - {f".{name}" for name in classes}, classes


def _escape(text: NavigableString) -> None:
    """Keep signs of a text from being taken for TeX: one in an element of its own begins no formula."""
    if text.find_parent(["code", "pre", "math"]):
        return
    for piece in re.split(r"([$\\])", text):
        if piece in ("$", "\\"):
            sign = Tag(name="span")
            sign.string = piece
            text.insert_before(sign)
        elif piece:
            text.insert_before(NavigableString(piece))
    text.extract()


def _wrap(soup: BeautifulSoup, tag: Tag, name: str) -> None:
    """Put what is in an element into another one inside it."""
    inner = soup.new_tag(name)
    for child in list(tag.contents):
        inner.append(child)
    tag.append(inner)
