"""Which rows say the same as a better one: exact and near duplicates."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from llmc_lib.dataset.texts.characters import Array, Texts, add_bytes, compiled, composed, mix
from llmc_lib.dataset.texts.signatures import near_duplicates
from llmc_lib.dataset.texts.words import normal_words

_BASE = np.uint64(0x9E3779B97F4A7C15)
_SIGNS = np.array([chr(byte) in "+-*/<>" for byte in range(128)])


def duplicates(
    exact: npt.NDArray[np.uint64],
    signatures: npt.NDArray[np.uint32],
    numbers: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.int64],
    near: float | None,
) -> npt.NDArray[np.int64]:
    """For each row the kept row that it duplicates, -1 for a row that is kept.

    Exact duplicates go first, then near ones among the rows that are left; a row that equals one which
    has gone duplicates what that one duplicates.

    Args:
        exact: rows × 2, of `exact_keys`.
        signatures: rows × 128, of `signatures.signatures`; not looked at where `near` is None.
        numbers: of `number_keys`; likewise.
        rank: the lower, the better a row's provenance; of equals the one that comes first is better.
        near: the similarity from which rows are near duplicates (`signatures.near_duplicates`); None:
            exact ones only.
    """
    of = exact_duplicates(exact, rank)
    if near is None:
        return of
    equal = np.flatnonzero(of >= 0)
    found = near_duplicates(signatures, numbers, rank, near, among=of < 0)
    of = np.where(found >= 0, found, of)
    onward = of[of[equal]]
    of[equal] = np.where(onward >= 0, onward, of[equal])
    return of


def exact_duplicates(
    keys: npt.NDArray[np.uint64], rank: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each row the best-ranked row with the same key (rows × 2), -1 for that row itself."""
    order = np.lexsort((rank, keys[:, 1], keys[:, 0]))
    sorted_keys = keys[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (sorted_keys[1:] != sorted_keys[:-1]).any(axis=1)
    best = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    of = np.empty(len(order), np.int64)
    of[order] = np.where(new, -1, best)
    return of


def number_keys(texts: Texts) -> npt.NDArray[np.uint64]:
    """A hash of what tells mathematical problems apart, however much they look alike.

    It is the hash of a multiset: of the numbers; of the signs + - * / < >, each with the letter or digit
    that follows; and of the names, which are single letters (but a and I) and words in capitals. "1,000",
    "1{,}000" and "1,\\!000" are 1000; a hyphen in a word is no minus. LaTeX commands do not count.
    """
    source = composed(texts)
    keys = np.empty(len(texts), np.uint64)
    _number_keys(*source, _SIGNS, keys)
    return keys


def exact_keys(texts: Texts) -> npt.NDArray[np.uint64]:
    """128-bit hashes (rows × 2) of the normalised texts with their signs and decimal points.

    Equal keys mean the same text but for case, spacing and punctuation; texts without anything but
    punctuation are compared as they are.
    """
    keys = np.empty((len(texts), 2), np.uint64)
    for column in range(2):
        words = normal_words(texts, signs=True, seed=2 + column)
        _whole(words.hashes, words.offsets, keys[:, column])
    for row in np.flatnonzero(np.diff(words.offsets) == 0):
        text = texts[row] if isinstance(texts[row], str) else texts[row].as_py()
        digest = hashlib.sha256((text or "").encode("utf-8", "surrogatepass")).digest()
        keys[row] = np.frombuffer(digest[:16], np.uint64)
    return keys


@compiled
def _whole(words: Array, offsets: Array, keys: Array) -> None:
    for row in range(offsets.size - 1):
        value = np.uint64(1)
        for i in range(offsets[row], offsets[row + 1]):
            value = value * _BASE + words[i]
        keys[row] = mix(value)


@compiled
def _is_digit(data: Array, i: int, end: int) -> Any:
    return i < end and 48 <= data[i] <= 57


@compiled
def _next_group(data: Array, i: int, end: int) -> Any:
    """Where the digits continue after a thousands separator at `i`, or -1 where there is none."""
    comma = False
    while i < end and data[i] in (44, 123, 125, 92, 33):  # , { } \ !
        comma |= data[i] == 44
        i += 1
    if not comma:
        return -1
    for j in range(i, i + 3):
        if not _is_digit(data, j, end):
            return -1
    return -1 if _is_digit(data, i + 3, end) else i


@compiled
def _is_letter(data: Array, i: int, first: int, end: int) -> Any:
    return first <= i < end and 97 <= (data[i] | 32) <= 122


@compiled
def _is_hyphen(data: Array, i: int, first: int, end: int) -> Any:
    """Is this a "-" between two words, of which one has two letters or more?"""
    if data[i] != 45 or not (
        _is_letter(data, i - 1, first, end) and _is_letter(data, i + 1, first, end)
    ):
        return False
    return _is_letter(data, i - 2, first, end) or _is_letter(data, i + 2, first, end)


@compiled
def _is_name(data: Array, start: int, stop: int, first: int) -> Any:
    """Is this run of letters the name of a quantity or a point?"""
    before = data[start - 1] if start > first else np.uint8(32)
    if stop - start == 1:
        # Not the article, nor the s of "it's" (the apostrophe may be one beyond ASCII).
        return data[start] not in (65, 97, 73) and before != 39 and before < 0x80
    for i in range(start, stop):  # noqa: SIM110 - numba compiles no generator
        if data[i] > 90:
            return False
    return True


@compiled
def _number_keys(data: Array, offsets: Array, signs: Array, keys: Array) -> None:
    seed = np.uint64(0xCBF29CE484222325)
    for row in range(keys.size):
        first, end = offsets[row], offsets[row + 1]
        # A sum of mixed hashes does not know their order (Clarke et al., Incremental multiset hash
        # functions, Asiacrypt 2003).
        total, i = np.uint64(0), first
        while i < end:
            j = i + 1
            if _is_digit(data, i, end):
                while _is_digit(data, j, end):
                    j += 1
                value = add_bytes(seed, data, i, j)
                group = _next_group(data, j, end) if j - i <= 3 else -1
                while group >= 0:
                    j = group + 3
                    value = add_bytes(value, data, group, j)
                    group = _next_group(data, j, end)
                if j < end and data[j] == 46 and _is_digit(data, j + 1, end):  # a decimal point
                    i, j = j, j + 1
                    while _is_digit(data, j, end):
                        j += 1
                    value = add_bytes(value, data, i, j)
                total += mix(value)
            elif _is_letter(data, i, first, end):
                while _is_letter(data, j, first, end):
                    j += 1
                command = i > first and data[i - 1] == 92
                if not command and _is_name(data, i, j, first):
                    total += mix(add_bytes(seed, data, i, j))
            elif data[i] < 0x80 and signs[data[i]] and not _is_hyphen(data, i, first, end):
                value = add_bytes(seed, data, i, j)
                k = j
                while k < end and not (_is_letter(data, k, first, end) or _is_digit(data, k, end)):
                    k += 1
                total += mix(add_bytes(value, data, k, min(k + 1, end)))
            i = j
        keys[row] = total
