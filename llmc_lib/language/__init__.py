"""The language of what a reader reads: English is the source text, any other is a gettext catalogue.

A catalogue is a file <language>.po in this folder; `messages` finds the texts that it translates.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CATALOGUES = Path(__file__).parent
SOURCE = "en"

_catalogue = gettext.NullTranslations()


def tr(text: str, /, **values: object) -> str:
    """A text in the present language, its {placeholders} filled in as `str.format` does; without values it is taken as
    it is, braces included.

    >>> tr("{right} of {asked} are right", right=9, asked=10)
    '9 of 10 are right'
    >>> tr("report: {show_questions: true}")
    'report: {show_questions: true}'
    """
    found = _catalogue.gettext(text) if text else ""  # gettext has its header there
    return found.format(**values) if values else found


def plural(one: str, more: str, n: int, /, **values: object) -> str:
    """The form of a text that the present language has for `n`, which is the placeholder {n}, too.

    >>> plural("{n:,} row of {source}", "{n:,} rows of {source}", 1200, source="skills")
    '1,200 rows of skills'
    """
    return _catalogue.ngettext(one, more, n).format(n=n, **values)


def N_(text: str) -> str:
    """A text of a constant, as it is: marked for the catalogues, and translated by `tr` where it is used."""
    return text


def language() -> str:
    """The present language, as an HTML page names it ("en")."""
    return _catalogue.info().get("language") or SOURCE


@contextmanager
def speaking(catalogue: gettext.NullTranslations) -> Iterator[None]:
    """Within it, texts are those of a catalogue: of the whole process, as pages are made in one of their own."""
    global _catalogue
    before, _catalogue = _catalogue, catalogue
    try:
        yield
    finally:
        _catalogue = before


def read_catalogue(path: Path) -> gettext.GNUTranslations:
    """The texts of a .po file, its language in the header."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with open(path, "rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
