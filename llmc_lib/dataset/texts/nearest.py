"""How near each text is to the nearest of others."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_TERM = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
# Letters of a word that count: "travels" and "travelled" are one term.
_STEM = 5
# Words that say nothing of what is asked. Of a few hundred texts their df is too small to tell.
_FUNCTION = frozenset(
    "a an and are as at be been by can did do does each every find first following for from get give given has have how if in "
    "into is it its made make may must name not of on one only or so such than that the their them then there these they this "
    "those to use used using was we were what when where which who whose why will with would you your"
    " answer choices call called".split()
)
# Of the product of two sparse matrices, cells at a time.
_CELLS = 8_000_000


@dataclass(frozen=True)
class Nearest:
    """Of each text the nearest of the others: its similarity, in [0, 1], and its place (-1: there is none); and of the others that
    have its answer the nearest."""

    similarity: Floats
    place: Places
    with_answer: Floats
    place_with_answer: Places


def nearest(
    texts: Sequence[str],
    others: Iterable[str],
    answers: Sequence[Collection[str]] = (),
    of_others: Sequence[str] = (),
) -> Nearest:
    """The nearest of `others` for each of `texts`, by the cosine of their TF-IDF vectors.

    Parameters: `answers`, the forms of the answer to each text, and `of_others`, the answer to each other one ("": not known); ():
    no answer is known. They are compared as texts, case and spaces apart.

    Terms are numbers and words, of which the first five letters count, so that a paraphrase in another order and with other
    endings is near, and neighbours of which one is a number or a letter, as in formulas. Their weight is (1 + ln tf) · ln((1 + N) / (1 + df)), with the df of the N texts of both sides (Salton &
    Buckley, Inf. Process. Manag. 24, 1988): what all say counts for nothing. All pairs are compared. The similarity says
    nothing of texts in different languages.
    """
    mine, known = _counted(texts, {})
    theirs, known = _counted(others, known)
    n = mine.shape[0] + theirs.shape[0]
    best = [(np.zeros(len(texts)), np.full(len(texts), -1, dtype=np.int64)) for _ in range(2)]
    if theirs.shape[0] and known:
        mine.resize(mine.shape[0], len(known))
        weights = np.log((1 + n) / (1 + mine.getnnz(axis=0) + theirs.getnnz(axis=0)))
        a, b = _weighed(mine, weights), _weighed(theirs, weights)
        same = _Same(answers, of_others)
        step = max(1, _CELLS // max(1, len(texts)))
        for start in range(0, b.shape[0], step):
            found = (a @ b[start : start + step].T).toarray()
            alike = np.where(same(start, found.shape), found, 0.0)
            best = [
                _better(*each, start, some) for each, some in zip(best, (found, alike), strict=True)
            ]
    (similarity, place), (with_answer, at) = best
    return Nearest(np.minimum(similarity, 1.0), place, np.minimum(with_answer, 1.0), at)


def _better(best: Floats, place: Places, start: int, found: Floats) -> tuple[Floats, Places]:
    at = found.argmax(axis=1)
    value = found[np.arange(len(found)), at]
    return np.maximum(best, value), np.where(value > best, start + at, place)


class _Same:
    """Which of the others have an answer of a text."""

    def __init__(self, answers: Sequence[Collection[str]], of_others: Sequence[str]) -> None:
        codes: dict[str, int] = {}
        self._others = np.array(
            [codes.setdefault(key, len(codes)) if (key := _plain(o)) else -1 for o in of_others]
        )
        self._forms = [{codes.get(_plain(form), -2) for form in forms} for forms in answers]

    def __call__(self, start: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
        if not len(self._others) or not self._forms:
            return np.zeros(shape, dtype=bool)
        others = self._others[start : start + shape[1]]
        return np.array([np.isin(others, list(forms)) for forms in self._forms])


def _plain(answer: str) -> str:
    return "".join(answer.casefold().replace("$", "").split()).removesuffix(".")


def _counted(
    texts: Iterable[str], known: dict[str, int]
) -> tuple[sparse.csr_matrix, dict[str, int]]:
    """(texts, terms) counts; `known`, term → column, grows."""
    columns, ends = array("i"), [0]
    for text in texts:
        columns.extend(known.setdefault(term, len(known)) for term in _terms(text))
        ends.append(len(columns))
    places = np.frombuffer(columns, dtype=np.int32) if columns else np.empty(0, dtype=np.int32)
    shape = len(ends) - 1, len(known)
    made = sparse.csr_matrix((np.ones(len(places)), places, np.array(ends)), shape=shape)
    made.sum_duplicates()
    return made, known


def _terms(text: str) -> Iterator[str]:
    """Numbers and stems of words, and neighbours of which one is a number or a letter, as in a formula."""
    before = ""
    for word in _TERM.findall(text.casefold()):
        number = word[0].isdigit()
        term = word if number else word[:_STEM]
        if len(word) == 1 or word not in _FUNCTION:
            yield term
        symbol = term if number or len(term) == 1 else ""
        if before and symbol:
            yield f"{before} {symbol}"
        before = symbol


def _weighed(counts: sparse.csr_matrix, weights: Floats) -> sparse.csr_matrix:
    made = counts.copy()
    made.data = (1 + np.log(made.data)) * weights[made.indices]
    length = np.sqrt(np.asarray(made.multiply(made).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1)) @ made)
