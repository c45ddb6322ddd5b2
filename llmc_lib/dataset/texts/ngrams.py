"""Find texts that share a run of n words with a benchmark."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llmc_lib.dataset.texts.characters import Array, Texts, compiled, mix
from llmc_lib.dataset.texts.words import Words, normal_words, plain_words

#: A benchmark text of fewer than n words counts as found where all of it is inside a row, if it has
#: at least this many words; a shorter one only where it is the whole row.
SHORTEST_RUN = 6

#: The share of a text's runs from which a row repeats it although other texts have these runs too, and from which two
#: texts are one question that is in the benchmark twice.
COVERED = 0.8

# What contest questions end in: common to many, also where a benchmark has only one of them.
_PHRASES = (
    r"can be written in the form $\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$.",
    r"can be expressed in the form $\frac{p}{q}$, where $p$ and $q$ are relatively prime positive integers. What is "
    r"$p+q$?",
    r"can be expressed as $\frac{m}{n}$ where $m$ and $n$ are relatively prime positive integers. Compute $100m+n$.",
    r"can be written as $m\sqrt{n}$, where $m$ and $n$ are positive integers and $n$ is not divisible by the square of "
    r"any prime. Find $m+n$.",
    r"is $m\sqrt{n}$ where $m$ and $n$ are positive integers, and $n$ is not divisible by the square of any prime.",
    r"where $a$, $b$, and $c$ are positive integers, $a$ and $c$ are relatively prime, and $b$ is not divisible by the "
    r"square of any prime. Find $a+b+c$.",
    r"where $\lfloor x \rfloor$ denotes the greatest integer less than or equal to $x$.",
    r"(Note that $\lfloor x \rfloor$ denotes the greatest integer that is less than or equal to $x$.)",
    r"Find the remainder when $N$ is divided by $1000$.",
    r"Please reason step by step, and put your final answer within \boxed{}.",
    r"Express your answer as a common fraction in simplest form. Round your answer to the nearest hundredth.",
)
_LIKELY = 8  # earlier texts that a text is compared with for that
_BATCH = 4096  # rows whose words are in memory at once
_BASE = np.uint64(0x9E3779B97F4A7C15)


class NgramIndex:
    """The runs of `n` words of benchmark texts, in both ways that llmc_lib/dataset/texts/words.py sees words.

    A row is found when it shares n words in a row with a text, either split at white space (everything
    that open-r1's scripts/decontaminate.py finds) or normalised. Texts with fewer than n normalised
    words follow the rule of `SHORTEST_RUN`; texts without any word are never found.

    Words that several texts have in common ("where m and n are relatively prime positive integers") are no sign of
    any of them: a run of which they are more than half, known by runs half as long that another text has, counts
    only in a row that has `COVERED` of the text's runs. Texts that share as much of theirs are one question that
    is there twice. With `common` every run counts.

    Runs are looked up by a 64-bit hash and then compared word by word, so that a false hit needs two
    different words with one hash: about 10^-7 for 10^7 different words against 10^5 of a benchmark.

    It can be pickled; what travels is 8 bytes a word of the benchmark and way of seeing it.
    """

    def __init__(self, texts: Texts, n: int, *, common: bool = False) -> None:
        if n < 1:
            raise ValueError(f"n must be 1 or more, not {n}")
        self.n = n
        self._plain = _Runs(plain_words(texts), n, False, common, plain_words(_PHRASES))
        normal = normal_words(texts)
        self._normal = _Runs(normal, n, False, common, normal_words(_PHRASES))
        self._short = _Runs(normal, n, True, common)

    def find(self, texts: Texts) -> npt.NDArray[np.int32]:
        """For each text the number of the first benchmark text that it shares a run with, or -1."""
        return self.match(texts).texts

    def match(self, texts: Texts) -> Matches:
        """As `find`, with the place of the run."""
        found = np.full(len(texts), -1, np.int32)
        places = np.zeros(len(texts), np.int32)
        normalised = np.zeros(len(texts), bool)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            if isinstance(batch, pa.Array) and not pa.types.is_string(batch.type):
                batch = batch.cast(pa.string())
            part = slice(start, start + _BATCH)
            self._plain.find(plain_words(batch), found[part], places[part])
            split = found[part].copy()
            normal = normal_words(batch)
            self._normal.find(normal, found[part], places[part])
            self._short.find(normal, found[part], places[part])
            normalised[part] = found[part] != split
        return Matches(found, places, normalised)


class Matches(NamedTuple):
    """For each row the text that it repeats (-1: none), and of the run that shows it the place of its first word in
    that text, among its normalised words or among those split at white space."""

    texts: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    normalised: npt.NDArray[np.bool_]


class _Runs:
    """A hash table of runs of words: all runs of n, or (`shorter`) the texts of fewer than n words."""

    def __init__(
        self, words: Words, n: int, shorter: bool, common: bool, phrases: Words | None = None
    ) -> None:
        self.source, self.n, self.shorter, self.common = words, n, shorter, common
        self.phrases = phrases
        counts = np.diff(words.offsets)
        if shorter:
            self.prefix = SHORTEST_RUN
            self.owners = np.flatnonzero((counts > 0) & (counts < n)).astype(np.int32)
            self.starts = words.offsets[self.owners]
            self.lengths = counts[self.owners]
        else:
            self.prefix = n
            runs = np.maximum(counts - n + 1, 0)
            self.owners = np.repeat(np.arange(runs.size, dtype=np.int32), runs)
            first = np.cumsum(runs) - runs
            self.starts = np.arange(self.owners.size) - np.repeat(first - words.offsets[:-1], runs)
            self.lengths = np.full(self.owners.size, n)
        # At least half of the slots stay free; the bits of a bitmap in front, which the processor's cache
        # can hold, tell most runs that are not there.
        size = 1 << max(4, int(2 * self.owners.size).bit_length())
        self.slots = np.full(size, -1, np.int32)
        self.keys = np.zeros(size, np.uint64)
        self.bitmap = np.zeros(size // 8, np.uint64)
        self.words = words.hashes
        # The entry that stands for each run in the table.
        self.known = np.arange(self.owners.size, dtype=np.int32)
        _insert(
            self.words,
            self.starts,
            self.lengths,
            self.prefix,
            self.slots,
            self.keys,
            self.bitmap,
            self.known,
        )
        self.shared = np.zeros(self.owners.size, bool)
        if phrases is not None and not common and self.owners.size:
            self._mark_common(phrases)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Runs, (self.source, self.n, self.shorter, self.common, self.phrases)

    def pairs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each different run (as its entry) with each text that has it, by runs, then by texts."""
        texts = int(self.owners[-1]) + 1
        pairs = np.unique(self.known.astype(np.int64) * texts + self.owners)
        return pairs // texts, pairs % texts

    def _mark_common(self, phrases: Words) -> None:
        """Which runs do not count alone, and the texts of each of them."""
        runs, owners = self.pairs()
        self.sizes = np.bincount(owners)  # different runs of each text
        template = np.concatenate(
            [[0], np.cumsum(_template(self.source, phrases, (self.n + 1) // 2))]
        )
        telling = self.n - (template[self.starts + self.n] - template[self.starts])
        self.shared = 2 * telling < self.n
        kept = self.shared[runs]
        self.sharers = owners[kept].astype(np.int32)
        counts = np.bincount(runs[kept], minlength=self.owners.size)
        self.sharers_from = np.concatenate([[0], np.cumsum(counts)])

    def find(
        self, rows: Words, found: npt.NDArray[np.int32], places: npt.NDArray[np.int32]
    ) -> None:
        """Lower `found` (-1: none) to the first text that owns a run in the row; `places`: where in that text."""
        if self.owners.size:
            entries = self.words, self.starts, self.lengths, self.owners
            table = self.slots, self.keys, self.bitmap
            begins = self.source.offsets
            common = np.zeros(found.size, bool)
            _find(
                *rows,
                *entries,
                self.prefix,
                self.shorter,
                *table,
                self.shared,
                begins,
                found,
                places,
                common,
            )
            for row in np.flatnonzero(common & (found < 0)):
                self._find_covered(rows, int(row), found, places)

    def _find_covered(
        self, rows: Words, row: int, found: npt.NDArray[np.int32], places: npt.NDArray[np.int32]
    ) -> None:
        """Is a text covered by a row that has none but common runs?"""
        words = rows.hashes[rows.offsets[row] : rows.offsets[row + 1]]
        entries = np.unique(
            _entries(words, self.words, self.starts, self.n, self.slots, self.keys, self.bitmap)
        )
        of = [self.sharers[self.sharers_from[e] : self.sharers_from[e + 1]] for e in entries]
        shared = np.bincount(np.concatenate(of), minlength=self.sizes.size)
        covered = np.flatnonzero((shared > 0) & (shared >= COVERED * self.sizes))
        if covered.size:
            found[row], places[row] = covered[0], 0


def _template(words: Words, phrases: Words, n: int) -> npt.NDArray[np.bool_]:
    """Which words of the texts are in a run of `n` that another question has too, or one of the `phrases`."""
    size = words.hashes.size
    found = np.zeros(size + phrases.hashes.size, bool)
    offsets = np.concatenate([words.offsets, size + phrases.offsets[1:]])
    table = _Runs(Words(np.concatenate([words.hashes, phrases.hashes]), offsets), n, False, True)
    if table.owners.size:
        runs, owners = table.pairs()
        question = _questions(table.owners, runs, owners)
        asked = np.unique(runs * question.size + question[owners]) // question.size
        several = np.bincount(asked, minlength=table.owners.size)[table.known] > 1
        for place in range(n):
            found[table.starts[several] + place] = True
    return found[:size]


def _questions(
    first: npt.NDArray[np.int32], runs: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each text the first one that it repeats as a whole, itself for most.

    `runs` with their `owners` as of `_Runs.pairs`; `first`: the text that had each run first.
    """
    sizes = np.bincount(owners)
    question = np.arange(sizes.size)
    mine = np.split(runs[np.argsort(owners, kind="stable")], np.cumsum(sizes)[:-1])
    for text in range(sizes.size):
        earlier, counts = np.unique(first[mine[text]], return_counts=True)
        likely = earlier[np.argsort(-counts, kind="stable")]
        for other in likely[likely < text][:_LIKELY]:
            least = COVERED * max(sizes[text], sizes[other])
            if np.intersect1d(mine[text], mine[other], assume_unique=True).size >= least:
                question[text] = question[other]
                break
    return question


@compiled
def _key(words: Array, start: int, length: int) -> Any:
    """The polynomial hash of a run, Σ word × base^(places after it), modulo 2^64."""
    value = np.uint64(0)
    for i in range(start, start + length):
        value = value * _BASE + words[i]
    return value


@compiled
def _same(left: Array, i: int, right: Array, j: int, length: int) -> Any:
    for k in range(length):  # noqa: SIM110 - numba compiles no generator
        if left[i + k] != right[j + k]:
            return False
    return True


@compiled
def _bit(key: np.uint64, bitmap: Array) -> tuple[Any, Any]:
    place = np.int64((key >> np.uint64(20)) & np.uint64(bitmap.size * 64 - 1))
    return place >> 6, np.uint64(1) << np.uint64(place & 63)


@compiled
def _insert(
    words: Array,
    starts: Array,
    lengths: Array,
    prefix: int,
    slots: Array,
    keys: Array,
    bitmap: Array,
    same: Array,
) -> None:
    for entry in range(starts.size):
        key = mix(_key(words, starts[entry], min(lengths[entry], prefix)))
        slot = np.int64(key & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            known = slots[slot]
            if (
                keys[slot] == key
                and lengths[known] == lengths[entry]
                and _same(words, starts[known], words, starts[entry], lengths[entry])
            ):
                same[entry] = known
                break  # the same run in an earlier text, or earlier in this one
            slot = (slot + 1) & (slots.size - 1)
        if slots[slot] < 0:
            slots[slot], keys[slot] = entry, key
            word, bit = _bit(key, bitmap)
            bitmap[word] |= bit


@compiled
def _find(
    rows: Array,
    offsets: Array,
    words: Array,
    starts: Array,
    lengths: Array,
    owners: Array,
    prefix: int,
    shorter: bool,
    slots: Array,
    keys: Array,
    bitmap: Array,
    shared: Array,
    begins: Array,
    found: Array,
    places: Array,
    common: Array,
) -> None:
    leaving = np.uint64(1)  # what the first word of a run is multiplied with
    for _ in range(prefix - 1):
        leaving *= _BASE
    for row in range(found.size):
        begin, end = offsets[row], offsets[row + 1]
        length = min(end - begin, prefix)
        if length == 0 or (length < prefix and not shorter):
            continue
        best = found[row]
        value = _key(rows, begin, length)
        for i in range(begin, end - length + 1):
            if i > begin:
                value = (value - rows[i - 1] * leaving) * _BASE + rows[i + length - 1]
            key = mix(value)
            word, bit = _bit(key, bitmap)
            if bitmap[word] & bit == 0:
                continue
            slot = np.int64(key & np.uint64(slots.size - 1))
            while slots[slot] >= 0:
                entry = slots[slot]
                size, owner = lengths[entry], owners[entry]
                if (
                    keys[slot] == key
                    and (best < 0 or owner < best)
                    and i + size <= end
                    and (size >= SHORTEST_RUN or not shorter or size == end - begin)
                    and _same(rows, i, words, starts[entry], size)
                ):
                    if shared[entry]:
                        common[row] = True
                    else:
                        best = owner
                        places[row] = starts[entry] - begins[owner]
                slot = (slot + 1) & (slots.size - 1)
        found[row] = best


@compiled
def _entries(
    row: Array, words: Array, starts: Array, n: int, slots: Array, keys: Array, bitmap: Array
) -> Array:
    """The entries of all runs of a row that the table has, also several times."""
    found = np.empty(max(row.size - n + 1, 0), np.int32)
    count = 0
    for i in range(row.size - n + 1):
        key = mix(_key(row, i, n))
        word, bit = _bit(key, bitmap)
        if bitmap[word] & bit == 0:
            continue
        slot = np.int64(key & np.uint64(slots.size - 1))
        while slots[slot] >= 0:
            if keys[slot] == key and _same(row, i, words, starts[slots[slot]], n):
                found[count] = slots[slot]
                count += 1
                break
            slot = (slot + 1) & (slots.size - 1)
    return found[:count]
