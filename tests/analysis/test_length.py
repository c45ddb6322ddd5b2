"""Accuracy by length and by how completions ended: by hand, against statsmodels, and in other orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from llmc_lib.analysis.arrays import column_arrays, token_arrays
from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.length import accuracy_by_finish, accuracy_by_length

DRAW = np.random.default_rng(1)
TOKENS = {m: np.round(DRAW.lognormal(7, 1, (120, 4))) for m in ("base", "tuned")}
RIGHT = {m: DRAW.random((120, 4)) < 500 / (500 + TOKENS[m]) for m in TOKENS}
CATEGORY = ["Math" if n % 3 else "Physics" for n in range(120)]


def test_bins_worked_by_hand() -> None:
    table = accuracy_by_length(
        {"base": [True, True, False, False, True]}, {"base": [10, 20, 30, 40, np.nan]}, bins=2
    )
    assert table[["above", "up_to"]].to_numpy().tolist() == [[10, 20], [20, 40]]
    assert table["rate"].tolist() == [1, 0]
    assert table["n"].tolist() == [2, 2]
    assert table["unknown"].tolist() == [1, 1]
    low, high = proportion_confint(2, 2, method="wilson")
    assert (table["low"][0], table["high"][0]) == pytest.approx((low, high))


def test_the_bins_are_the_same_for_all_models_and_hold_every_answer() -> None:
    table = accuracy_by_length(RIGHT, TOKENS, CATEGORY)
    edges = table.groupby(["model", "category"])[["above", "up_to"]].agg(list)
    assert (
        len(edges.drop_duplicates(subset=["above"], keep="first").map(tuple).drop_duplicates()) == 1
    )
    everything = table[table["category"] == "all"]
    assert everything.groupby("model")["n"].sum().tolist() == [480, 480]
    by_category = table[table["category"] != "all"].groupby(["model", "bin"])["n"].sum()
    assert by_category.tolist() == everything["n"].tolist()
    right = (everything["rate"] * everything["n"]).groupby(everything["model"]).sum()
    assert right.tolist() == pytest.approx([RIGHT[m].sum() for m in RIGHT])


def test_the_variance_is_that_of_a_cluster_robust_regression() -> None:
    # A regression on a constant, clustered by question, of the answers in one bin.
    inside = TOKENS["base"] <= 1500
    clusters = np.repeat(np.arange(120), 4).reshape(120, 4)[inside]
    y = RIGHT["base"][inside].astype(float)
    fit = OLS(y, np.ones_like(y)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    questions = len(np.unique(clusters))
    error = float(fit.bse[0]) * np.sqrt(questions / (questions - 1))
    rate, low, high = clustered_rate((RIGHT["base"] & inside).sum(1), inside.sum(1))
    assert rate == pytest.approx(fit.params[0])
    # The interval is Wilson's for an effective number of answers: solve it back for the error.
    q = stats.t.ppf(0.975, questions - 1)
    for bound in (low, high):
        n_effective = rate * (1 - rate) / error**2
        # With CR2's leverage for statsmodels' one factor, and degrees of freedom by the fourth moments.
        expected = q * np.sqrt(bound * (1 - bound) / n_effective)
        assert abs(rate - bound) == pytest.approx(expected, rel=0.01)


def test_an_empty_bin_knows_nothing() -> None:
    table = accuracy_by_length({"m": [True]}, {"m": [5]}, edges=[0, 10, 20])
    assert np.isnan(table["rate"][1])
    assert (table["low"][1], table["high"][1], table["n"][1]) == (0, 1, 0)


def test_one_length_is_one_bin() -> None:
    table = accuracy_by_length({"m": [True, False]}, {"m": [7, 7]})
    assert (len(table), table["n"][0], table["rate"][0]) == (1, 2, 0.5)


def test_the_order_of_questions_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(120)
    shuffled = accuracy_by_length(
        {m: RIGHT[m][order] for m in RIGHT},
        {m: TOKENS[m][order] for m in RIGHT},
        [CATEGORY[n] for n in order],
    )
    there = accuracy_by_length(RIGHT, TOKENS, CATEGORY)
    keys = ["model", "category", "bin"]
    pd.testing.assert_frame_equal(
        there.sort_values(keys, ignore_index=True), shuffled.sort_values(keys, ignore_index=True)
    )


def test_by_finish_reason() -> None:
    table = accuracy_by_finish(
        {"m": [[True, False], [False, False]]}, {"m": [["stop", "stop"], ["length", "stop"]]}
    )
    assert table["finish_reason"].tolist() == ["length", "stop"]
    assert table[["n", "questions"]].to_numpy().tolist() == [[1, 1], [3, 2]]
    assert table["share"].tolist() == [0.25, 0.75]
    assert table["rate"].tolist() == pytest.approx([0, 1 / 3])


def test_by_finish_reason_and_category() -> None:
    ended = {m: np.where(TOKENS[m] > 3000, "length", "stop") for m in TOKENS}
    table = accuracy_by_finish(RIGHT, ended, CATEGORY)
    shares = table.groupby(["model", "category"])["share"].sum()
    assert shares.tolist() == pytest.approx([1] * 6)


@pytest.mark.parametrize(
    ("correct", "tokens", "category", "message"),
    [
        ({}, {}, None, "no model"),
        ({"m": [True]}, {"m": [1, 2]}, None, "m: shapes differ"),
        ({"m": [True]}, {"n": [1]}, None, "m: shapes differ"),
        ({"m": []}, {"m": []}, None, "m: no question"),
        ({"m": [True]}, {"m": [np.nan]}, None, "no length of a completion is known"),
        ({"m": [True]}, {"m": [1]}, ["a", "b"], "2 categories for 1 questions"),
    ],
)
def test_what_cannot_be_told_is_refused(
    correct: dict[str, list[bool]],
    tokens: dict[str, list[float]],
    category: list[str] | None,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        accuracy_by_length(correct, tokens, category)


ANSWERS = pd.DataFrame(
    [
        {"model": m, "question_id": q, "sample": s, "category": "Math", "completion_tokens": n}
        for m in ("base", "tuned")
        for q, s, n in [("b", 1, 4), ("b", 0, 3), ("a", 0, 0), ("a", 1, 2)]
    ]
)


def test_arrays_from_the_table_of_answers() -> None:
    arrays = column_arrays(ANSWERS, "completion_tokens")
    assert list(arrays) == ["base", "tuned"]
    assert arrays["tuned"].tolist() == [[3, 4], [0, 2]]
    assert np.isnan(token_arrays(ANSWERS)["base"]).tolist() == [[False, False], [True, False]]


def test_tables_that_make_no_array_are_refused() -> None:
    with pytest.raises(ValueError, match="tuned, question a, sample 1: is not there"):
        column_arrays(ANSWERS.iloc[:-1], "completion_tokens")
    with pytest.raises(ValueError, match="base, question b, sample 1: is there twice"):
        column_arrays(pd.concat([ANSWERS, ANSWERS.iloc[:1]]), "completion_tokens")
    with pytest.raises(ValueError, match="no column tokens"):
        column_arrays(ANSWERS, "tokens")
