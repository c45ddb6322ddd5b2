"""Which groups of a step can teach something."""

from __future__ import annotations

import math

import pytest

from llmc_lib.rewards import Groups, count_groups


def test_groups_are_counted_by_how_many_of_each_are_right() -> None:
    right = [1, 1, 1, 0, 0, 0, 0, 1, 0, None, 1, 1, None, math.nan, None]
    found = count_groups(right, 3)
    assert found == Groups(groups=5, all_wrong=1, all_right=2, mixed=1, undecided=1)
    assert found.share("mixed") == 0.2
    assert (found + found).groups == 10


def test_no_groups() -> None:
    assert count_groups([], 4).share("mixed") == 0
    with pytest.raises(ValueError, match="5 completions"):
        count_groups([1] * 5, 4)
