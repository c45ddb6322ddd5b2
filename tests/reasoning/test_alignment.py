"""Alignment: what both say is found in other words, order is kept, and the parting is where a reader sees it."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.reasoning.alignment import align

START = "We need the sum of the first ten odd numbers."
FORMULA = "The sum of the first n odd numbers is n squared, so for n = 10 it is 10^2."


def test_equal_traces_do_not_part() -> None:
    found = align([START, FORMULA], [START, FORMULA])
    assert [(row.left, row.right, row.same) for row in found.rows] == [(0, 0, True), (1, 1, True)]
    assert found.parting is None


def test_they_part_where_the_numbers_do() -> None:
    right = [START, FORMULA, "Therefore 10^2 = 100 is the answer."]
    wrong = [START, FORMULA, "Therefore 10^2 = 20 is the answer."]
    found = align(right, wrong)
    assert found.parting == 2
    assert (found.rows[2].left, found.rows[2].right, found.rows[2].same) == (2, 2, False)


def test_one_that_says_more_has_parted_where_nothing_agrees_after_it() -> None:
    left = [START, "The square of x is 9, so x = 3.", "Then 3 + 4 = 7 is the sum."]
    right = [START, "The square of x is 9, so x = 3 or x = 0 - 3.", "Then 0 - 3 + 4 = 1 is the sum."]  # fmt: skip
    assert align(left, right).parting == 1
    left.insert(2, FORMULA)
    right.insert(2, FORMULA)
    assert align(left, right).parting == 3
    assert align(left[:3], right[:3]).parting is None


def test_a_detour_is_no_parting_and_an_end_is() -> None:
    detour = [START, "Let me recall what an odd number is: 1, 3, 5.", FORMULA]
    assert align([START, FORMULA], detour).parting is None
    found = align([START], [START, FORMULA])
    assert found.parting == 1


def test_other_words_before_the_first_common_step_are_no_parting() -> None:
    left = ["Okay, so the user asks something.", START, "I add them: 1 + 3 + 5 = 9."]
    right = ["Alright!", START, "Each one is double the last: 2, 4, 8."]
    assert align(left, right).rows[1].same
    assert align(left, right).parting == 2


def test_traces_with_nothing_in_common_part_at_once() -> None:
    found = align(["The cat sat."], ["Integrate by parts."])
    assert found.parting == 0
    assert [(row.left, row.right, row.paired) for row in found.rows] == [(0, 0, False)]


@pytest.mark.slow
@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_each_step_stands_in_one_row_and_in_order(left: list[str], right: list[str]) -> None:
    rows = align(left, right).rows
    assert [row.left for row in rows if row.left is not None] == list(range(len(left)))
    assert [row.right for row in rows if row.right is not None] == list(range(len(right)))


@pytest.mark.slow
def test_thirty_thousand_tokens_a_side_take_less_than_a_second_or_two() -> None:
    draw = random.Random(0)
    words = [f"w{n}" for n in range(3000)]
    steps = [" ".join(draw.choices(words, k=20)) for _ in range(1500)]
    other = [step if draw.random() < 0.5 else " ".join(draw.choices(words, k=20)) for step in steps]
    start = time.process_time()
    found = align(steps, other)
    assert time.process_time() - start < 3  # 0.9 s on an idle core
    assert sum(row.same for row in found.rows) > 600
