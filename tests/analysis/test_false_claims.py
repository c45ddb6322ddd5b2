"""Do wrong answers carry more false claims? Counted, and compared by questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from llmc_lib.analysis import false_claims
from llmc_lib.analysis.false_claims import association, summarise_claims


def _table(right: np.ndarray, false: np.ndarray, answers_each: int) -> pd.DataFrame:
    """Answers of one model, so many to each question, each with one claim."""
    questions = np.arange(len(right)) // answers_each
    return pd.DataFrame(
        {"model": "m", "question_id": questions, "correct": right, "checked": 1,
         "false": false.astype(int)}
    )  # fmt: skip


def test_the_claims_of_each_model_are_counted() -> None:
    rows = [
        ("base", "a", False, 4, 2), ("base", "b", True, 0, 0), ("base", "c", True, 3, 0),
        ("tuned", "a", True, 0, 0), ("tuned", "b", True, 0, 0), ("tuned", "c", True, 0, 0),
    ]  # fmt: skip
    names = ["model", "question_id", "correct", "checked", "false"]
    found = summarise_claims(pd.DataFrame(rows, columns=names), 40)
    assert (found["n_checked"], found["n_questions"]) == (3, 40)
    base, tuned = found["models"]["base"], found["models"]["tuned"]
    # Wilson's interval of 1 in 2, Newcombe 1998: (1 + 1.96² ∓ 1.96·√(1.96² + 4·½)) / (2·(2 + 1.96²)).
    assert base.pop("ci95") == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert base == {"claims": 7, "false": 2, "answers": 2, "answers_with_false": 1}
    assert tuned == {
        "claims": 0, "false": 0, "answers": 0, "answers_with_false": 0, "ci95": None
    }  # fmt: skip
    assert found["wrong_against_right"] is None


def test_more_false_claims_in_wrong_answers_are_found() -> None:
    draw = np.random.default_rng(0)
    right = draw.random(400) < 0.6
    false = draw.random(400) < np.where(right, 0.1, 0.5)
    found = association(_table(right, false, 2))
    assert found is not None
    assert found.difference == pytest.approx(false[~right].mean() - false[right].mean())
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.001
    assert (found.n_wrong, found.n_right) == ((~right).sum(), right.sum())


@pytest.mark.slow
def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        right = draw.random(240) > np.repeat(draw.random(80), 3)
        false = draw.random(240) < np.where(right, 0.15, 0.35)
        found = association(_table(right, false, 3))
        assert found is not None
        covered += found.low <= 0.2 <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_few_questions_and_answers_that_are_all_alike_say_nothing() -> None:
    right = np.arange(40) % 2 == 0
    assert association(_table(right[:18], right[:18], 1)) is None  # nine on either side
    assert association(_table(right, np.zeros(40, bool), 1)) is None
    assert association(_table(right, ~right, 1)) is not None


def test_few_answers_and_a_share_of_none_have_an_interval_that_knows_it() -> None:
    right = np.arange(33) >= 23
    false = np.arange(33) < 17  # 17 of 23 wrong answers, and none of 10 right ones
    found = association(_table(right, false, 1))
    assert found is not None
    # Newcombe 1998, method 10, by its formula from the two Wilson intervals (0.5353 to 0.8745; 0 to 0.2775).
    p, low, high, upper = 17 / 23, 0.5353, 0.8745, 0.2775
    assert found.low == pytest.approx(p - np.hypot(p - low, upper), abs=1e-3)
    assert found.high == pytest.approx(p + high - p, abs=1e-3)
    assert found.p_value == pytest.approx(8.65e-5, rel=0.01)


def test_answers_to_one_question_count_once_where_few_decide() -> None:
    right = np.arange(33) >= 23
    false = np.arange(33) < 12
    once = association(_table(right, false, 1))
    twice = association(_table(np.repeat(right, 2), np.repeat(false, 2), 2))
    assert once is not None
    assert twice is not None
    assert (twice.low, twice.high, twice.p_value) == (once.low, once.high, once.p_value)
    assert twice.n_wrong == 46


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.7, 0.02), (0.3, 0.3), (0.9, 0.05), (0.1, 0.1)])
def test_the_interval_of_few_covers_the_truth_summed_over_all_tables(
    shares: tuple[float, float],
) -> None:
    n_wrong, n_right = 18, 10
    covered = 0.0
    for a in range(n_wrong + 1):
        for b in range(n_right + 1):
            chance = stats.binom.pmf(a, n_wrong, shares[0]) * stats.binom.pmf(b, n_right, shares[1])
            low, high, _ = false_claims._of_few([a / n_wrong, b / n_right], [n_wrong, n_right])
            covered += float(chance) * (low <= shares[0] - shares[1] <= high)
    assert 0.92 <= covered <= 0.995
