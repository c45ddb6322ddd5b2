"""Texts as sequences of word hashes: the ground of decontamination and deduplication.

Two ways to see the words of a text, each as an array of 64-bit hashes made by compiled loops over its
UTF-8 bytes:

- `plain_words`: what `text.lower().split()` gives. It is how s1 and open-r1 see a text in their
  decontamination (https://arxiv.org/abs/2501.19393), so what they find is found here too.
- `normal_words`: the same mathematics in other typing gives the same words. Words are runs of letters
  and runs of digits, in lower case and Unicode's NFKC form; LaTeX commands are words without their
  backslash, but spacing and font commands are left out; punctuation, braces, delimiters and
  operators only separate. In scripts written without spaces (Chinese, Japanese, Thai, …) each
  character is a word. So "$x=5$", "$ x = 5 $," and "\\(X\\,=\\,5\\)" agree.

Two words share a hash by accident with a probability of 2^-64.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from llmc_lib.dataset.texts.characters import (
    ALONE,
    BACKSLASH,
    DIGIT,
    LETTER,
    LOWER,
    PRIME,
    SIGN,
    SPACE,
    Array,
    Bytes,
    Texts,
    add_bytes,
    character,
    character_classes,
    compiled,
    folded,
    mix,
    read_only,
    utf8,
)

# LaTeX commands that change how a text looks and not what it says; and two spellings of one thing.
_NO_WORD = (
    "quad qquad left right middle big bigl bigr bigg biggl biggr displaystyle textstyle limits nolimits "
    "text textrm textbf textit mathrm mathbf mathit mbox hbox operatorname boldsymbol hspace vspace"
).split()
_SPELLINGS = {"dfrac": "frac", "tfrac": "frac", "leq": "le", "geq": "ge", "neq": "ne"}


class Words(NamedTuple):
    """The words of several texts: those of text i are `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]


# ---- loops -----------------------------------------------------------------------------------


@compiled
def _plain(
    data: Array,
    offsets: Array,
    classes: Array,
    seed: np.uint64,
    hashes: Array,
    starts: Array,
) -> Any:
    count = 0
    for row in range(offsets.size - 1):
        starts[row] = count
        i, end = offsets[row], offsets[row + 1]
        value, inside = seed, False
        while i < end:
            kind, size = character(data, i, end, classes)
            if kind == SPACE:
                if inside:
                    hashes[count] = mix(value)
                    count += 1
                    value, inside = seed, False
                i += size
                continue
            value, inside = add_bytes(value, data, i, i + size), True
            i += size
            # The rest of this loop is the common case again, in fewer steps.
            while i < end and data[i] < 0x80 and classes[data[i]] != SPACE:
                value = (value ^ LOWER[data[i]]) * PRIME
                i += 1
        if inside:
            hashes[count] = mix(value)
            count += 1
    starts[offsets.size - 1] = count
    return count


@compiled
def _normal(
    data: Array,
    offsets: Array,
    classes: Array,
    commands: Array,
    meanings: Array,
    signs: bool,
    seed: np.uint64,
    hashes: Array,
    starts: Array,
) -> Any:
    count = 0
    for row in range(offsets.size - 1):
        starts[row] = count
        i, first, end = offsets[row], offsets[row], offsets[row + 1]
        while i < end:
            kind, size = character(data, i, end, classes)
            j = i + size
            if kind in (LETTER, DIGIT):
                value = add_bytes(seed, data, i, j)
                while j < end:
                    if data[j] < 0x80:  # the common case, in fewer steps
                        if classes[data[j]] != kind:
                            break
                        value = (value ^ LOWER[data[j]]) * PRIME
                        j += 1
                    else:
                        following, size = character(data, j, end, classes)
                        if following != kind:
                            break
                        value = add_bytes(value, data, j, j + size)
                        j += size
                value = mix(value)
                if kind == LETTER and i > first and data[i - 1] == BACKSLASH:
                    place = np.searchsorted(commands, value)
                    if place < commands.size and commands[place] == value:
                        value = meanings[place]
                if value != 0:
                    hashes[count] = value
                    count += 1
            elif kind == ALONE or (signs and (kind == SIGN or _is_point(data, i, first, end))):
                hashes[count] = mix(add_bytes(seed, data, i, j))
                count += 1
            elif data[i] == BACKSLASH and j < end:  # \\, \\! \\( \\{ …: a command of one character
                kind, size = character(data, j, end, classes)
                if kind != LETTER and kind != DIGIT:
                    j += size
            i = j
    starts[offsets.size - 1] = count
    return count


@compiled
def _is_point(data: Array, i: int, first: int, end: int) -> Any:
    """Is this the point of "2.5", which must equal neither "25" nor "2, 5"?"""
    if data[i] != 46 or i == first or i + 1 >= end:
        return False
    return 48 <= data[i - 1] <= 57 and 48 <= data[i + 1] <= 57


# ---- the two streams -------------------------------------------------------------------------


def plain_words(texts: Texts) -> Words:
    """The hashes of `text.lower().split()` of each text."""
    source = utf8(texts, str.lower)
    hashes, starts = _room(source)
    count = _plain(*source, character_classes(), _seed(0), hashes, starts)
    return Words(hashes[:count].copy(), starts)


def normal_words(texts: Texts, *, signs: bool = False, seed: int = 1) -> Words:
    """The hashes of each text's normalised words, as the module says.

    With `signs` the operators + - * / ^ = < > | ! ( ) [ ], other mathematical symbols and decimal
    points are words too. Another `seed` gives independent hashes.
    """
    source = folded(texts)
    hashes, starts = _room(source)
    commands, meanings = _commands(seed)
    count = _normal(
        *source, character_classes(), commands, meanings, signs, _seed(seed), hashes, starts
    )
    return Words(hashes[:count].copy(), starts)


def _seed(number: int) -> np.uint64:
    return np.uint64(0xCBF29CE484222325 + number * 0x9E3779B9)


def _room(source: Bytes) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Room for one word a byte; the part that stays unused never becomes memory."""
    size = source.offsets[-1] - source.offsets[0]
    return np.empty(size, np.uint64), np.empty(source.offsets.size, np.int64)


@functools.cache
def _commands(seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Hashes of LaTeX commands, sorted, and of the words that they stand for (0: none)."""
    names = {**dict.fromkeys(_NO_WORD, ""), **_SPELLINGS}
    pairs = sorted((_hash(name, seed), _hash(word, seed)) for name, word in names.items())
    return np.array([p[0] for p in pairs], np.uint64), np.array([p[1] for p in pairs], np.uint64)


def _hash(word: str, seed: int) -> int:
    data = read_only(word.encode())
    return int(mix(np.uint64(add_bytes(_seed(seed), data, 0, len(word))))) if word else 0
