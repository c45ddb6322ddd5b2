"""The words of a verdict: one case each, the cases that were told wrongly, and rules over many more."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from llmc_lib.analysis import PairedComparison, Verdict, paired_comparison, verdict
from llmc_lib.analysis.verdict import Thresholds, words
from llmc_lib.formatting import as_percent


def _compared(n: int, gained: int, lost: int, alpha: float = 0.05) -> PairedComparison:
    at = np.arange(n)
    return paired_comparison(at < gained, (at >= gained) & (at < gained + lost), alpha)


def _verdict(n: int, gained: int, lost: int, **options: Any) -> Verdict:
    options.setdefault("thresholds", Thresholds())
    comparison = _compared(n, gained, lost, options["thresholds"].significance)
    return verdict(comparison, (gained / n, lost / n), ("tuned", "base"), **options)


CASES = {
    "better": (200, 40, 10),
    "worse": (200, 10, 40),
    "better, by less than matters": (2_000, 90, 40),
    "worse, by less than matters": (2_000, 40, 90),
    "equal within 5 points": (2_000, 60, 60),
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
    assert not re.search(r"[-−+]0(?![.\d])|-\d", found.sentence)
    decimals = re.findall(r"\d\.(\d+)(?:%| points| to|,)", found.sentence)
    assert all(len(digits) <= (1 if n >= 1_000 else 0) for digits in decimals)


def test_what_the_interval_reaches_is_not_called_no_difference() -> None:
    # 20 gained and 6 lost of 400, one of eight candidates: adjusted p 0.056, and up to +6 points fit.
    found = _verdict(400, 20, 6, p_adjusted=0.056, compared=8)
    assert found.word == "too little data"
    assert "a gain of 5 points is not ruled out" in found.sentence
    assert (
        "what decides is p = 0.056, adjusted for 8 candidates." in found.sentence
    )  # of this one alone


def test_an_interval_within_what_matters_is_enough() -> None:
    found = _verdict(500, 45, 44)
    assert found.word == "equal within 5 points"
    assert "95% interval −4 to +4. Differences of 5 points or more are ruled out" in found.sentence
    assert "two one-sided tests: the 90% interval is −3 to +3" in found.sentence


def test_a_gain_that_may_matter_is_rarely_told_away() -> None:
    # True +4 points, n = 800, discordance 0.2, 5 points matter: 31% were told "no detectable difference".
    rng = np.random.default_rng(0)
    tables = rng.multinomial(800, [0.12, 0.08, 0.8], 600)
    told = [_verdict(800, int(g), int(k)).word for g, k, _ in tables]
    assert np.mean([word.startswith("equal") for word in told]) < 0.2  # rightly: 4 is less than 5
    # At the 5 points themselves the two one-sided tests keep their level.
    tables = rng.multinomial(800, [0.125, 0.075, 0.8], 600)
    told = [_verdict(800, int(g), int(k)).word for g, k, _ in tables]
    wrong = [word.startswith("equal") or word.endswith("less than matters") for word in told]
    assert np.mean(wrong) < 0.075


@pytest.mark.parametrize("n", [1, 7, 60, 400, 2_158])
def test_word_interval_and_p_value_never_contradict_each_other(n: int) -> None:
    rng = np.random.default_rng(n)
    known = words(Thresholds())
    for matters, level in ((0.05, 0.05), (0.02, 0.01), (0.3, 0.1)):
        thresholds = Thresholds(matters, level)
        for _ in range(60):
            gained, lost, _ = rng.multinomial(n, rng.dirichlet([0.4, 0.4, 2]))
            comparison = _compared(n, int(gained), int(lost), level)
            found = _verdict(n, int(gained), int(lost), thresholds=thresholds)
            word, low, high = found.word, comparison.low, comparison.high
            assert word in words(thresholds)
            assert word.startswith("better") == (low > 0) == (comparison.p_value < level and gained > lost)  # fmt: skip
            assert word.startswith("worse") == (high < 0)
            if word.endswith("less than matters"):
                assert -matters < low <= high < matters
            if word.startswith("equal"):
                assert -matters < comparison.inner_low <= comparison.inner_high < matters
            # The same as printed.
            printed = re.search(r"interval (\S+) to ([^\s,.]+(?:\.\d+)?)", found.sentence)
            assert printed
            a, b = (float(x.replace("−", "-")) for x in printed.groups())
            assert (a > 0, b < 0) == (low > 0, high < 0)
            assert (a > -100 * matters, b < 100 * matters) == (low > -matters, high < matters)
            rate, base, points = re.findall(r"([+−]?[\d.]+)(?:%| points?)", found.sentence)[:3]
            difference = float(points.replace("−", "-"))
            assert float(rate) - float(base) == pytest.approx(difference, abs=1e-9)
    assert known


def test_a_negative_number_has_a_true_minus() -> None:
    assert "−15 points" in _verdict(200, 10, 40).sentence


def test_one_question_is_one() -> None:
    found = _verdict(1, 1, 0)
    assert (found.word, found.detectable) == ("too little data", 1)
    assert "of the 1 question, base 0%" in found.sentence


def test_rates_and_their_difference_add_up_as_printed() -> None:
    found = verdict(_compared(500, 70, 26), (0.494, 0.406), ("a", "b"), thresholds=Thresholds())
    assert "a answers 49.4% of the 500 questions, b 40.6%: +8.8 points" in found.sentence


def test_a_bound_is_printed_on_its_side_of_0() -> None:
    found = _verdict(500, 60, 39)  # p = 0.035
    assert found.word == "better"
    assert "interval +0.3 to +8" in found.sentence


def test_the_p_value_adjusted_for_all_decides() -> None:
    comparison = _compared(200, 40, 10)
    found = verdict(comparison, (0.2, 0.05), ("a", "b"), p_adjusted=0.06, thresholds=Thresholds(0.1))  # fmt: skip
    assert found.word == "too little data"
    assert "The interval is of this comparison alone; what decides is p = 0.06." in found.sentence


def test_the_thresholds_are_those_of_the_params() -> None:
    strict = _verdict(200, 40, 20, thresholds=Thresholds(significance=0.005))  # p = 0.0096
    loose = _verdict(200, 40, 20)
    assert (strict.word, loose.word) == ("too little data", "better")
    assert strict.detectable > loose.detectable
    assert "99.5% interval" in strict.sentence
    more = _verdict(200, 40, 20, thresholds=Thresholds(power=0.9))
    assert more.detectable > loose.detectable
    table = words(Thresholds(0.02, significance=0.01))
    assert table["better"] == "the 99% interval lies above 0"
    assert "the 98% interval lies between −2 points and +2 points" in table["equal within 2 points"]


def test_the_interval_of_one_of_several_says_so_and_finds_less() -> None:
    one, all_ = _compared(400, 30, 12), _compared(400, 30, 12, 0.05 / 8)
    told = [
        verdict(found, (0.075, 0.03), ("a", "b"), thresholds=Thresholds(), compared=8)
        for found in (one, all_)
    ]
    assert "95% interval +1" in told[0].sentence
    assert "95% interval for all 8 candidates at once" in told[1].sentence
    assert told[1].detectable > told[0].detectable


@pytest.mark.parametrize("size", [0.0, 1.0, 10.0, -0.1])
def test_a_difference_that_cannot_be_is_no_threshold(size: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        Thresholds(smallest_interesting=size)


def test_a_gain_says_where_it_is_clear() -> None:
    texts = {
        clear: _verdict(200, 40, 10, clear_in=clear).sentence
        for clear in (None, (), ("Physics", "Chemistry"))
    }
    assert texts[None].endswith("p < 0.001).")
    assert texts[()].endswith("No single category shows the gain by itself.")
    assert texts["Physics", "Chemistry"].endswith("The gain is clear in Physics and Chemistry.")


def test_an_interval_that_is_too_narrow_says_so_and_shows_no_equality() -> None:
    right = np.ones((60, 4), bool)
    found = verdict(paired_comparison(right, right), (1, 1), ("a", "b"), thresholds=Thresholds())
    assert found.word == "too little data"
    assert "too narrow" in found.sentence
    assert found.detectable == pytest.approx(0.048, abs=0.002)
