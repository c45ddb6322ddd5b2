"""Where mathematics is in a text: $…$, $$…$$, \\(…\\), \\[…\\] and displayed environments."""

from __future__ import annotations

import re

_ENVIRONMENTS = "align|aligned|equation|gather|gathered|multline|eqnarray|split"
# The bounds keep a text of nothing but opening brackets from costing its length squared.
_SPAN = re.compile(
    r"(?P<display>\$\$.{1,4000}?\$\$|\\\[.{1,4000}?\\\]"
    rf"|\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}.{{1,4000}}?\\end\{{(?P=name)\}})"
    r"|(?P<inline>\\\(.{1,2000}?\\\)|(?<![\\$\w])\$(?!\s)[^$\n]{1,2000}?(?<![\s\\])\$(?![\d$]))",
    re.DOTALL,
)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


def spans(text: str) -> list[tuple[int, int, bool]]:
    """The mathematics of a text, marks included: (start, end, displayed?), in order, none overlapping."""
    return [(m.start(), m.end(), m["display"] is not None) for m in _SPAN.finditer(text)]


def undivided(text: str) -> list[tuple[int, int]]:
    """Where no paragraph and no step ends: (start, end) of mathematics and of blocks of code, by their start. They may
    overlap: mathematics in code."""
    return sorted([(a, b) for a, b, _ in spans(text)] + [m.span() for m in _CODE.finditer(text)])
