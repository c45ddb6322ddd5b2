"""The text of each page of a PDF that Chromium made; enough of the format for that, and for no other PDF."""

from __future__ import annotations

import re
import unicodedata
import zlib
from pathlib import Path


def pages(pdf: bytes) -> list[str]:
    """What each page says, in the order of its content stream, without spaces; ligatures as letters."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(\d+) 0 obj\b(.*?)\bendobj", pdf, re.DOTALL)}
    found = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)]
    return [_page(body, objects) for body in _in_order(found, pdf)]


def text_of(path: Path) -> str:
    """All of it."""
    return "".join(pages(path.read_bytes()))


def squeezed(text: str) -> str:
    """A text as `pages` has it: compatibility forms (NFKC), no spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def _in_order(found: list[bytes], pdf: bytes) -> list[bytes]:
    """Chromium writes pages in their order, and a count that tells whether all were found."""
    counts = [int(n) for n in re.findall(rb"/Type\s*/Pages\b.*?/Count (\d+)", pdf, re.DOTALL)]
    assert max(counts) == len(found)
    return found


def _page(body: bytes, objects: dict[int, bytes]) -> str:
    text: list[str] = []
    for number in re.findall(rb"/Contents (\d+) 0 R", body):
        _run(_stream(objects[int(number)]), body, objects, text)
    return squeezed("".join(text))


def _run(content: bytes, owner: bytes, objects: dict[int, bytes], text: list[str]) -> None:
    """The text that a content stream shows, with that of the forms that it places."""
    resources = re.search(rb"/Resources (\d+) 0 R", owner)
    named = objects[int(resources[1])] if resources else owner
    names = dict(re.findall(rb"/(\w+) (\d+) 0 R", named))
    font: dict[int, str] = {}
    for use, run, form in re.findall(rb"/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]+)>|/(\w+) Do", content):
        if use:
            font = _letters(objects[int(names[use])], objects)
        elif run:
            codes = (int(run[n : n + 4], 16) for n in range(0, len(run), 4))
            text.append("".join(font.get(code, "") for code in codes))
        elif form in names and b"/Form" in objects[int(names[form])].partition(b"stream")[0]:
            inner = objects[int(names[form])]
            _run(_stream(inner), inner, objects, text)


def _letters(font: bytes, objects: dict[int, bytes]) -> dict[int, str]:
    """Glyph → its text, from a font's ToUnicode map."""
    found = re.search(rb"/ToUnicode (\d+) 0 R", font)
    if not found:
        return {}
    letters: dict[int, str] = {}
    table = _stream(objects[int(found[1])])
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for code, to in re.findall(rb"<(\w+)>\s*<(\w+)>", part):
            letters[int(code, 16)] = bytes.fromhex(to.decode()).decode("utf-16-be")
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, to in re.findall(rb"<(\w+)>\s*<(\w+)>\s*<(\w+)>", part):
            start = int(to, 16)
            for n in range(int(last, 16) - int(first, 16) + 1):
                letters[int(first, 16) + n] = chr(start + n)
    return letters


def _stream(body: bytes) -> bytes:
    head, _, rest = body.partition(b"stream")
    data = rest.lstrip(b"\r\n").rpartition(b"endstream")[0]
    return zlib.decompressobj().decompress(data) if b"/FlateDecode" in head else data
