"""Lists of answers in text."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Callable

from llmc_lib.answers.notation import LONGEST
from llmc_lib.answers.text import undelimited


def listed(text: str) -> list[str] | None:
    """The answers of a text that is a list of texts in JSON or Python, as data sets write several; else None."""
    text = text.rstrip(" .,;$").lstrip(" $")
    if not re.match(r"^\[\s*['\"]", text):
        return None
    for load in (json.loads, literal_eval):
        try:
            found = load(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list) and found and all(isinstance(item, str) for item in found):
            return [item.strip() for item in found]
    return None


def split(text: str) -> list[str]:
    """The items of a list in plain text: at commas, semicolons and "and" outside of brackets."""
    text = undelimited(text)
    text = re.sub(r"^\\?\{(.*?)\\?\}$", r"\1", text, flags=re.DOTALL)
    parts, depth, current = [], 0, ""
    for piece in re.split(r"(\\?[(\[{]|\\?[)\]}]|[,;]|\band\b|\bor\b)", text[:LONGEST]):
        depth += (piece[-1:] in "([{" and piece != "") - (piece[-1:] in ")]}" and piece != "")
        if depth == 0 and piece in (",", ";", "and", "or"):
            parts.append(current)
            current = ""
        else:
            current += piece
    return [part.strip(" $") for part in [*parts, current] if part.strip(" $")]


def in_order(answer: str, reference: str, same: Callable[[str, str], bool]) -> bool:
    """Are the items of two lists that are known to be the same in the same order? Named ones (x = 2) are in any."""
    given, expected = (listed(text) or split(text) for text in (answer, reference))
    if len(given) != len(expected) or "=" in answer + reference:
        return True
    return all(map(same, given, expected))
