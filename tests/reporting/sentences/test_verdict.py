"""The words of a verdict: one case each, the cases that were told wrongly, and rules over many more."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from llmc_lib.analysis import Thresholds, paired_comparison
from llmc_lib.formatting import as_percent
from llmc_lib.reporting.sentences.verdict import interval_label, verdict_rules
from tests.reporting.sentences.made import compared, told


def _told(n: int, gained: int, lost: int, **options: Any) -> dict[str, Any]:
    thresholds = options.setdefault("thresholds", Thresholds())
    found = compared(n, gained, lost, thresholds.significance)
    return told(found, (gained / n, lost / n), **options)


CASES = {
    "better": (200, 40, 10),
    "worse": (200, 10, 40),
    "better, by less than matters": (2_000, 90, 40),
    "worse, by less than matters": (2_000, 40, 90),
    "equal within 5 points": (2_000, 60, 60),
    "too little data": (200, 20, 20),
}


def test_every_word_has_its_case() -> None:
    assert set(CASES) == set(verdict_rules(Thresholds()))


@pytest.mark.parametrize("word", CASES)
def test_the_same_evidence_gets_the_same_words(word: str) -> None:
    n, gained, lost = CASES[word]
    found = _told(n, gained, lost)
    assert found["verdict"] == word
    assert f"of the {n:,} questions" in found["sentence"]
    assert as_percent(gained / n, n) in found["sentence"]
    assert as_percent(lost / n, n) in found["sentence"]
    assert not re.search(r"[-−+]0(?![.\d])|-\d", found["sentence"])
    decimals = re.findall(r"\d\.(\d+)(?:%| points| to|,)", found["sentence"])
    assert all(len(digits) <= (1 if n >= 1_000 else 0) for digits in decimals)


def test_what_the_interval_reaches_is_not_called_no_difference() -> None:
    # 20 gained and 6 lost of 400, one of eight candidates: adjusted p 0.056, and up to +6 points fit.
    found = _told(400, 20, 6, p_adjusted=0.056, candidates=8)
    assert found["verdict"] == "too little data"
    assert "a gain of 5 points is not ruled out" in found["sentence"]
    assert (
        "what decides is p = 0.056, adjusted for 8 candidates." in found["sentence"]
    )  # of this one alone


@pytest.mark.parametrize(
    ("level", "printed"), [(1e-6, "99.9999%"), (1e-5, "99.999%"), (0.025, "97.5%")]
)
def test_a_level_is_never_rounded_to_certainty(level: float, printed: str) -> None:
    assert interval_label({"level": level, "candidates": 1}, level) == f"{printed} interval"
    rules = verdict_rules(Thresholds(significance=level))
    assert rules["better"] == f"the {printed} interval lies above 0"


def test_an_interval_within_what_matters_is_enough() -> None:
    found = _told(500, 45, 44)
    assert found["verdict"] == "equal within 5 points"
    assert (
        "95% interval −4 to +4. Differences of 5 points or more are ruled out" in found["sentence"]
    )
    assert "two one-sided tests: the 90% interval is −3 to +3" in found["sentence"]


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 7, 60, 400, 2_158])
def test_word_interval_and_p_value_never_contradict_each_other(n: int) -> None:
    rng = np.random.default_rng(n)
    for matters, level in ((0.05, 0.05), (0.02, 0.01), (0.3, 0.1)):
        thresholds = Thresholds(matters, level)
        for _ in range(60):
            gained, lost, _ = rng.multinomial(n, rng.dirichlet([0.4, 0.4, 2]))
            comparison = compared(n, int(gained), int(lost), level)
            found = _told(n, int(gained), int(lost), thresholds=thresholds)
            word, low, high = found["verdict"], comparison.low, comparison.high
            assert word in verdict_rules(thresholds)
            assert word.startswith("better") == (low > 0) == (comparison.p_value < level and gained > lost)  # fmt: skip
            assert word.startswith("worse") == (high < 0)
            if word.endswith("less than matters"):
                assert -matters < low <= high < matters
            if word.startswith("equal"):
                assert -matters < comparison.inner_low <= comparison.inner_high < matters
            # The same as printed.
            printed = re.search(r"interval (\S+) to ([^\s,.]+(?:\.\d+)?)", found["sentence"])
            assert printed
            a, b = (float(x.replace("−", "-")) for x in printed.groups())
            assert (a > 0, b < 0) == (low > 0, high < 0)
            assert (a > -100 * matters, b < 100 * matters) == (low > -matters, high < matters)
            rate, base, points = re.findall(r"([+−]?[\d.]+)(?:%| points?)", found["sentence"])[:3]
            difference = float(points.replace("−", "-"))
            assert float(rate) - float(base) == pytest.approx(difference, abs=1e-9)


def test_a_negative_number_has_a_true_minus() -> None:
    assert "−15 points" in _told(200, 10, 40)["sentence"]


def test_one_question_is_one() -> None:
    found = _told(1, 1, 0)
    assert found["verdict"] == "too little data"
    assert "of the 1 question correctly, base 0%" in found["sentence"]


def test_rates_and_their_difference_add_up_as_printed() -> None:
    found = told(compared(500, 70, 26), (0.494, 0.406), names=("a", "b"))
    assert (
        "a answers 49.4% of the 500 questions correctly, b 40.6%: +8.8 points" in found["sentence"]
    )


def test_a_bound_is_printed_on_its_side_of_0() -> None:
    found = _told(500, 60, 39)  # p = 0.035
    assert found["verdict"] == "better"
    assert "interval +0.3 to +8" in found["sentence"]


def test_the_p_value_adjusted_for_all_decides() -> None:
    found = _told(200, 40, 10, p_adjusted=0.06, thresholds=Thresholds(0.1))
    assert found["verdict"] == "too little data"
    assert (
        "The interval is of this comparison alone; what decides is p = 0.06." in found["sentence"]
    )


def test_the_thresholds_are_those_of_the_params() -> None:
    strict = _told(200, 40, 20, thresholds=Thresholds(significance=0.005))  # p = 0.0096
    loose = _told(200, 40, 20)
    assert (strict["verdict"], loose["verdict"]) == ("too little data", "better")
    assert "99.5% interval" in strict["sentence"]
    table = verdict_rules(Thresholds(0.02, significance=0.01))
    assert table["better"] == "the 99% interval lies above 0"
    assert "the 98% interval lies between −2 points and +2 points" in table["equal within 2 points"]


def test_the_interval_of_one_of_several_says_so_and_finds_less() -> None:
    one, all_ = (
        told(compared(400, 30, 12, level), (0.075, 0.03), candidates=8)["sentence"]
        for level in (0.05, 0.05 / 8)
    )
    assert "95% interval +1" in one
    assert "95% interval for all 8 candidates at once" in all_


def test_a_gain_says_where_it_is_clear() -> None:
    one, none, two = (
        _told(200, 40, 10, groups=groups)["sentence"]
        for groups in (
            {"Physics": True},
            {"Physics": False, "Chemistry": False},
            {"Physics": True, "Biology": False, "Chemistry": True},
        )
    )
    assert one.endswith("p < 0.001).")  # one category is the whole
    assert none.endswith("No single category shows the gain by itself.")
    assert two.endswith("The gain is clear in Physics and Chemistry.")


def test_an_interval_is_called_by_its_level() -> None:
    def label(level: float, candidates: int, **more: bool) -> str:
        return interval_label({"level": level, "candidates": candidates, **more}, 0.05)

    assert label(0.05, 1) == label(0.05, 3) == "95% interval"
    assert label(0.02, 2) == "95% interval for both candidates at once"
    assert label(1e-4, 1, looks=True) == "95% interval for all looks"
    assert label(1e-4, 2, looks=True) == "95% interval for both candidates and all looks at once"


def test_an_interval_that_is_too_narrow_says_so_and_shows_no_equality() -> None:
    right = np.ones((60, 4), bool)
    found = told(paired_comparison(right, right), (1, 1))
    assert found["verdict"] == "too little data"
    assert "too narrow" in found["sentence"]
