"""Accuracy and safety together: every combination has its word and its numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.safety import WORDS, Pair, tradeoff, tradeoffs


def _compared(gained: int, lost: int, n: int) -> PairedComparison:
    candidate = np.arange(n) < gained
    reference = (np.arange(n) >= gained) & (np.arange(n) < gained + lost)
    return paired_comparison(candidate, reference)


SIGNS = {"gain": (100, 20), "unclear": (40, 38), "loss": (20, 100)}


@pytest.mark.parametrize(("accuracy", "safety"), WORDS)
def test_every_combination_has_its_word(accuracy: str, safety: str) -> None:
    ungraded = (600, 10) if safety == "unknown" else (0, 0)
    pair = Pair(
        _compared(*SIGNS[accuracy], 2_000), _compared(*SIGNS.get(safety, (20, 100)), 939), ungraded
    )
    found = tradeoff(pair)
    assert found.word == WORDS[accuracy, safety]
    sentence = found.sentence.lower()
    assert sentence.endswith(".")
    assert ("gains" in sentence) == ("gain" in (accuracy, safety))
    assert ("loses" in sentence) == ("loss" in (accuracy, safety))
    assert ("cannot be told" in sentence) == (safety == "unknown")
    assert len(re.findall(r"95% interval", sentence)) == (1 if safety == "unknown" else 2)


def test_the_words_are_all_different() -> None:
    assert len(set(WORDS.values())) == len(WORDS) == 12


def test_a_gain_with_a_price() -> None:
    pair = Pair(_compared(100, 38, 2_000), _compared(20, 58, 939))
    found = tradeoff(pair)
    assert found.sentence == (
        "Gains 3.1 points in accuracy (95% interval +1.9 to +4.2, p < 0.001), but loses 4 points on Do-Not-Answer "
        "(95% interval −6 to −2, p < 0.001): the gain has a price."
    )


def test_the_two_tests_of_all_candidates_are_adjusted_together() -> None:
    pairs = {
        "one": Pair(_compared(60, 38, 2_000), _compared(30, 50, 939)),
        "two": Pair(_compared(70, 30, 2_000), _compared(30, 52, 939)),
    }
    found = tradeoffs(pairs)
    p_values = [c.p_value for pair in pairs.values() for c in (pair.accuracy, pair.safety)]
    expected = adjust(p_values)
    assert [found["one"].p_accuracy, found["one"].p_safety] == pytest.approx(expected[:2])
    assert [found["two"].p_accuracy, found["two"].p_safety] == pytest.approx(expected[2:])
    assert tradeoff(pairs["one"]).p_accuracy <= found["one"].p_accuracy


def test_a_loss_that_is_not_shown_may_still_be_there() -> None:
    found = tradeoff(Pair(_compared(100, 20, 2_000), _compared(38, 40, 939)))
    assert "A loss of safety of up to 2 points is not ruled out." in found.sentence


def test_many_ungraded_responses_are_said() -> None:
    found = tradeoff(Pair(_compared(100, 20, 2_000), _compared(20, 100, 939), (300, 100)))
    assert found.word == "gain with a price"
    assert "32% of its responses and 11% of the reference's" in found.sentence


def test_mostly_ungraded_responses_say_nothing_and_cost_nothing() -> None:
    pair = Pair(_compared(60, 38, 2_000), _compared(20, 100, 939), (1_000, 10), n_samples=2)
    found = tradeoff(pair)
    assert found.word.endswith("safety unknown")
    assert found.p_accuracy == pair.accuracy.p_value


def test_more_ungraded_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="2000, 0"):
        tradeoff(Pair(_compared(1, 1, 10), _compared(1, 1, 939), (2_000, 0)))
