"""The words of a verdict: one case each, with numbers that the design supports."""

from __future__ import annotations

import re

import pytest

from llmc_lib.analysis import PairedComparison, Verdict, paired_comparison, verdict
from llmc_lib.analysis.verdict import WORDS, as_p, as_percent, as_points


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
        smallest_interesting=0.05,
    )


CASES = {
    "better": (200, 40, 10),
    "worse": (200, 10, 40),
    "no detectable difference": (2_000, 60, 60),
    "too little data": (200, 20, 20),
}


def test_every_word_has_its_case() -> None:
    assert set(CASES) == set(WORDS)


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
        comparison, (0.2, 0.05), ("a", "b"), p_adjusted=0.06, smallest_interesting=0.5
    )  # fmt: skip
    assert found.word == "no detectable difference"


@pytest.mark.parametrize(
    ("difference", "n", "text"),
    [
        (0.154, 200, "+15 points"),
        (-0.154, 200, "−15 points"),
        (0.0149, 200, "+1 point"),
        (-0.01, 200, "−1 point"),
        (-0.001, 200, "0 points"),
        (0.0, 200, "0 points"),
        (0.1234, 2_000, "+12.3 points"),
        (-0.0001, 2_000, "0.0 points"),
    ],
)
def test_points(difference: float, n: int, text: str) -> None:
    assert as_points(difference, n) == text


def test_percent_and_p() -> None:
    assert (as_percent(0.1234, 999), as_percent(0.1234, 1_000)) == ("12%", "12.3%")
    assert [as_p(p) for p in (0.0004, 0.0321, 1.0)] == ["< 0.001", "= 0.032", "= 1"]
