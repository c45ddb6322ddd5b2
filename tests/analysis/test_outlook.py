"""The sentences on a rerun, and on what it would take: their numbers are those of the functions behind them."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import outlook
from llmc_lib.analysis.power import power
from llmc_lib.analysis.rerun import predict, rerun
from llmc_lib.analysis.variance import VarianceParts, difference_variance_parts
from llmc_lib.analysis.verdict import Thresholds

LIMITS = Thresholds()


def test_a_measured_spread_is_told_as_it_is_and_a_bound_as_a_bound() -> None:
    measured = predict(0.01, 500, 0.1, samples=4, score=False, basis="measured")
    bound = predict(0.01, 500, 0.1, samples=4, score=False, basis="bound")
    assert (
        outlook.sign_sentence(measured) == "A rerun would reverse the sign about one time in six."
    )
    assert outlook.sign_sentence(bound) == "A rerun could reverse the sign, up to one time in six."
    assert "with 4 samples each, the difference would lie between −1 and +3 points" in (
        outlook.rerun_sentence(measured, 500, 4)
    )
    assert "If all of it is sampling" in outlook.rerun_sentence(bound, 500, 4)


def test_a_sign_that_will_not_turn_and_one_that_is_none() -> None:
    sure = predict(0.3, 500, 0.1, samples=4, score=False, basis="bound")
    none = predict(0.0, 500, 0.1, samples=4, score=False, basis="bound")
    score = rerun(np.ones((4, 2)))
    assert outlook.sign_sentence(sure) == (
        "A rerun would reverse the sign less than one time in 1,000."
    )
    assert outlook.sign_sentence(none) == outlook.sign_sentence(score) == ""


@pytest.mark.parametrize("difference", [0.014, 0.02, 0.03])
def test_as_many_samples_as_are_named_are_the_fewest_that_find_it(difference: float) -> None:
    parts = VarianceParts(0.12, 0.11)  # nearly all of it is sampling
    k = outlook.samples_needed(difference, 500, parts, LIMITS)
    assert k is not None
    assert power(difference, 500, parts, k) >= 0.8
    assert k == 1 or power(difference, 500, parts, k - 1) < 0.8
    text = outlook.needed_sentence(difference, 500, 1, parts, LIMITS)
    assert f"{k} samples of each of these questions" in text or k == 1


def test_where_samples_do_not_help_more_questions_are_named() -> None:
    parts = VarianceParts(0.12, 0.01)
    assert outlook.samples_needed(0.01, 500, parts, LIMITS) is None
    text = outlook.needed_sentence(0.01, 500, 4, parts, LIMITS)
    assert text.startswith("To settle a difference of this size you would need about 8,")
    assert text.endswith(
        "questions with 4 samples each; more samples of these 500 alone would not do."
    )


def test_one_sample_gives_the_questions_and_the_least_of_samples() -> None:
    a = np.arange(400) % 5 == 0
    b = np.roll(a, 1)
    b[::80] = a[::80]
    parts = difference_variance_parts(a, b)
    text = outlook.needed_sentence(0.02, 400, 1, parts, LIMITS)
    assert "questions, or at least" in text
    assert text.endswith("samples of each of these 400.")


def test_nothing_is_needed_for_what_the_design_finds() -> None:
    parts = VarianceParts(0.1, None)
    assert outlook.needed_sentence(0.2, 500, 1, parts, LIMITS) == ""
    assert outlook.needed_sentence(0.0, 500, 1, parts, LIMITS) == ""
