"""MinHash signatures of texts, and the rows that they tell to be nearly the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from llmc_lib.dataset.texts.characters import Array, Texts, compiled, mix
from llmc_lib.dataset.texts.words import normal_words

#: Slots of a signature; the estimate's standard error is √(s(1 - s)/128), 0.035 at s = 0.8.
SLOTS = 128
#: A slot of a text that has no words; no other text fills all its slots with it.
EMPTY = np.uint32(2**32 - 1)

_SHINGLE = 3  # words
_SEED = 20_250_131
# rensa makes threads for larger calls, and a process forked from one with threads waits for them forever.
_CALL = 128  # rows
# Of the pairs whose similarity is just the threshold, the banding may overlook so many.
_MISSED = 0.01
_BASE = np.uint64(0x9E3779B97F4A7C15)


def signatures(texts: Texts) -> npt.NDArray[np.uint32]:
    """MinHash signatures (rows × 128) of the sets of normalised word 3-grams.

    The share of equal slots estimates the Jaccard similarity of the sets (Broder, On the resemblance
    and containment of documents, 1997). A text of one or two words has those as its only shingle; a
    text without words has `EMPTY` in all slots and resembles nothing.
    """
    words = normal_words(texts)
    counts = np.diff(words.offsets)
    shingles = np.where(counts > 0, np.maximum(counts - _SHINGLE + 1, 1), 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(shingles)])
    hashes = np.empty(offsets[-1], np.uint64)
    _shingle(words.hashes, words.offsets, offsets, hashes)
    made = np.empty((counts.size, SLOTS), np.uint32)
    for start in range(0, counts.size, _CALL):
        bounds = offsets[start : start + _CALL + 1]
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            hashes[bounds[0] : bounds[-1]], (bounds - bounds[0]).astype(np.uint64), SLOTS, _SEED
        )
        made[start : start + _CALL] = matrix.to_rows()
    return made


@compiled
def _shingle(
    words: Array,
    offsets: Array,
    places: Array,
    hashes: Array,
) -> None:
    for row in range(offsets.size - 1):
        length = min(offsets[row + 1] - offsets[row], _SHINGLE)
        for i in range(places[row + 1] - places[row]):
            value = np.uint64(length)
            for j in range(offsets[row] + i, offsets[row] + i + length):
                value = value * _BASE + words[j]
            hashes[places[row] + i] = mix(value)


def near_duplicates(
    signatures: npt.NDArray[np.uint32],
    keys: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.int64],
    threshold: float,
    among: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int64]:
    """For each row the best-ranked kept row that it resembles, -1 for a row that is kept.

    Rows that are not `among` those to look at (None: all) resemble none, and none resembles them.

    Rows are judged from the best rank to the worst: one goes if a row that is kept has the same key and
    at least `threshold` of its signature's slots (an estimate of the Jaccard similarity). So of a chain
    A ~ B ~ C with A unlike C, ranked in this order, only B goes. The rows' order matters only where
    ranks are equal.

    Pairs are looked for among rows that agree in one of several bands of slots; `bands` says how
    many, and how few pairs that overlooks.
    """
    count, slots = signatures.shape
    order = np.argsort(rank, kind="stable")
    number, width = bands(threshold, slots)
    # buckets[row, band]: rows with the same number agree in the key and in all slots of the band.
    buckets = np.empty((count, number), np.int32)
    hashes = np.empty(count, np.uint64)
    for band in range(number):
        _hash_band(signatures, keys, band * width, width, hashes)
        _, bucket, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
        lone = sizes[bucket] == 1
        buckets[:, band] = np.where(lone, -1, bucket)
    buckets[(signatures == EMPTY).all(axis=1)] = -1  # texts without words
    if among is not None:
        buckets[~among] = -1
    needed = int(np.ceil(threshold * slots - 1e-9))
    return _greedy(signatures, keys, order, buckets, needed)


def bands(threshold: float, slots: int) -> tuple[int, int]:
    """How many bands of how many slots find 99% or more of the pairs with this similarity.

    With b bands of r slots a pair of similarity s agrees in some band with the probability
    1 - (1 - s^r)^b (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2). The
    widest bands that reach 99% compare the fewest pairs; at 0.8 they are 21 bands of 6 slots, which
    find 99.8% of the pairs at 0.8 and 46% of those at 0.5.
    """
    for width in range(slots, 1, -1):
        number = slots // width
        if (1 - threshold**width) ** number <= _MISSED:
            return number, width
    return slots, 1


@compiled
def _hash_band(
    signatures: Array,
    keys: Array,
    first: int,
    width: int,
    hashes: Array,
) -> None:
    for row in range(keys.size):
        value = keys[row]
        for slot in range(first, first + width):
            value = (value ^ (value >> np.uint64(32))) * _BASE + np.uint64(signatures[row, slot])
        hashes[row] = (value ^ (value >> np.uint64(32))) * _BASE


@compiled
def equal_slots(left: Array, right: Array) -> Any:
    """In how many slots two signatures agree."""
    count = np.int32(0)
    for slot in range(left.size):
        count += np.int32(left[slot] == right[slot])
    return count


@compiled
def _greedy(
    signatures: Array,
    keys: Array,
    order: Array,
    buckets: Array,
    needed: int,
) -> Array:
    count, number = buckets.shape
    of = np.full(count, -1, np.int64)
    place = np.empty(count, np.int64)  # in the order of ranks
    # The kept rows of each bucket as a linked list: newest[bucket, band], then before[row, band].
    newest = np.full((count, number), -1, np.int32)
    before = np.full((count, number), -1, np.int32)
    compared = np.full(count, -1, np.int32)  # with which row last
    for at in range(count):
        row = order[at]
        place[row] = at
        best = np.int64(-1)
        for band in range(number):
            bucket = buckets[row, band]
            other = np.int64(newest[bucket, band]) if bucket >= 0 else np.int64(-1)
            while other >= 0:
                if compared[other] != row and (best < 0 or place[other] < place[best]):
                    compared[other] = row
                    if (
                        keys[other] == keys[row]
                        and equal_slots(signatures[other], signatures[row]) >= needed
                    ):
                        best = other
                other = np.int64(before[other, band])
        of[row] = best
        if best < 0:
            for band in range(number):
                bucket = buckets[row, band]
                if bucket >= 0:
                    before[row, band] = newest[bucket, band]
                    newest[bucket, band] = row
    return of
