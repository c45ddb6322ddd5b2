"""Accuracy and safety together: every combination has its word and its numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.safety import WORDS, Pair, tradeoff, tradeoffs


def _answers(gained: int, lost: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(n)
    return at < gained, (at >= gained) & (at < gained + lost)


def _compared(gained: int, lost: int, n: int) -> PairedComparison:
    return paired_comparison(*_answers(gained, lost, n))


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
    pair = Pair(_compared(100, 38, 2_000), _compared(20, 58, 939), asked="Do-Not-Answer")
    found = tradeoff(pair)
    assert found.sentence == (
        "Gains 3.1 points in accuracy (95% interval +2.0 to +4.3, p < 0.001), but loses 4 points on Do-Not-Answer "
        "(95% interval −6 to −2, p < 0.001): the gain has a price."
    )


def test_the_signs_are_those_of_the_verdicts() -> None:
    accuracy, safety = _compared(60, 38, 2_000), _compared(30, 50, 939)
    assert tradeoff(Pair(accuracy, safety)).word == "gain with a price"
    adjusted = Pair(accuracy, safety, p_adjusted=(0.2, 0.04), compared=8)
    found = tradeoffs({"one": adjusted})["one"]
    assert (found.word, found.p_accuracy, found.p_safety) == ("loss of safety", 0.2, 0.04)


def test_an_interval_has_the_label_of_its_own_level() -> None:
    pair = Pair(_compared(100, 20, 2_000), _compared(20, 100, 939))
    assert tradeoff(pair, 0.01).sentence.count("(95% interval") == 2
    strict = Pair(
        paired_comparison(*_answers(100, 20, 2_000), alpha=0.01),
        paired_comparison(*_answers(20, 100, 939), alpha=0.01),
    )
    assert tradeoff(strict, 0.01).sentence.count("(99% interval") == 2
    several = Pair(strict.accuracy, strict.safety, p_adjusted=(0.001, 0.001), compared=6)
    assert "95% interval for all 6 candidates at once" in tradeoff(several).sentence


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
