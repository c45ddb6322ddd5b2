"""Texts as UTF-8 bytes, and the compiled functions that read characters from them."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Texts: TypeAlias = Sequence[str] | pa.Array
Array: TypeAlias = npt.NDArray[Any]  # in compiled functions, which check nothing
F = TypeVar("F", bound=Callable[..., Any])

# What a character is. Letters and digits make words; `ALONE` is a word by itself; `SIGN` is an operator.
OTHER, LETTER, DIGIT, ALONE, SIGN, SPACE = range(6)
_SIGNS = "+-*/^=<>|!()[]"
_NO_SPACES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF),  # Thai, Lao; Myanmar; Khmer
    (0x3040, 0x30FF), (0x31F0, 0x31FF),  # kana
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),  # Han
)  # fmt: skip

LOWER = np.array([byte + 32 if 65 <= byte <= 90 else byte for byte in range(256)], np.uint64)
BACKSLASH = 92
PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def compiled(function: F) -> F:
    """Compile a loop with numba at its first call; the machine code is kept on disk.

    It is kept beside the module, or else in the user's cache folder; where neither can be written, every
    process compiles again.
    """
    try:
        return numba.njit(cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit()(function)  # type: ignore[no-any-return]


# ---- texts as bytes --------------------------------------------------------------------------


class Bytes(NamedTuple):
    """Texts in UTF-8, one after the other: text i is `data[offsets[i]:offsets[i + 1]]`."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


def folded(texts: Texts) -> Bytes:
    """The texts in NFKC form and case-folded; ASCII letters keep their case, which the loops ignore."""
    return utf8(texts, _fold)


def composed(texts: Texts) -> Bytes:
    """The texts in NFKC form."""
    return utf8(texts, _compose)


def _compose(text: str) -> str:
    # NFKC leaves the minus sign alone, which pages use for a hyphen-minus.
    return unicodedata.normalize("NFKC", text).replace("−", "-")


def _fold(text: str) -> str:
    return _compose(text).casefold()


def utf8(texts: Texts, change: Callable[[str], str]) -> Bytes:
    """UTF-8 of texts, each as `change` leaves it but for its ASCII letters. None is an empty text.

    Only texts with a character that may change are handed to `change`: where symbols and letters without
    case are all that is beyond ASCII, as in most mathematics, Arrow's bytes are used as they are.
    """
    source = _encoded(texts)
    first, last = source.offsets[0], source.offsets[-1]
    if first == last or source.data[first:last].max() < 0x80:
        return source
    rows = np.flatnonzero(_touched(*source, _changing(change)))
    if not rows.size:
        return source
    lengths = np.diff(source.offsets)
    pieces: list[Any] = []
    for row in rows:
        start, stop = source.offsets[row : row + 2]
        # "surrogatepass": JSON can hold half a surrogate pair, which is no reason to stop.
        text = change(source.data[start:stop].tobytes().decode("utf-8", "surrogatepass"))
        changed = text.encode("utf-8", "surrogatepass")
        pieces += [source.data[first:start], changed]
        first, lengths[row] = stop, len(changed)
    pieces.append(source.data[first:last])
    return Bytes(read_only(b"".join(pieces)), _offsets(lengths))


