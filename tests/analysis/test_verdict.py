"""The words of a verdict: one case each, with numbers that the design supports."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmc_lib.analysis import PairedComparison, Verdict, paired_comparison, verdict
from llmc_lib.analysis.verdict import Thresholds, words
from llmc_lib.words import as_percent, as_points


def _compared(n: int, gained: int, lost: int) -> PairedComparison:
    a = [True] * gained + [False] * (n - gained)
    b = [False] * gained + [True] * lost + [False] * (n - gained - lost)
    return paired_comparison(a, b)


def _verdict(n: int, gained: int, lost: int) -> Verdict:
    comparison = _compared(n, gained, lost)
    return verdict(
        comparison,
        (gained / n, lost / n),
        ("tuned", "base"),
        p_adjusted=comparison.p_value,
        thresholds=Thresholds(),
    )


CASES = {
    "better": (200, 40, 10),
    "worse": (200, 10, 40),
    "no detectable difference": (2_000, 60, 60),
    "too little data": (200, 20, 20),
}


def test_every_word_has_its_case() -> None:
    assert set(CASES) == set(words(Thresholds()))


@pytest.mark.parametrize("word", CASES)
def test_the_same_evidence_gets_the_same_words(word: str) -> None:
    n, gained, lost = CASES[word]
    found = _verdict(n, gained, lost)
    assert found.word == word
    assert f"of the {n:,} questions" in found.sentence
    assert as_percent(gained / n, n) in found.sentence
    assert as_percent(lost / n, n) in found.sentence
    assert as_points(_compared(n, gained, lost).low, n, unit=False) in found.sentence
    assert not re.search(r"[-−+]0(?![.\d])|-\d", found.sentence)
    decimals = re.findall(r"\d\.(\d+)(?:%| points| to|,)", found.sentence)
    assert all(len(digits) <= (1 if n >= 1_000 else 0) for digits in decimals)


def test_a_negative_number_has_a_true_minus() -> None:
    assert "−15 points" in _verdict(200, 10, 40).sentence


def test_a_tiny_loss_is_zero_without_a_sign() -> None:
    assert "base 0%: 0 points" in _verdict(500, 0, 1).sentence


def test_the_adjusted_p_value_decides() -> None:
    comparison = _compared(200, 40, 10)
    found = verdict(
        comparison, (0.2, 0.05), ("a", "b"), p_adjusted=0.06, thresholds=Thresholds(0.5)
    )  # fmt: skip
    assert found.word == "no detectable difference"


def test_the_thresholds_are_those_of_the_params() -> None:
    comparison = _compared(200, 40, 20)  # p = 0.013
    common: dict[str, Any] = {
        "rates": (0.2, 0.1),
        "names": ("a", "b"),
        "p_adjusted": comparison.p_value,
    }
    strict = verdict(comparison, thresholds=Thresholds(significance=0.01), **common)
    loose = verdict(comparison, thresholds=Thresholds(), **common)
    assert (strict.word, loose.word) == ("too little data", "better")
    assert strict.detectable > loose.detectable
    assert (
        verdict(comparison, thresholds=Thresholds(power=0.9), **common).detectable
        > loose.detectable
    )
    assert "below 0.01" in words(Thresholds(significance=0.01))["better"]


def test_an_interval_that_leaves_out_0_beside_a_test_that_does_not_agree_is_explained() -> None:
    comparison = _compared(2_000, 60, 39)
    found = verdict(
        comparison, (0.03, 0.02), ("a", "b"), p_adjusted=0.3, thresholds=Thresholds(), compared=8
    )
    assert comparison.low > 0
    assert (
        "leaves out 0, but the test does not agree (p = 0.3, adjusted for 8 candidates)"
        in found.sentence
    )


def test_a_gain_says_where_it_is_clear() -> None:
    comparison = _compared(200, 40, 10)
    texts = {
        clear: verdict(
            comparison,
            (0.2, 0.05),
            ("a", "b"),
            p_adjusted=0.001,
            thresholds=Thresholds(),
            clear_in=clear,
        ).sentence
        for clear in (None, (), ("Physics", "Chemistry"))
    }
    assert texts[None].endswith("p = 0.001).")
    assert texts[()].endswith("No single category shows the gain by itself.")
    assert texts["Physics", "Chemistry"].endswith("The gain is clear in Physics and Chemistry.")
