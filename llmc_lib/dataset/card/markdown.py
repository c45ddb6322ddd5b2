"""Markdown from texts that are data: what a source or a params file calls itself is never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable

LISTED = 10  # names that a list shows before it says how many more there are


class Markdown(str):
    """Text that is Markdown already."""


def plain_text(value: object, limit: int = 300) -> str:
    """A value as one line that Markdown shows as it is, also in a table."""
    text = "".join(c for c in " ".join(str(value).split()) if c.isprintable())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    # An underscore within a word is none of Markdown's.
    return re.sub(r"[\\`*{}\[\]<>|#~$&]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def table(head: list[str], rows: Iterable[list[object]]) -> str:
    """A Markdown table, of columns of one kind each. Texts are escaped, numbers get separators and stand to the right."""
    body = [[_cell(value) for value in row] for row in rows]
    first = next(iter(body), [""] * len(head))
    right = [bool(re.fullmatch(r"[\d.,%–]+", cell)) for cell in first]
    lines = [head, ["--:" if number else "---" for number in right], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, Markdown):
        return value
    return f"{value:,}" if isinstance(value, int) else plain_text(value)


def some(names: Iterable[str], limit: int = LISTED) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def link(name: str, url: str) -> Markdown:
    """A name with its link; a place that is no web address stands behind it as text."""
    if re.fullmatch(r"https?://[^\s()<>|\[\]]+", url):
        return Markdown(f"[{plain_text(name)}]({url})")
    return Markdown(f"{plain_text(name)} ({plain_text(url)})" if url else plain_text(name))
