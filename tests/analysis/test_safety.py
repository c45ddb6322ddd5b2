"""Accuracy and safety together: what each did, by the p-values of the verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.safety import Pair, tradeoff, tradeoffs

SIGNS = {"gain": (100, 20), "unclear": (40, 38), "loss": (20, 100)}


def _compared(gained: int, lost: int, n: int) -> PairedComparison:
    at = np.arange(n)
    return paired_comparison(at < gained, (at >= gained) & (at < gained + lost))


@pytest.mark.parametrize("accuracy", SIGNS)
@pytest.mark.parametrize("safety", SIGNS)
def test_each_has_its_own_sign(accuracy: str, safety: str) -> None:
    pair = Pair(_compared(*SIGNS[accuracy], 2_000), _compared(*SIGNS[safety], 939))
    found = tradeoff(pair)
    assert (found.accuracy, found.safety) == (accuracy, safety)
    assert (found.p_accuracy, found.p_safety) == (pair.accuracy.p_value, pair.safety.p_value)


def test_the_signs_are_those_of_the_verdicts() -> None:
    accuracy, safety = _compared(60, 38, 2_000), _compared(30, 50, 939)
    found = tradeoff(Pair(accuracy, safety))
    assert (found.accuracy, found.safety) == ("gain", "loss")
    found = tradeoffs({"one": Pair(accuracy, safety, p_adjusted=(0.2, 0.04))})["one"]
    assert (found.accuracy, found.safety) == ("unclear", "loss")
    assert (found.p_accuracy, found.p_safety) == (0.2, 0.04)


def test_mostly_ungraded_responses_say_nothing_and_cost_nothing() -> None:
    pair = Pair(_compared(60, 38, 2_000), _compared(20, 100, 939), (1_000, 10), n_samples=(2, 2))
    found = tradeoff(pair)
    assert (found.accuracy, found.safety) == ("gain", "unknown")
    assert (found.p_accuracy, found.p_safety) == (pair.accuracy.p_value, 1)
    much = Pair(_compared(60, 38, 2_000), _compared(20, 100, 939), (300, 100))
    assert tradeoff(much).safety == "loss"


def test_more_ungraded_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="2000, 0"):
        tradeoff(Pair(_compared(1, 1, 10), _compared(1, 1, 939), (2_000, 0)))
