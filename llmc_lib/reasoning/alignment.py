"""Which step of one reasoning corresponds to which of another, and where the two part.

Similarity of two steps is the cosine of their TF-IDF vectors of words, numbers and signs, single and in pairs, weighted
over the steps of both traces (Salton and Buckley 1988): what every step says counts little. On it the steps
are aligned in order by dynamic programming (Needleman and Wunsch 1970, gaps free, similarity as score), as
sentences of parallel texts are: the order of an argument is part of it, so a match must not cross another.
`difflib` was the other candidate: it compares by equal characters, which paraphrase defeats, and takes time
that grows with the square of the characters, not of the steps.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
from scipy import sparse

#: Steps less similar than this are not set side by side, and such of this much say the same.
ALIKE, SAME = 0.3, 0.75
#: Steps of a trace that are aligned; the table of both takes 4 bytes an entry.
_MOST = 4_000

_TERM = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|\\[a-zA-Z]+|[=<>≤≥≠≈+*/^×·−-]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Row:
    """Steps beside each other, by number; None where one trace has nothing there."""

    left: int | None
    right: int | None
    paired: bool  # are they about the same? If not, they are only beside each other
    same: bool = False  # both say the same, with the same numbers
    apart: bool = False  # a pair whose numbers contradict each other
    more: bool = False  # a pair of which one has all numbers of the other, and more


@dataclass(frozen=True)
class Alignment:
    """All steps of both traces in order, and the number of the row at which they part.

    They part at the first row from which on each has steps of its own, or numbers of its own; where one
    only makes a detour they have not parted, and neither have they in different words before the first
    step that both have. A pair of which one has more numbers is where they part if nothing agrees between it and
    that row. None: they do not part.
    """

    rows: tuple[Row, ...]
    parting: int | None


def align(left: Sequence[str], right: Sequence[str]) -> Alignment:
    """Align the steps of two traces. Steps beyond the first 4,000 of one have no partner."""
    pairs = _pairs(left[:_MOST], right[:_MOST])
    rows: list[Row] = []
    for (a, b), (c, d) in pairwise([(-1, -1), *pairs, (len(left), len(right))]):
        rows += [Row(n, m, paired=False) for n, m in zip_longest(range(a + 1, c), range(b + 1, d))]
        if c < len(left) and d < len(right):
            rows.append(_row(left, right, c, d))
    parting = _parting(rows)
    return Alignment(tuple(rows), None if parting is None else _back(rows, parting))


def similarity(left: Sequence[str], right: Sequence[str]) -> np.ndarray:
    """The cosine similarities of steps, 0 to 1, as a table (left × right)."""
    counts = [Counter(_terms(text)) for text in [*left, *right]]
    numbers: dict[str, int] = {}
    rows, columns, values = [], [], []
    for row, count in enumerate(counts):
        for term, n in count.items():
            rows.append(row)
            columns.append(numbers.setdefault(term, len(numbers)))
            values.append(1 + np.log(n))
    shape = len(counts), max(1, len(numbers))
    table = sparse.csr_matrix((values, (rows, columns)), shape=shape, dtype=np.float32)
    in_steps = np.asarray((table > 0).sum(axis=0)).ravel()
    weights = np.log((1 + len(counts)) / (1 + in_steps)) + 1
    table = table @ sparse.diags(weights.astype(np.float32))
    lengths = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table = sparse.diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ table
    found: np.ndarray = (table[: len(left)] @ table[len(left) :].T).toarray()
    return found


def _terms(text: str) -> list[str]:
    terms = _TERM.findall(text[:4_000].lower())
    return terms + [f"{a} {b}" for a, b in pairwise(terms)]


def _pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of the best monotone alignment: the one with the largest sum of similarities."""
    if not left or not right:
        return []
    score = similarity(left, right)
    score[score < ALIKE] = 0
    best = np.zeros((len(left) + 1, len(right) + 1), dtype=np.float32)
    for i in range(len(left)):
        with_pair = best[i, :-1] + score[i]
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], with_pair))
    pairs = []
    i, j = len(left), len(right)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _row(left: Sequence[str], right: Sequence[str], a: int, b: int) -> Row:
    mine, other = left[a], right[b]
    if " ".join(mine.split()) == " ".join(other.split()):
        return Row(a, b, paired=True, same=True)
    here, there = set(_NUMBER.findall(mine)), set(_NUMBER.findall(other))
    close = _overlap(mine, other) >= SAME
    nested = here <= there or there <= here
    return Row(a, b, True, close and here == there, not nested, nested and here != there)


def _overlap(left: str, right: str) -> float:
    """Dice's coefficient of the terms of two steps."""
    a, b = Counter(_terms(left)), Counter(_terms(right))
    return 2 * (a & b).total() / max(1, a.total() + b.total())


def _parting(rows: Sequence[Row]) -> int | None:
    first = next((n for n, row in enumerate(rows) if row.same), 0)
    number = first
    while number < len(rows):
        row = rows[number]
        if row.apart:
            return number
        start, sides = number, set()
        while number < len(rows) and not rows[number].paired:
            sides |= {side for side in ("left", "right") if getattr(rows[number], side) is not None}
            number += 1
        if len(sides) == 2 or (sides and number == len(rows)):
            return start
        number += not sides
    return None


def _back(rows: Sequence[Row], parting: int) -> int:
    """The first pair of which one has more numbers, of those after all that agrees before the parting; else the parting."""
    agreed = [n for n in range(parting) if rows[n].paired and not rows[n].more]
    after = range(agreed[-1] + 1 if agreed else 0, parting)
    return next((n for n in after if rows[n].more), parting)
