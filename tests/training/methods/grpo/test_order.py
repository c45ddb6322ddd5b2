"""No prompt is lost or used twice, whatever a generation's size, and the order follows from the seed alone."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.training.methods.grpo.order import PromptOrder, noise

pytestmark = pytest.mark.slow  # loads torch


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 20), st.integers(0, 3))
def test_every_pass_has_every_row_once(
    rows: int, prompts: int, generations: int, seed: int
) -> None:
    order = PromptOrder(rows, prompts, 2, 1, generations, seed)
    used = [row for generation in range(generations) for row in order.of(generation)]
    for start in range(0, len(used) - rows + 1, rows):
        assert sorted(used[start : start + rows]) == list(range(rows))
    counts = Counter(used)
    assert max(counts.values()) - min(counts[row] for row in range(rows)) <= 1


def test_the_trainer_gets_groups_and_each_generation_as_often_as_it_is_trained_on() -> None:
    order = PromptOrder(rows=5, prompts=2, group=3, repeats=2, generations=4, seed=1)
    found = list(order)
    assert len(found) == len(order) == 4 * 2 * 2 * 3
    for generation in range(4):
        a, b = order.of(generation)
        part = found[12 * generation : 12 * (generation + 1)]
        assert part == [a, a, a, b, b, b] * 2


def test_passes_differ_and_seeds_do() -> None:
    def passes(seed: int) -> list[list[int]]:
        order = PromptOrder(50, 50, 2, 1, 2, seed)
        return [order.of(0), order.of(1)]

    first, second = passes(0)
    assert first != second
    assert passes(0) == [first, second]
    assert passes(1)[0] != first


@pytest.mark.parametrize("cut", [1, 3])
def test_the_numbers_of_a_completion_are_its_own(cut: int) -> None:
    whole = noise(7, "step 3", range(8), 5)
    parts = [noise(7, "step 3", range(cut), 5), noise(7, "step 3", range(cut, 8), 5)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)
    assert whole.min() >= 0
    assert whole.max() < 1
    assert len(whole.unique()) == 40
    assert not torch.equal(noise(7, "step 4", range(8), 5), whole)
    assert not torch.equal(noise(8, "step 3", range(8), 5), whole)
