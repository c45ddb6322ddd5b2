"""Calibration: against the official code, by hand, and what chance must not add."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from llmc_lib.analysis.calibration import calibration
from llmc_lib.analysis.official import calib_err


def _made(n: int, slope: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of 10 values, and answers right `slope` times as often as they say."""
    draw = np.random.default_rng(seed)
    stated = draw.integers(1, 11, n) / 10
    return stated, draw.random(n) < slope * stated


def test_with_the_last_bin_it_is_the_official_formula() -> None:
    # Ten values of 100 answers each: the official bins are ours, but for the last, which is in none there.
    stated = np.repeat(np.arange(1, 11) / 10, 100)
    correct = np.random.default_rng(1).random(1_000) < stated / 2
    last = stated == 1.0
    gap = 1.0 - correct[last].mean()
    there = calib_err(stated, correct)
    assert there is not None
    found = calibration(stated, correct)
    assert found.rms.value == pytest.approx(np.sqrt(there**2 + 0.1 * gap**2))
    assert found.reliability == pytest.approx(found.rms.value**2)


def test_worked_by_hand() -> None:
    # 90% stated and 5 of 10 right; 50% stated and 5 of 10 right.
    stated = [0.9] * 10 + [0.5] * 10
    found = calibration(stated, [True] * 5 + [False] * 5 + [True] * 5 + [False] * 5)
    assert found.ece.value == pytest.approx(0.2)
    assert found.rms.value == pytest.approx(np.sqrt(0.08))
    # Kumar et al.: each bin's accuracy·(1 - accuracy) / (n - 1) is what chance adds.
    assert found.rms.debiased == pytest.approx(np.sqrt(0.08 - 0.25 / 9))
    assert (found.mean_confidence, found.accuracy) == pytest.approx((0.7, 0.5))
    assert found.overconfidence == pytest.approx(0.2)
    assert found.brier == pytest.approx((5 * 0.01 + 5 * 0.81 + 10 * 0.25) / 20)
    low, high = proportion_confint(5, 10, method="wilson")
    assert found.curve["low"].tolist() == pytest.approx([low, low])
    assert found.curve["high"].tolist() == pytest.approx([high, high])
    assert found.curve["confidence"].tolist() == pytest.approx([0.5, 0.9])


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_every_answer_with_a_confidence_is_in_one_bin(binning: str) -> None:
    draw = np.random.default_rng(2)
    stated = np.where(draw.random((200, 3)) < 0.1, np.nan, draw.random((200, 3)))
    correct = draw.random((200, 3)) < 0.3
    found = calibration(stated, correct, binning=binning)  # type: ignore[arg-type]
    assert (found.n, found.n_without) == ((~np.isnan(stated)).sum(), np.isnan(stated).sum())
    assert found.curve["n"].sum() == found.n
    assert (found.curve["above"].iloc[1:].to_numpy() == found.curve["up_to"].iloc[:-1]).all()
    assert found.curve["confidence"].between(found.curve["above"], found.curve["up_to"]).all()
    assert found.accuracy_without == pytest.approx(correct[np.isnan(stated)].mean())
    parts = found.reliability - found.resolution + found.uncertainty + found.within_bins
    assert parts == pytest.approx(found.brier)


def test_answers_of_one_confidence_are_never_divided() -> None:
    stated, correct = _made(1_000)
    order = np.random.default_rng(3).permutation(1_000)
    there, back = calibration(stated, correct), calibration(stated[order], correct[order])
    pd.testing.assert_frame_equal(there.curve, back.curve)
    assert back.rms.value == pytest.approx(there.rms.value)
    assert (back.ece.low, back.ece.high) == pytest.approx((there.ece.low, there.ece.high))
    assert 8 <= len(there.curve) <= 10


@pytest.mark.slow
def test_a_calibrated_models_error_is_chance_alone() -> None:
    plain, debiased, zero = [], [], []
    for seed in range(200):
        found = calibration(*_made(200, 1.0, seed))
        plain.append(found.ece.value)
        debiased.append(found.ece.debiased)
        zero.append(found.rms.low == 0 == found.ece.low)
    assert np.mean(zero) > 0.9
    # Nothing but chance: about 0.06. Half is left, as an error is never below 0.
    assert np.mean(plain) > 0.05
    assert np.mean(debiased) < 0.65 * np.mean(plain)


def test_several_samples_of_a_question_are_one_piece_of_evidence() -> None:
    stated, correct = _made(300)
    once = calibration(stated, correct)
    copied = calibration(np.repeat(stated[:, None], 4, 1), np.repeat(correct[:, None], 4, 1))
    assert copied.rms.value == pytest.approx(once.rms.value)
    assert copied.rms.debiased == pytest.approx(once.rms.debiased, rel=1e-6)
    width = once.rms.high - once.rms.low
    assert copied.rms.high - copied.rms.low == pytest.approx(width)
    assert copied.overconfidence_low == pytest.approx(once.overconfidence_low)


def test_a_bin_of_a_single_question_joins_its_neighbour() -> None:
    found = calibration([0.05, 0.85, 0.9, 0.95, 0.35], [False, True, True, False, False], binning="width")  # fmt: skip
    assert (found.curve["questions"] >= 2).all()
    assert found.curve["n"].sum() == 5


def test_one_confidence_is_one_bin() -> None:
    found = calibration([0.8] * 50, [True] * 20 + [False] * 30)
    assert len(found.curve) == 1
    assert found.ece.value == pytest.approx(0.4)
    assert found.resolution == 0


@pytest.mark.parametrize(
    ("stated", "correct", "message"),
    [
        ([80, 90], [True, False], "divide percentages by 100"),
        ([0.5], [True, False], "of one shape"),
        ([np.nan, np.nan], [True, False], "0 questions have an answer that states a confidence"),
        ([0.5, np.nan], [True, False], "1 questions"),
        ([], [], "0 questions"),
    ],
)
def test_what_has_no_calibration_is_refused(
    stated: list[float], correct: list[bool], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        calibration(stated, correct)


@pytest.mark.slow
def test_a_million_questions_are_quick() -> None:
    draw = np.random.default_rng(4)
    stated = draw.integers(0, 101, 1_000_000) / 100
    started = time.process_time()
    found = calibration(stated, draw.random(1_000_000) < stated)
    assert found.rms.debiased < 0.005
    assert time.process_time() - started < 15  # about 1 s
