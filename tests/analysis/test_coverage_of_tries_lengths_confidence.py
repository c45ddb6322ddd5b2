"""The simulations of performance/validity, smaller: every interval holds the truth as often as it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from performance.validity import calibration, length, pass_at_k

REPETITIONS = 110


@pytest.mark.slow
@pytest.mark.parametrize("rows", [calibration.rows, length.rows, pass_at_k.rows])
def test_coverage(rows: Callable[[int, int], Iterator[dict[str, Any]]]) -> None:
    found = list(rows(7, REPETITIONS))
    assert len(found) >= 9
    noise = 3.3 * math.sqrt(0.05 * 0.95 / REPETITIONS)
    for row in found:
        assert row["kind"] == "coverage"
        assert row["repetitions"] == REPETITIONS
        assert row["low"] - noise <= row["value"] <= row["high"] + noise, row


def test_the_true_majority_is_that_of_simple_cases() -> None:
    # A rate that is uniform over questions: one vote is right half of the time.
    assert pass_at_k.true_majority(1, 1, 1) == pytest.approx(0.5)
    # All questions alike, a rate of 0.4 against three wrong answers of 0.2 each; three votes by hand:
    # all right, two of three, or one against two different wrong ones and a draw among three.
    expected = 0.4**3 + 3 * 0.4**2 * 0.6 + 3 * 0.4 * 0.6**2 * (2 / 3) / 3
    assert pass_at_k.true_majority(4e6, 6e6, 3) == pytest.approx(expected, abs=1e-5)


def test_the_truth_of_lengths_is_that_of_many_answers() -> None:
    random = np.random.default_rng(0)
    right, tokens = length._drawn(random, (400_000, 1), 1, 0.3, 1.0)
    inside = (tokens > 1_000) & (tokens <= 2_000)
    hits, share = length._truth(0.3, 1.0, 1_000, 2_000)
    assert inside.mean() == pytest.approx(share, abs=0.003)
    assert (right & inside).mean() == pytest.approx(hits, abs=0.003)
