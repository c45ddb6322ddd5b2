"""The order in which questions are asked: any beginning is a fair sample."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmc_lib.question_bank.order import drawn
from llmc_lib.records import Question


def _questions(**sizes: int) -> list[Question]:
    return [
        Question(f"{category}-{n}", "hle", "?", "1", "exactMatch", category, "")
        for category, size in sizes.items()
        for n in range(size)
    ]


@pytest.mark.slow
@example(sizes=[28, 24, 6, 4, 2, 2, 1, 1], seed=0)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    seed=st.integers(0, 2**31),
)
def test_every_beginning_has_the_categories_shares(sizes: list[int], seed: int) -> None:
    questions = _questions(**{f"c{n}": size for n, size in enumerate(sizes)})
    order = drawn(questions, seed)
    assert sorted(q.id for q in order) == sorted(q.id for q in questions)
    seen: Counter[str] = Counter()
    for m, question in enumerate(order, 1):
        seen[question.category] += 1
        # Each category is less than a question from its share of the way, and all together c of them.
        for n, size in enumerate(sizes):
            share = size / len(order)
            most = 1 + share * max(0, len(sizes) - 2)
            assert abs(seen[f"c{n}"] - m * share) <= most + 1e-9


def test_it_depends_on_seed_and_ids_alone() -> None:
    questions = _questions(a=20, b=7)
    order = [q.id for q in drawn(questions, 3)]
    random.Random(1).shuffle(questions)
    assert [q.id for q in drawn(questions, 3)] == order
    assert [q.id for q in drawn(questions, 4)] != order


def test_any_question_is_as_likely_as_another_to_be_among_the_first() -> None:
    questions = _questions(a=6, b=3)
    first = Counter(q.id for seed in range(3_000) for q in drawn(questions, seed)[:3])
    # Each of 9 questions is among the first 3 with probability 1/3: 1,000 of 3,000, and 6 standard
    # deviations are 155.
    assert set(first) == {q.id for q in questions}
    assert first.total() == 9_000
    for question in questions:
        assert first[question.id] == pytest.approx(1_000, abs=155)
