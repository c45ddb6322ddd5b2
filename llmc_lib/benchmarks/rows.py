"""Fields of a row of a benchmark's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str:
    """A field as text: "" for one that is absent, 42 is "42", a list of answers "2, 3", as a set is written.

    >>> text(["2", 3])
    '2, 3'
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return "" if value is None else str(value)


def texts(
    row: Mapping[str, Any], needed: tuple[str, ...], others: tuple[str, ...] = ()
) -> dict[str, str]:
    """The fields `needed` and `others` as texts. Raises `ValueError` where one that is needed is absent or empty."""
    found = {name: text(row.get(name)) for name in (*needed, *others)}
    for name in needed:
        if not found[name].strip():
            raise ValueError(f"{name!r} is missing or empty; a row needs {', '.join(needed)}")
    return found
