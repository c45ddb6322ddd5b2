"""Fields of a row of a benchmark's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from llmc_lib.errors import shown


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


def choices(value: Any) -> dict[str, str]:
    """A field of choices as letter → text, in order: a list of texts, {label: text}, or lists of text and label side by side
    ({text: […], label: […]}), also as JSON in a text. Raises `ValueError` for what is none of them.

    >>> choices(["iron", "gold"])
    {'A': 'iron', 'B': 'gold'}
    >>> choices({"text": ["iron", "gold"], "label": ["1", "2"]})
    {'A': 'iron', 'B': 'gold'}
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"options are not JSON: {shown(value)}") from None
    if isinstance(value, Mapping):
        value = value["text"] if {"text", "label"} <= value.keys() else list(value.values())
    given = [text(choice).strip() for choice in value] if isinstance(value, list | tuple) else []
    if not 2 <= len(given) <= len(ascii_uppercase) or not all(given):
        raise ValueError("options must be a list of 2 to 26 choices, none of them empty")
    return dict(zip(ascii_uppercase, given, strict=False))


def letter_of(answer: Any, lettered: Mapping[str, str], labels: Any = None) -> str:
    """The letter of the right one of these choices: the answer is a label of the file's own, else a letter, the place of the
    choice (a number, from 0), or its text. Raises `ValueError` for none of them, and where they mean different choices."""
    given, letters = text(answer).strip(), list(lettered)
    own = _labels(labels)[: len(letters)]
    if own.count(given) == 1:
        return letters[own.index(given)]
    meant = {letter for letter, choice in lettered.items() if choice == given}
    if (bare := given.strip("().").upper()) in lettered:
        meant.add(bare)
    if given.isdecimal() and int(given) < len(letters):
        meant.add(letters[int(given)])
    if len(meant) == 1:
        return meant.pop()
    if meant:
        raise ValueError(
            f"the answer {shown(given)} could mean the choices {', '.join(sorted(meant))}, as a letter or number, and as a "
            "text; give the letter, or choices that are not letters or numbers, or the question without options"
        )
    raise ValueError(
        f"the answer {shown(given)} is neither a letter from A to {letters[-1]}, nor the number of a choice from 0, nor the "
        "text of one choice"
    )


def _labels(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    labels = value["label"] if {"text", "label"} <= value.keys() else list(value)
    return [text(label).strip() for label in labels] if isinstance(labels, list | tuple) else []


def with_choices(question: str, lettered: Mapping[str, str]) -> str:
    """A question with its choices under it, a line each."""
    return "\n".join([question, *(f"{letter}) {choice}" for letter, choice in lettered.items())])
