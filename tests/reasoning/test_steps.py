"""Steps: nothing is lost, mathematics and code stay whole, long paragraphs are split."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.reasoning.steps import split


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("One.\n\nTwo.\n \n\nThree.", ["One.", "Two.", "Three."]),
        ("Plan:\n1. Add.\n2. Halve.", ["Plan:", "1. Add.", "2. Halve."]),
        ("# Head\n\ntext\n## More\ntext", ["# Head", "text", "## More\ntext"]),
        ("So\n$$a\n\n= b$$\nholds.", ["So\n$$a\n\n= b$$\nholds."]),
        ("\\begin{align}\n1 &= 1\\\\\n\n- 2 &= 2\n\\end{align}", ["\\begin{align}\n1 &= 1\\\\\n\n- 2 &= 2\n\\end{align}"]),
        ("```\na = 1\n\nb = 2\n```\n\nEnd.", ["```\na = 1\n\nb = 2\n```", "End."]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_a_text_is_split_where_a_reader_would(text: str, steps: list[str]) -> None:
    assert [step.text for step in split(text)] == steps


def test_a_long_paragraph_is_split_by_sentences() -> None:
    text = "This is a sentence of some words and no more. " * 40
    steps = split(text)
    assert 5 <= len(steps) <= 40
    assert all(step.text.endswith(".") for step in steps)


@given(st.text(alphabet="ab .\n$\\[]#-1`", max_size=400))
def test_nothing_is_lost(text: str) -> None:
    steps = split(text)
    assert all(text[step.start : step.end] == step.text for step in steps)
    assert "".join("".join(step.text.split()) for step in steps) == "".join(text.split())
    assert all(a.end <= b.start for a, b in pairwise(steps))


@pytest.mark.slow
def test_a_million_characters_take_a_moment() -> None:
    start = time.process_time()
    assert split("x" * 1_000_000)
    assert split("$" * 100_000)
    assert split("\\[" * 50_000)
    assert time.process_time() - start < 5
