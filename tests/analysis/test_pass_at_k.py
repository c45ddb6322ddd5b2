"""pass@k and majority@k: against a count of all subsets, a published formula, and worked by hand."""

from __future__ import annotations

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from llmc_lib.analysis.pass_at_k import (
    answer_keys,
    majority_at_k,
    majority_at_k_curve,
    pass_at_k,
    pass_at_k_curve,
)


def _published(n: int, c: int, k: int) -> float:
    """The estimator as Chen et al. print it (Figure 3)."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_pass_at_k_is_chens_estimator_and_the_mean_over_all_subsets(k: int) -> None:
    draw = np.random.default_rng(k)
    correct = draw.random((40, 8)) < draw.random((40, 1))
    found = pass_at_k(correct, k)
    published = np.mean([_published(8, int(c), k) for c in correct.sum(axis=1)])
    subsets = [correct[:, list(s)].any(axis=1).mean() for s in itertools.combinations(range(8), k)]
    assert found.rate == pytest.approx(published)
    assert found.rate == pytest.approx(np.mean(subsets))
    assert (found.k, found.n_questions, found.n_samples) == (k, 40, 8)
    assert found.low < found.rate < found.high


def test_with_all_samples_the_interval_is_wilsons() -> None:
    correct = np.zeros((50, 4), dtype=bool)
    correct[:20, 1] = True
    found = pass_at_k(correct, 4)
    assert (found.low, found.high) == pytest.approx(proportion_confint(20, 50, method="wilson"))


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong_have_an_interval_of_questions(right: bool) -> None:
    found = pass_at_k(np.full((30, 8), right), 2)
    wilson = proportion_confint(30 * right, 30, method="wilson")
    assert (found.low, found.high) == pytest.approx(wilson, abs=1e-9)


def _by_subsets(keys: list[str | None], right: list[bool], k: int) -> float:
    """majority@k of a question by drawing each subset and breaking each tie."""
    truth = {key: hit for key, hit in zip(keys, right, strict=True) if key is not None}
    scores = []
    for subset in itertools.combinations(range(len(keys)), k):
        votes = Counter(keys[place] for place in subset if keys[place] is not None)
        winners = [str(key) for key, n in votes.items() if n == max(votes.values())]
        scores.append(sum(truth[key] for key in winners) / len(winners) if winners else 0.0)
    return float(np.mean(scores))


VOTES = st.lists(st.sampled_from(["right", "also right", "b", "c", "d", None]), min_size=7, max_size=7)  # fmt: skip


@settings(max_examples=60)
@given(VOTES, st.integers(1, 7))
def test_majority_at_k_is_the_mean_over_all_subsets(keys: list[str | None], k: int) -> None:
    right = [key in ("right", "also right") for key in keys]
    found = majority_at_k([keys], [right], k)
    assert found.rate == pytest.approx(_by_subsets(keys, right, k))


def test_majority_worked_by_hand() -> None:
    # Two of three for the right answer: it wins alone in any three, and in one pair of three; the
    # other two pairs tie. One of three, the others apart: a third, by the draw among three.
    keys, right = [["x", "x", "y"], ["x", "y", "z"]], [[True, True, False], [True, False, False]]
    curve = majority_at_k_curve(keys, right, [1, 2, 3])
    assert curve["rate"].tolist() == pytest.approx(
        [(2 / 3 + 1 / 3) / 2, (2 / 3 + 1 / 3) / 2, (1 + 1 / 3) / 2]
    )


def test_at_one_both_are_the_accuracy() -> None:
    draw = np.random.default_rng(2)
    correct = draw.random((60, 5)) < 0.4
    keys = np.where(correct, "r", draw.choice(["a", "b"], (60, 5)))
    assert pass_at_k(correct, 1).rate == pytest.approx(correct.mean())
    assert majority_at_k(keys, correct, 1).rate == pytest.approx(correct.mean())


def test_what_was_not_found_casts_no_vote() -> None:
    keys = np.array([[None, None, None, "r"], [None] * 4], dtype=object)
    correct = np.array([[False, False, False, True], [False] * 4])
    assert majority_at_k(keys, correct, 4).rate == 0.5
    assert majority_at_k(keys, correct, 2).rate == pytest.approx(0.25)


def test_a_key_that_is_graded_differently_counts_in_part() -> None:
    assert majority_at_k([["a", "a"]], [[True, False]], 2).rate == 0.5


def test_order_matters_neither_of_questions_nor_of_samples() -> None:
    draw = np.random.default_rng(3)
    correct = draw.random((50, 6)) < 0.3
    keys = np.where(correct, "r", draw.choice(["a", "b", "c"], (50, 6)))
    rows, columns = draw.permutation(50), draw.permutation(6)
    for k in (1, 3, 6):
        there, back = pass_at_k(correct, k), pass_at_k(correct[rows][:, columns], k)
        assert (back.rate, back.low, back.high) == pytest.approx(
            (there.rate, there.low, there.high)
        )
        won = majority_at_k(keys, correct, k)
        again = majority_at_k(keys[rows][:, columns], correct[rows][:, columns], k)
        assert (again.rate, again.low, again.high) == pytest.approx((won.rate, won.low, won.high))


def test_a_curve_rises_and_ends_at_all_samples() -> None:
    correct = np.random.default_rng(4).random((50, 6)) < 0.3
    curve = pass_at_k_curve(correct)
    assert curve["k"].tolist() == [1, 2, 4, 6]
    assert curve["rate"].is_monotonic_increasing
    assert curve["rate"].iloc[-1] == pytest.approx(correct.any(axis=1).mean())


def test_keys_are_even_in_what_does_not_matter() -> None:
    texts = [["$0.5$", "0.5", "1/2", "Paris.", " paris", "", "2"]]
    right = [[False] * 6 + [True]]
    (keys,) = answer_keys(texts, right)
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == keys[4]
    assert keys[5] is None
    assert len({*keys[:5]}) == 3
    (by_rule,) = answer_keys(texts, right, lambda a, b: {a, b} == {"0.5", "1/2"})
    assert by_rule[0] == by_rule[1] == by_rule[2] != by_rule[3]


def test_right_answers_are_one_however_written() -> None:
    (keys,) = answer_keys([["1/2", "0.5", "0.5", "7"]], [[True, True, False, False]])
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("correct", "k", "message"),
    [
        ([], 1, "of shape"),
        ([True, False], 1, "of shape"),
        ([[True, False]], 3, "k = 3 is out of range"),
        ([[True, False]], 0, "k = 0 is out of range"),
    ],
)
def test_what_cannot_be_estimated_is_refused(correct: list[bool], k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pass_at_k(correct, k)


def test_right_answers_that_cannot_vote_are_refused() -> None:
    with pytest.raises(ValueError, match="1 right samples have no answer"):
        majority_at_k([[None, "a"]], [[True, False]], 1)
    with pytest.raises(ValueError, match="differ in shape"):
        majority_at_k([["a"]], [[True, False]], 1)


def test_many_samples_are_counted_quickly() -> None:
    draw = np.random.default_rng(5)
    correct = draw.random((500, 16)) < draw.beta(0.3, 1, (500, 1))
    keys = np.where(correct, "r", draw.integers(0, 9, (500, 16)).astype(str))
    started = time.process_time()
    curve = majority_at_k_curve(keys, correct)
    assert len(curve) == 5
    assert time.process_time() - started < 10  # about 1 s; 12,870 subsets each would take minutes
