"""Find texts that share a run of n words with a benchmark."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from llmc_lib.dataset.texts.characters import Array, Texts, compiled, mix
from llmc_lib.dataset.texts.words import Words, normal_words, plain_words

#: A benchmark text of fewer than n words counts as found where all of it stands inside a row, if it has
#: at least this many words; a shorter one only where it is the whole row.
SHORTEST_RUN = 6

_BATCH = 4096  # rows whose words are in memory at once
_BASE = np.uint64(0x9E3779B97F4A7C15)


class NgramIndex:
    """The runs of `n` words of benchmark texts, in both ways that llmc_lib/dataset/texts/words.py sees words.

    A row is found when it shares n words in a row with a text, either split at white space (everything
    that open-r1's scripts/decontaminate.py finds) or normalised. Texts with fewer than n normalised
    words follow the rule of `SHORTEST_RUN`; texts without any word are never found.

    Runs are looked up by a 64-bit hash and then compared word by word, so that a false hit needs two
    different words with one hash: about 10^-7 for 10^7 different words against 10^5 of a benchmark.

    It can be pickled; what travels is 8 bytes a word of the benchmark and way of seeing it.
    """

    def __init__(self, texts: Texts, n: int) -> None:
        if n < 1:
            raise ValueError(f"n must be 1 or more, not {n}")
        self.n = n
        self._plain = _Runs(plain_words(texts), n, False)
        normal = normal_words(texts)
        self._normal = _Runs(normal, n, False)
        self._short = _Runs(normal, n, True)

    def find(self, texts: Texts) -> npt.NDArray[np.int32]:
        """For each text the number of the first benchmark text that it shares a run with, or -1."""
        found = np.full(len(texts), -1, np.int32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            if isinstance(batch, pa.Array) and not pa.types.is_string(batch.type):
                batch = batch.cast(pa.string())
            part = found[start : start + _BATCH]
            self._plain.find(plain_words(batch), part)
            normal = normal_words(batch)
            self._normal.find(normal, part)
            self._short.find(normal, part)
        return found


class _Runs:
    """A hash table of runs of words: all runs of n, or (`shorter`) the texts of fewer than n words."""

    def __init__(self, words: Words, n: int, shorter: bool) -> None:
        self.source, self.n, self.shorter = words, n, shorter
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
        _insert(
            self.words, self.starts, self.lengths, self.prefix, self.slots, self.keys, self.bitmap
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _Runs, (self.source, self.n, self.shorter)

    def find(self, rows: Words, found: npt.NDArray[np.int32]) -> None:
        """Lower `found` (-1: none) to the first text that owns a run in the row."""
        if self.owners.size:
            entries = self.words, self.starts, self.lengths, self.owners
            table = self.slots, self.keys, self.bitmap
            _find(*rows, *entries, self.prefix, self.shorter, *table, found)


@compiled
def _key(words: Array, start: int, length: int) -> Any:
    """The polynomial hash of a run, Σ word × base^(places behind it), modulo 2^64."""
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
    found: Array,
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
                    best = owner
                slot = (slot + 1) & (slots.size - 1)
        found[row] = best