def _encoded(texts: Texts) -> Bytes:
    if isinstance(texts, pa.Array):
        if pa.types.is_string(texts.type) and texts.null_count == 0 and texts.buffers()[2]:
            ends = np.frombuffer(texts.buffers()[1], np.int32)
            offsets = ends[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
            return Bytes(read_only(texts.buffers()[2]), offsets)
        texts = texts.to_pylist()
    parts = [text.encode("utf-8", "surrogatepass") if text else b"" for text in texts]
    return Bytes(read_only(b"".join(parts)), _offsets([len(part) for part in parts]))


def _offsets(lengths: Any) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


@functools.cache
def _changing(change: Callable[[str], str]) -> npt.NDArray[np.bool_]:
    """For each code point below 65,536 whether a text that has it may change.

    Besides those that change by themselves these are the marks and the Hangul jamo, which NFKC may
    join to what comes before them.
    """
    codes = [chr(code) for code in range(0x10000)]
    marks = [unicodedata.category(code)[0] == "M" or "ᄀ" <= code <= "ᇿ" for code in codes]
    changes = [change(code) != code for code in codes]
    return np.logical_or(marks, changes)


def read_only(buffer: Any) -> npt.NDArray[np.uint8]:
    """The bytes of a buffer as an array that cannot be written to: for others numba compiles once more."""
    data = np.frombuffer(buffer, np.uint8) if len(buffer) else np.empty(0, np.uint8)
    data.flags.writeable = False
    return data


@functools.cache
def character_classes() -> npt.NDArray[np.uint8]:
    """For each code point below 65,536 what it is."""
    classes = np.zeros(0x10000, np.uint8)
    kinds = {"L": LETTER, "M": LETTER, "N": LETTER, "Nd": DIGIT, "Sm": SIGN}
    for code in range(0x10000):
        category = unicodedata.category(chr(code))
        classes[code] = kinds.get(category, kinds.get(category[0], OTHER))
        if chr(code).isspace():
            classes[code] = SPACE
    for first, last in _NO_SPACES:
        span = classes[first : last + 1]
        span[(span == LETTER)] = ALONE
    for code in range(128):
        if classes[code] == SIGN or chr(code) in _SIGNS:
            classes[code] = SIGN if chr(code) in _SIGNS else OTHER
    return classes


# ---- characters and hashes -------------------------------------------------------------------


@compiled
def mix(value: np.uint64) -> Any:
    """Spread a 64-bit number over all its bits: the last step of SplitMix64 (Steele, Lea and Flood,
    Fast splittable pseudorandom number generators, OOPSLA 2014)."""
    value = (value ^ (value >> _SHIFTS[0])) * _MIX[0]
    value = (value ^ (value >> _SHIFTS[1])) * _MIX[1]
    return value ^ (value >> _SHIFTS[2])


@compiled
def _decode(data: Array, i: int, end: int) -> tuple[Any, Any]:
    """The code point that starts at byte `i`, and its length in bytes.

    What is not UTF-8, which Arrow does not check in all that it reads, stays within its text.
    """
    code, size = np.int64(data[i]), np.int64(1)
    if code >= 0xF0:
        code, size = code & 0x07, np.int64(4)
    elif code >= 0xE0:
        code, size = code & 0x0F, np.int64(3)
    elif code >= 0x80:
        code, size = code & 0x1F, np.int64(2)
    if i + size > end:
        return np.int64(0xFFFD), np.int64(end - i)
    for j in range(i + 1, i + size):
        code = (code << 6) | (np.int64(data[j]) & 0x3F)
    return code, size


@compiled
def character(data: Array, i: int, end: int, classes: Array) -> tuple[Any, Any]:
    """The class of the character that starts at byte `i`, and its length in bytes."""
    if data[i] < 0x80:
        return np.int64(classes[data[i]]), np.int64(1)
    code, size = _decode(data, i, end)
    if code < 0x10000:
        return np.int64(classes[code]), size
    if 0x20000 <= code < 0x40000:  # the rarer Han characters
        return np.int64(ALONE), size
    return np.int64(OTHER if 0x1F000 <= code < 0x20000 else LETTER), size


@compiled
def _touched(data: Array, offsets: Array, changing: Array) -> Array:
    """Which texts have a character beyond ASCII that may change."""
    rows = np.zeros(offsets.size - 1, np.bool_)
    for row in range(rows.size):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            if data[i] < 0x80:
                i += 1
                continue
            code, size = _decode(data, i, end)
            if code >= 0x10000 or changing[code]:
                rows[row] = True
                break
            i += size
    return rows


@compiled
def add_bytes(value: np.uint64, data: Array, start: int, stop: int) -> Any:
    """Go on with an FNV-1a hash over bytes, ASCII letters in lower case."""
    for i in range(start, stop):
        value = (value ^ LOWER[data[i]]) * PRIME
    return value
