"""A pseudo language: each text in letters that look like its own and are none of them, so that what is left in plain ones
passed no catalogue."""

from __future__ import annotations

import gettext
import re

_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ODD = "áƀçđéƒğħíĵķłɱñóþɋŕšŧúṽŵẋýžÁƁÇĐÉƑĞĦÍĴĶŁṀÑÓÞɊŔŠŦÚṼŴẊÝŽ"
_LETTERS = str.maketrans(_PLAIN, _ODD)
# Placeholders and tags, which a translator keeps.
_KEPT = re.compile(r"(\{[^{}]*\}|<[^>]+>)")


def odd(text: str) -> str:
    """A text in the pseudo language."""
    parts = _KEPT.split(text)
    return "".join(p if n % 2 else p.translate(_LETTERS) for n, p in enumerate(parts))


class Pseudo(gettext.NullTranslations):
    """Its catalogue: of all texts there are."""

    def gettext(self, message: str) -> str:
        return odd(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return odd(msgid1 if n == 1 else msgid2)

    def info(self) -> dict[str, str]:
        return {"language": "qps"}
