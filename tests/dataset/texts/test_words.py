"""The two ways to see the words of a text, against references in plain Python."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmc_lib.dataset.texts.characters import Texts, compiled
from llmc_lib.dataset.texts.words import Words, normal_words, plain_words

# Letters of several scripts, white space, operators, LaTeX, and what case-folding makes longer.
ASCII = "aBcXyZ019 \t\n.,;:!?()[]{}$^_+-*/=<>|\\~%&'\"#"
BEYOND = "éÉßẞςΣσİıﬁ²½×−≤∑已知あのกข한국\u00a0\u2003\u3000\u0301Ａ😀𝑥𠀀"
PIECES = st.sampled_from([*ASCII, *BEYOND, "\\frac", "\\,", "\\left", "\\quad", "\\\\"])
TEXT = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=30)


def _numbers(words: Words) -> list[list[int]]:
    """The words of each text, each as its number in the order of first appearance."""
    known: dict[int, int] = {}
    flat = [known.setdefault(int(value), len(known)) for value in words.hashes]
    return [flat[a:b] for a, b in zip(words.offsets[:-1], words.offsets[1:], strict=True)]


def _reference(words: list[list[str]]) -> list[list[int]]:
    known: dict[str, int] = {}
    return [[known.setdefault(word, len(known)) for word in text] for text in words]


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(TEXT, max_size=6))
def test_plain_words_are_those_of_split(texts: list[str]) -> None:
    assert _numbers(plain_words(texts)) == _reference([t.lower().split() for t in texts])


@settings(max_examples=150)
@given(st.lists(st.text("aB1 .,$+-=^{}\\!([", max_size=30), max_size=6))
def test_normal_words_are_runs_of_letters_or_digits(texts: list[str]) -> None:
    words = [re.findall("[a-z]+|[0-9]+", text.lower()) for text in texts]
    assert _numbers(normal_words(texts)) == _reference(words)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("$x=5$", "$ x = 5 $,"),
        ("$x=5$", "\\(X\\,=\\,5\\)"),
        ("\\[2x+3\\]", "$$ 2\\;x\\quad +~3 $$"),
        ("\\left( \\dfrac{1}{2} \\right)", "(\\frac 1 2)"),
        ("\\displaystyle\\frac{a}{b}", "\\tfrac{a}{b}"),
        ("a \\leq b", "a \\le b"),
        ("5\\text{ cm}", "5 cm"),
        ("x^2", "x²"),
        ("It's 'so'.", "it s so"),
        ("Straße", "STRASSE"),
        ("e\u0301t\u00e9", "\u00e9te\u0301"),
        ("Ｘ＝５", "x = 5"),
        ("已知 $AB$ 是", "已知$AB$是"),
        ("a\\\\b", "a b"),
        ("\\{1,2\\}", "(1, 2)"),
    ],
)
def test_the_same_in_other_typing_gives_the_same_words(text: str, same: str) -> None:
    words = normal_words([text, same])
    left, right = np.split(words.hashes, [words.offsets[1]])
    assert left.size
    assert left.tolist() == right.tolist()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("已知非负整数", 6), ("あのこ", 3), ("𠀀𠀁", 2), ("กข", 2), ("한국 사람", 2), ("Ελλάδα", 1),
        ("हिन्दी", 1), ("x2y", 3), ("\\alpha\\beta", 2), ("1.5", 2), ("...", 0), ("😀", 0), ("", 0),
    ],
)  # fmt: skip
def test_each_script_has_its_own_words(text: str, count: int) -> None:
    assert normal_words([text]).hashes.size == count


def test_signs_are_words_where_asked_for() -> None:
    words = normal_words(["x+5", "x-5", "x − 5", "2.5", "25", "2, 5"], signs=True)
    texts = [
        words.hashes[a:b].tolist() for a, b in zip(words.offsets, words.offsets[1:], strict=False)
    ]
    assert texts[1] == texts[2]
    assert len({tuple(text) for text in texts}) == 5


@pytest.mark.parametrize("make", [plain_words, normal_words])
def test_strings_in_lists_and_in_arrow_give_the_same(make: type[Words]) -> None:
    ascii_only = ["Alpha beta", "", "x=5\x00y", "tail"]
    for texts in (ascii_only, [*ascii_only, "Ünï 已知"]):
        padded = pa.array(["cut off", *texts, "é"])
        kinds: list[Texts] = [pa.array(texts), pa.array(texts, pa.large_string())]
        kinds += [padded.slice(1, len(texts))]
        expected = make(texts)  # type: ignore[arg-type, call-arg]
        for kind in kinds:
            found = make(kind)  # type: ignore[arg-type, call-arg]
            assert found.hashes.tolist() == expected.hashes.tolist()
            assert found.offsets.tolist() == expected.offsets.tolist()


def test_odd_input_has_words_too() -> None:
    texts = ["a" * 1_000_000, "\ud800 half a pair", "nul\x00byte", "\\", "a\\"]
    assert np.diff(plain_words(texts).offsets).tolist() == [1, 4, 1, 1, 1]
    assert np.diff(normal_words(texts).offsets).tolist() == [1, 3, 2, 0, 1]
    nothing = pa.array([None, "one"], pa.string())
    assert np.diff(normal_words(nothing).offsets).tolist() == [0, 1]
    assert normal_words([]).hashes.size == plain_words([]).hashes.size == 0


def test_bytes_that_are_not_utf8_stay_within_their_text() -> None:
    offsets = np.array([0, 2, 4], np.int32)
    data = b"a\xe6bc"
    array = pa.StringArray.from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(data))
    assert np.diff(normal_words(array).offsets).tolist() == [1, 1]


def test_a_loop_whose_code_cannot_be_kept_is_compiled_all_the_same() -> None:
    names: dict[str, Any] = {}
    exec("def double(x): return 2 * x", names)  # without a file, so without a place beside it
    assert compiled(names["double"])(21) == 42
