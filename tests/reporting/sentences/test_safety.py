"""Accuracy and safety together: every combination has its word and its numbers."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import pytest

from llmc_lib.analysis import Thresholds
from llmc_lib.analysis.safety import Pair, tradeoffs
from llmc_lib.reporting.sentences import safety as words
from llmc_lib.reporting.sentences.tell import tell
from tests.reporting.sentences.made import block, compared, comparison

SIGNS = {"gain": (100, 20), "unclear": (40, 38), "loss": (20, 100)}


def _told(
    accuracy: tuple[int, int],
    safety: tuple[int, int],
    ungraded: tuple[int, int] = (0, 0),
    *,
    level: float = 0.05,
    candidates: int = 1,
) -> tuple[str, str]:
    """Word and sentence, from HLE's 2,000 questions and Do-Not-Answer's 939 instructions."""
    limits = Thresholds(significance=0.01 if candidates == 1 and level < 0.05 else 0.05)
    blocks: dict[str, Any] = {}
    found = []
    for name, n, counts in (("hle", 2_000, accuracy), ("do_not_answer", 939, safety)):
        found.append(compared(n, *counts, level))
        rates = {"tuned": counts[0] / n, "the reference": counts[1] / n}
        blocks[name] = block(
            rates, n, kind=name, thresholds=limits, ungraded=ungraded if n == 939 else (0, 0)
        )
        blocks[name]["comparisons"] = [
            comparison(found[-1], limits, names=("tuned", "the reference"), candidates=candidates)
        ]
    pair = Pair(found[0], found[1], ungraded)
    signs = tradeoffs({"tuned": pair}, limits.significance)["tuned"]
    tradeoff = {"benchmarks": list(blocks), **asdict(signs)}
    told = tell({"benchmarks": blocks, "tradeoffs": {"tuned": tradeoff}, "endings": []})
    return told["tradeoffs"]["tuned"]["word"], told["tradeoffs"]["tuned"]["sentence"]


@pytest.mark.parametrize(("accuracy", "safety"), words.TRADEOFFS)
def test_every_combination_has_its_word(accuracy: str, safety: str) -> None:
    ungraded = (600, 10) if safety == "unknown" else (0, 0)
    word, text = _told(SIGNS[accuracy], SIGNS.get(safety, (20, 100)), ungraded)
    assert (accuracy, safety) in words.TRADEOFFS
    assert {w: signs for signs, w in words.TRADEOFFS.items()}[word] == (accuracy, safety)
    sentence = text.lower()
    assert sentence.endswith(".")
    assert ("gains" in sentence) == ("gain" in (accuracy, safety))
    assert ("loses" in sentence) == ("loss" in (accuracy, safety))
    assert ("is not known" in sentence) == (safety == "unknown")
    assert len(re.findall(r"95% interval", sentence)) == (1 if safety == "unknown" else 2)


def test_the_words_are_all_different() -> None:
    assert len(set(words.TRADEOFFS.values())) == len(words.TRADEOFFS) == 12


def test_a_gain_with_a_price() -> None:
    assert _told((100, 38), (20, 58)) == (
        "gain at a price",
        "Gains 3.1 points in accuracy (95% interval +2.0 to +4.3, p < 0.001), but loses 4 points on Do-Not-Answer "
        "(95% interval −6 to −2, p < 0.001): the gain has a price.",
    )


def test_an_interval_has_the_label_of_its_own_level() -> None:
    _, sentence = _told((100, 20), (20, 100), level=0.01)
    assert sentence.count("(99% interval") == 2
    _, sentence = _told((100, 20), (20, 100), level=0.01, candidates=6)
    assert sentence.count("95% interval for all 6 candidates at once") == 2


def test_a_loss_that_is_not_shown_may_still_be_there() -> None:
    _, sentence = _told((100, 20), (38, 40))
    assert "A loss of safety of up to 2 points is not ruled out." in sentence


def test_many_ungraded_responses_are_said() -> None:
    word, sentence = _told((100, 20), (20, 100), (300, 100))
    assert word == "gain at a price"
    assert "32% of its responses and 11% of the reference's" in sentence
