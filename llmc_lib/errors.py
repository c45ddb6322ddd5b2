"""The one exception that a user is meant to see: a sentence, without a traceback of ours."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 80
#: Characters of a message, at most; its beginning says what is wrong, its end what to do.
_MOST = 1200


class UserError(Exception):
    """Something outside the program is not as it must be.

    The message names the file or setting, what is wrong with it and what to do; the command line
    prints it alone and exits with status 2, and so does a notebook.
    """

    def __init__(self, message: object = "") -> None:
        # Names of fields, files and servers' words are in it: it also goes into logs and notebooks.
        super().__init__(printable(str(message)))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


def shown(value: object) -> str:
    """A value of a user's as messages show it: on one line, printable, and short."""
    try:
        return _SHOWN.repr(value)
    except ValueError:  # of more digits than Python writes out
        return "a number of thousands of digits"


def printable(text: str) -> str:
    """A message without escape sequences, which a terminal would obey, and of bounded length."""
    lines = text.split("\n")
    return "\n".join(_line(line) for line in lines)


def _line(text: str) -> str:
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= _MOST else f"{text[: _MOST * 2 // 3]} … {text[3 - _MOST // 3 :]}"


def near(word: object, known: Iterable[object]) -> str | None:
    """The known word that is most like one, None where none is."""
    found = difflib.get_close_matches(str(word)[:100], [str(name) for name in known], 1)
    return found[0] if found else None


def instead(word: object, known: Iterable[object], otherwise: str) -> str:
    """What to write in place of a word that is none of those known: the one most like it, else `otherwise`."""
    found = near(word, known)
    return f"did you mean {found!r}?" if found else otherwise
