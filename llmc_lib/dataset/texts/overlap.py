"""Which texts repeat one of a benchmark: they share a run of words, or are nearly the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llmc_lib.dataset.texts.characters import Array, compiled
from llmc_lib.dataset.texts.ngrams import NgramIndex
from llmc_lib.dataset.texts.signatures import EMPTY, equal_slots, signatures
from llmc_lib.dataset.texts.words import normal_words
from llmc_lib.language import N_
from llmc_lib.params import DecontaminationParams

# Slots that are compared first: most pairs have so few of them in common that the rest cannot matter.
_FIRST = 32


@dataclass(frozen=True)
class Hit:
    """A row that repeats a benchmark; the words that both have, where the benchmark may be shown."""

    benchmark_id: str
    reason: str
    shared: str = ""


class Screen:
    """Finds rows that repeat a benchmark text: a run of n words of it, or nearly the whole problem.

    Words that several benchmark texts have in common are no such run (`NgramIndex`). Of benchmarks that are
    `withheld` no text is given away.
    """

    def __init__(
        self,
        texts: dict[str, dict[str, str]],
        params: DecontaminationParams,
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        self._ids = [f"{name}/{id_}" for name, found in texts.items() for id_ in found]
        self._params = params
        flat = [text for found in texts.values() for text in found.values()]
        self._shown = [
            "" if name in withheld else text
            for name, found in texts.items()
            for text in found.values()
        ]
        self._index = NgramIndex(flat, params.ngram)
        self._signatures = signatures(flat)

    def quoted(self, text: str) -> bool:
        """Does a text share a run of words with a benchmark?"""
        return bool(self._index.find([text])[0] >= 0)

    def find(
        self, questions: Sequence[str], completions: Sequence[str], made: npt.NDArray[np.uint32]
    ) -> list[Hit | None]:
        """For each row what it repeats, None for a clean one; `made`: the questions' signatures."""
        found: list[Hit | None] = [None] * len(questions)
        runs = f"shares {self._params.ngram} words in a row"
        for where, texts in (("the completion", completions), ("the question", questions)):
            matches = self._index.match(texts)
            for row in np.flatnonzero(matches.texts >= 0):
                text = matches.texts[row]
                place, normalised = int(matches.places[row]), bool(matches.normalised[row])
                shared = words_from(self._shown[text], place, self._params.ngram, normalised)
                found[row] = Hit(self._ids[text], f"{where} {runs}", shared)
        return [run or near for run, near in zip(found, self._near(made), strict=True)]

    def near(self, questions: Sequence[str]) -> list[Hit | None]:
        """For each question the one of a benchmark that it resembles."""
        return self._near(signatures(questions)) if questions else []

    def _near(self, made: npt.NDArray[np.uint32]) -> list[Hit | None]:
        if self._params.near is None or not self._ids:
            return [None] * len(made)
        return [
            Hit(self._ids[text], N_("the question is nearly the same"), self._shown[text])
            if text >= 0
            else None
            for text in near_matches(made, self._signatures, self._params.near)
        ]


def words_from(text: str, place: int, n: int, normalised: bool) -> str:
    """The part of a text with its words `place` to `place + n - 1`; `normalised`: counted as `normal_words` does."""
    if not normalised:
        return " ".join(text.split()[place : place + n])
    # Where a word may begin or end: at white space, and around what is no ASCII letter.
    cuts = [0, *(m.end() for m in re.finditer(r"\s+|[^\x00-\x7f]", text)), len(text)]
    counts = np.diff(normal_words([text[:cut] for cut in cuts]).offsets)
    first = int(np.searchsorted(counts, place, "right")) - 1
    last = int(np.searchsorted(counts, place + n))
    return text[cuts[max(first, 0)] : cuts[min(last, len(cuts) - 1)]].strip()


def near_matches(
    row_signatures: npt.NDArray[np.uint32],
    benchmark_signatures: npt.NDArray[np.uint32],
    threshold: float,
) -> npt.NDArray[np.int64]:
    """For each row the benchmark text that it resembles most, or -1 where none reaches `threshold`.

    The similarity is the share of equal slots, an estimate of the Jaccard similarity of the texts'
    word 3-grams; of equally similar texts the first is named. All pairs are compared. Unlike
    duplicates, the numbers need not agree: a question with other numbers gives the method away.
    """
    texts = np.flatnonzero((benchmark_signatures != EMPTY).any(axis=1))
    needed = int(np.ceil(threshold * row_signatures.shape[1] - 1e-9))
    found = _most_similar(row_signatures, np.ascontiguousarray(benchmark_signatures[texts]), needed)
    if texts.size == 0:
        return found
    return np.where(found >= 0, texts[found], -1)


@compiled
def _most_similar(rows: Array, texts: Array, needed: int) -> Array:
    found = np.full(rows.shape[0], -1, np.int64)
    slots = rows.shape[1]
    first = min(_FIRST, slots)
    for row in range(rows.shape[0]):
        best = needed - 1
        for text in range(texts.shape[0]):
            equal = equal_slots(rows[row, :first], texts[text, :first])
            if equal + slots - first > best:
                equal += equal_slots(rows[row, first:], texts[text, first:])
                if equal > best:
                    best, found[row] = equal, text
    return found
