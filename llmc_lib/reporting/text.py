"""Text that a model or a benchmark wrote, as safe HTML: escaped, mathematics as MathML, offline."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring
from latex2mathml.converter import convert

from llmc_lib.language import tr

#: Characters of one text that the page shows; what is cut is said.
SHOWN = 20_000
# Longer expressions are shown as source: converting takes time that grows faster than their length.
_LONGEST_MATH = 600

# The bound keeps a text of nothing but opening brackets from costing its length squared.
_MATH = re.compile(
    r"\$\$(.{1,2000}?)\$\$|\\\[(.{1,2000}?)\\\]|\\\((.{1,2000}?)\\\)|(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<![\s\\])\$(?![\d$])",
    re.DOTALL,
)
# Controls, bidirectional overrides, zero-width characters and non-characters: each could hide or
# reorder text.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]"
)
# Lone halves of a surrogate pair cannot be written as UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")

_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_TAGS = set(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover "
    "mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none".split()
)
_ATTRIBUTES = set(
    "display displaystyle mathvariant stretchy fence separator form lspace rspace width height "
    "depth linethickness columnalign rowspacing columnspacing accent accentunder largeop "
    "movablelimits minsize maxsize symmetric notation scriptlevel".split()
)


def text_to_html(text: str, shown: int = SHOWN) -> str:
    """Escape a text and render its mathematics ($…$, $$…$$, \\(…\\), \\[…\\]).

    Beyond `shown` characters the text is cut, and the cut is said. Line breaks are kept by the
    style of the element that it is put into (white-space: pre-wrap).
    """
    cut = len(text) - shown
    text = _SURROGATE.sub("\ufffd", text[:shown]).replace("\r\n", "\n")
    parts, end = [], 0
    for match in _MATH.finditer(text):
        source = next(group for group in match.groups() if group is not None)
        parts.append(visible(text[end : match.start()]))
        parts.append(_math(source, match[0].startswith(("$$", "\\[")), match[0]))
        end = match.end()
    parts.append(visible(text[end:]))
    if cut > 0:
        said = tr("… ({n:,} more characters are not shown)", n=cut)
        parts.append(f'<span class="note"> {said}</span>')
    return "".join(parts)


def visible(text: str) -> str:
    """Escape a text, with the code of each character that could hide or reorder what is around it."""
    escaped = html.escape(text)
    return _INVISIBLE.sub(lambda m: f'<span class="invisible">U+{ord(m[0]):04X}</span>', escaped)


@lru_cache(maxsize=10_000)
def _math(source: str, display: bool, written: str) -> str:
    """One expression as MathML, or as its escaped source where it cannot be converted."""
    if len(source) <= _LONGEST_MATH and not _INVISIBLE.search(source):
        try:
            tree = fromstring(convert(source, display="block" if display else "inline"))
            if _is_plain(tree):
                tree.set("alttext", source)  # for readers without MathML, and for a notebook's TeX
                ElementTree.register_namespace("", _MATHML.strip("{}"))
                return ElementTree.tostring(tree, encoding="unicode")
        except Exception:  # noqa: S110 - whatever the converter stumbles over, the source is shown
            pass
    return f'<code class="tex">{visible(written)}</code>'


def _is_plain(tree: ElementTree.Element) -> bool:
    """Nothing but presentation: no link, no style, no handler, no foreign element, no stray
    backslash (a command that the converter does not know comes back as text)."""
    return all(
        element.tag.removeprefix(_MATHML) in _TAGS
        and set(element.attrib) <= _ATTRIBUTES
        and "\\" not in (element.text or "")
        for element in tree.iter()
    )
