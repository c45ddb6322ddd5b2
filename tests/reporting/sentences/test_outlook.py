"""The sentences on a rerun, and on what it would take: their numbers are those of the functions behind them."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from llmc_lib.analysis import Rerun, Thresholds, VarianceParts, difference_variance_parts, rerun
from llmc_lib.analysis.design import needed
from llmc_lib.analysis.outlook import needed_designs, samples_needed
from llmc_lib.analysis.rerun import predict
from llmc_lib.formatting import as_chance, as_count
from llmc_lib.reporting.sentences import outlook as words
from tests.reporting.sentences.made import block

LIMITS = Thresholds(smallest_interesting=0.02)
LEVEL = LIMITS.significance


def _rerun(
    found: Rerun, n: int, samples: int, picked_from: int = 0, *, greedy: bool = False
) -> str:
    again = {**asdict(found), "picked_from": picked_from, "greedy": greedy}
    return words.rerun_sentence(
        block({"base": 0.5}, n, samples=samples, ungraded=(0,)), {"n": n, "rerun": again}
    )


def _needed(
    n: int,
    samples: int,
    parts: VarianceParts,
    limits: Thresholds,
    *,
    kind: str = "hle",
    greedy: bool = False,
    **options: Any,
) -> str:
    found = needed_designs(n, samples, parts, limits, greedy=greedy, **options)
    comparison = {
        "n": n,
        "needed": found and asdict(found),
        "rerun": {"greedy": greedy},
        "variance": {"within": parts.within},
    }
    made = block({"tuned": 0.5, "base": 0.5}, n, kind=kind, thresholds=limits, samples=samples)
    return words.needed_sentence(made, comparison)


def test_a_sign_is_told_under_both_priors_and_never_as_a_bound() -> None:
    measured = predict(0.01, 500, 0.1, samples=4, score=False, basis="measured")
    bound = predict(0.01, 500, 0.1, samples=4, score=False, basis="bound")
    assert words.sign_sentence(measured) == (
        "A rerun would reverse the sign between one time in six (flat prior) and one time in two (sceptical prior)."
    )
    assert words.sign_sentence(bound).startswith("If all noise is sampling, a rerun would")
    assert "up to" not in _rerun(bound, 500, 4)
    assert "with 4 samples each, the difference would lie between −1 and +3 points" in (
        _rerun(measured, 500, 4)
    )
    assert "If all noise is sampling, the next" in _rerun(bound, 500, 4)


def test_a_sign_that_will_not_turn_a_tie_and_a_score() -> None:
    sure = predict(0.3, 500, 0.1, samples=4, score=False, basis="given")
    tie = predict(0.0, 500, 0.1, samples=4, score=False, basis="bound")
    score = rerun(np.ones((4, 2)))
    assert words.sign_sentence(sure) == (
        "A rerun would reverse the sign less than one time in 1,000 (flat and sceptical prior)."
    )
    assert "either way" in words.sign_sentence(tie)
    assert words.sign_sentence(score) == ""


@pytest.mark.parametrize("size", [0.0, 0.001, 0.01, 0.02, 0.04, 0.08])
def test_title_and_sentence_say_the_same(size: float) -> None:
    found = predict(size, 1_000, 0.2, score=False, basis="bound")
    title, sentence = words.rerun_title(found, 1_000), _rerun(found, 1_000, 1)
    chances = re.findall(r"(?:less than )?one time in [\w,]+", title)
    assert all(chance in sentence for chance in chances)
    assert ("same way" in title) == (size > 0 and (found.sign_flip_sceptical or 1) < 0.02)
    assert ("either way" in title) == (size == 0)
    if chances:
        assert as_chance(found.sign_flip or 0) in chances


def test_few_questions_predict_no_rerun() -> None:
    for n in (1, 2, 19):
        found = predict(1.0, n, 0.2, score=False, basis="bound")
        assert "Too few" in words.rerun_title(found, n)
        assert "too few" in _rerun(found, n, 1)
    assert _rerun(found, 1, 1).startswith("1 question: ")


def test_the_winner_of_several_is_told_with_its_shrunken_difference() -> None:
    found = predict(0.05, 500, 0.2, score=False, basis="bound", shrunken=(0.01, 0.01))
    sentence = _rerun(found, 500, 1, picked_from=8)
    assert "best of 8 candidates, so the shrunken difference is used for it: +1 point." in (
        sentence
    )
    plain = predict(0.05, 500, 0.2, score=False, basis="bound")
    assert (found.sign_flip or 0) > (plain.sign_flip or 1)
    assert found.high - found.low == pytest.approx(plain.high - plain.low)


@pytest.mark.parametrize("difference", [0.014, 0.02, 0.03])
def test_the_samples_that_are_named_are_those_of_the_design(difference: float) -> None:
    parts = VarianceParts(0.12, 0.11)  # nearly all of it is sampling
    k = samples_needed(difference, 500, parts, LEVEL, 0.8)
    limits = Thresholds(smallest_interesting=difference)
    text = _needed(500, 1, parts, limits, level=LEVEL)
    assert f"{k} samples of each of these questions" in text or k == 1


def test_where_samples_do_not_help_more_questions_are_named() -> None:
    parts = VarianceParts(0.12, 0.01)
    limits = Thresholds(smallest_interesting=0.01)
    text = _needed(500, 4, parts, limits, level=LEVEL)
    assert text.startswith(
        "A true difference of 1 point (the smallest of interest) would be found 80% of the time with about 8,"
    )
    assert text.endswith(
        "questions with 4 samples each (more samples of these 500 are not enough)."
    )


def test_one_sample_gives_the_questions_and_the_least_of_samples() -> None:
    a = np.arange(400) % 5 == 0
    b = np.roll(a, 1)
    b[::80] = a[::80]
    parts = difference_variance_parts(a, b)
    text = _needed(400, 1, parts, LIMITS, level=LEVEL)
    assert "questions, or with at least" in text
    assert text.endswith("samples of each of these.")


def test_the_shrunken_size_is_named_too_and_more_candidates_need_more() -> None:
    parts = VarianceParts(0.2, None)
    one = _needed(500, 1, parts, LIMITS, level=LEVEL, shrunken=-0.0063)
    eight = _needed(500, 1, parts, LIMITS, level=LEVEL / 8)
    questions = [
        int(needed(0.02, parts, (1,), alpha=level)["questions"][0]) for level in (LEVEL, LEVEL / 8)
    ]
    for text, count in zip((one, eight), questions, strict=True):
        assert (
            f"2 points (the smallest of interest) would be found 80% of the time with about {as_count(count)} questions"
            in text
        )
    assert questions[1] > 1.5 * questions[0]
    assert "; one of 0.63 points (the shrunken one) would be found with about " in one
    assert "almost 0" in _needed(500, 1, parts, LIMITS, level=LEVEL, shrunken=0.0)
    # A larger one than the smallest of interest is no news.
    large = _needed(500, 1, parts, LIMITS, level=LEVEL, shrunken=0.03)
    assert "shrunken" not in large


def test_nothing_is_needed_for_what_the_design_finds_and_nothing_is_known_where_none_differs() -> None:  # fmt: skip
    wide = Thresholds(smallest_interesting=0.2)
    assert _needed(500, 1, VarianceParts(0.1, None), wide, level=LEVEL) == ""
    assert _needed(500, 4, VarianceParts(0.0, 0.0), LIMITS, level=LEVEL) == ""


def test_a_greedy_run_is_offered_no_further_samples_and_told_what_its_rerun_is() -> None:
    bound = predict(0.1, 500, 0.1, score=False, basis="bound")
    assert "temperature 0" in _rerun(bound, 500, 1, greedy=True)
    assert "temperature 0" not in _rerun(bound, 500, 1)
    parts = VarianceParts(0.2, None)
    text = _needed(500, 1, parts, LIMITS, level=LEVEL, greedy=True)
    assert text.endswith("questions.")
    assert "sample" not in text
    assert "samples" in _needed(500, 1, parts, LIMITS, level=LEVEL)


def test_too_few_questions_that_differ_plan_nothing() -> None:
    parts = VarianceParts(0.02, None)
    assert _needed(42, 1, parts, LIMITS, level=LEVEL, differing=9) == ""
    text = _needed(42, 1, parts, LIMITS, level=LEVEL, differing=10, kind="do_not_answer")
    assert "instructions" in text
    assert "questions" not in text
