"""A reasoning trace as steps: paragraphs, items of a list, headings; mathematics and code are kept whole."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from llmc_lib.reasoning.mathematics import undivided

# A longer paragraph is split by sentences, and a longer sentence anywhere.
_LONG, _LONGEST = 600, 2_000
_BREAK = re.compile(
    r"\n[ \t]*\n\s*"  # an empty line
    r"|\n(?=[ \t]*(?:\#{1,6}[ ]|[-*+•][ ]|\(?\d{1,3}[.)][ ]|\*\*[^*\n]{1,80}\*\*|(?:Step|Case)[ ]\d))"
)
_SENTENCE = re.compile(r"(?<=[.!?])[\s]+(?=[A-Z\"'“(\\$*])|\n")


@dataclass(frozen=True)
class Step:
    """A part of a text, and its places in it."""

    start: int
    end: int
    text: str


def split(text: str) -> list[Step]:
    """The steps of a text, in order; together they have all of it but the white space between them."""
    whole = _Whole(text)
    steps = []
    for start, end in _parts(text, 0, len(text), _BREAK, whole):
        if end - start <= _LONG:
            steps.append((start, end))
        else:
            steps += _by_sentence(text, start, end, whole)
    return [
        Step(start + lead, start + lead + len(body), body)
        for start, end in steps
        if (body := (piece := text[start:end]).strip())
        for lead in [len(piece) - len(piece.lstrip())]
    ]


class _Whole:
    """What is not to be split: displayed mathematics, inline mathematics, code."""

    def __init__(self, text: str) -> None:
        found = undivided(text)
        self._starts = [start for start, _ in found]
        self._ends: list[int] = []
        for _, end in found:  # a span of mathematics may lie in code
            self._ends.append(max(end, self._ends[-1]) if self._ends else end)

    def has(self, place: int) -> bool:
        number = bisect_right(self._starts, place) - 1
        return number >= 0 and self._starts[number] < place < self._ends[number]


def _parts(
    text: str, start: int, end: int, at: re.Pattern[str], whole: _Whole
) -> Iterator[tuple[int, int]]:
    begin = start
    for match in at.finditer(text, start, end):
        if not whole.has(match.start()) and match.start() > begin:
            yield begin, match.start()
            begin = match.end()
    yield begin, end


def _by_sentence(text: str, start: int, end: int, whole: _Whole) -> list[tuple[int, int]]:
    """Sentences of a long paragraph, as many together as make a step of ordinary length."""
    steps: list[tuple[int, int]] = []
    for a, b in _parts(text, start, end, _SENTENCE, whole):
        if steps and b - steps[-1][0] <= _LONG // 2:
            steps[-1] = steps[-1][0], b
        else:
            steps.append((a, b))
    return [piece for a, b in steps for piece in _cut(a, b, whole)]


def _cut(start: int, end: int, whole: _Whole) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST:
        place = start + _LONGEST
        while place > start + _LONGEST // 2 and whole.has(place):
            place -= 1
        yield start, place
        start = place
    yield start, end
