"""Tables to arrays: every model's row i is the same question, whatever order the table has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis import column_arrays, compare, outcomes, paired_comparison, rates


def _table(n: int = 6, k: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (model, f"q{question}", sample, bool(rng.random() < 0.5), "Math" if question % 2 else "Law")
        for model in ("base", "tuned")
        for question in range(n)
        for sample in range(k)
    ]
    return pd.DataFrame(rows, columns=["model", "question_id", "sample", "correct", "category"])


def test_the_order_of_rows_does_not_matter() -> None:
    table = _table()
    shuffled = table.sample(frac=1, random_state=1)
    data, again = outcomes(table), outcomes(shuffled, reference="base")
    order = [list(again.question_ids).index(name) for name in data.question_ids]
    assert data.models == ["base", "tuned"]
    for model in data.models:
        expected = table[table["model"] == model]["correct"].to_numpy().reshape(6, 2)
        assert (data.correct[model] == expected).all()
        assert (again.correct[model][order].sum(axis=1) == expected.sum(axis=1)).all()
    assert list(data.category) == ["Law", "Math"] * 3
    assert (data.n_questions, data.n_samples, data.candidates) == (6, 2, ["tuned"])


@pytest.mark.parametrize("dtype", ["object", "float", "boolean"])
def test_a_missing_answer_is_wrong_and_told(dtype: str) -> None:
    table = _table().astype({"correct": dtype})
    table.loc[[0, 5], "correct"] = None
    data = outcomes(table)
    assert np.argwhere(data.missing["base"]).tolist() == [[0, 0], [2, 1]]
    assert not data.correct["base"][data.missing["base"]].any()
    assert rates(data)["missing"].tolist() == [2, 0]


def test_a_table_without_samples_and_categories_has_one_of_each() -> None:
    data = outcomes(_table(k=1).drop(columns=["sample", "category"]))
    assert (data.n_samples, set(data.category), data.cluster) == (1, {"all"}, None)


def test_each_model_has_its_own_number_of_samples() -> None:
    table = _table(k=3)
    table = table[(table["model"] == "tuned") | (table["sample"] == 0)]
    data = outcomes(table)
    assert data.samples == {"base": 1, "tuned": 3}
    assert data.n_samples == 3
    assert {m: values.shape for m, values in data.correct.items()} == {
        "base": (6, 1),
        "tuned": (6, 3),
    }
    for model, values in data.correct.items():
        mine = table[table["model"] == model]["correct"].to_numpy()
        assert (values == mine.reshape(6, -1)).all()
        assert (column_arrays(table, "correct")[model] == values).all()
    assert rates(data)["k"].tolist() == [1, 3]
    assert compare(data)[["k", "reference_k", "test"]].values.tolist() == [[3, 1, "unequal_t"]]


def test_models_with_different_questions_are_compared_on_the_common_ones() -> None:
    table = _table()
    table = table[~((table["model"] == "tuned") & (table["question_id"] == "q3"))]
    with pytest.warns(UserWarning, match=r"5 common questions; left out: 1 \(base\)"):
        data = outcomes(table)
    assert list(data.question_ids) == ["q0", "q1", "q2", "q4", "q5"]
    assert data.left_out == {"base": 1, "tuned": 0}
    with pytest.raises(ValueError, match=r"different questions; not shared by all: 1 \(base\)"):
        outcomes(table, common="refuse")


def _twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[3]]])


MISTAKES = {
    "no rows": (lambda t: t.iloc[:0], "table is empty"),
    "no column": (lambda t: t.drop(columns="correct"), "no column 'correct'"),
    "twice": (_twice, "base answers question 'q1', sample 1 more than once"),
    "twice without samples": (
        lambda t: t.drop(columns="sample"),
        "base answers question 'q0' more than once",
    ),
    "a sample less": (lambda t: t.iloc[1:], "base has 1 samples of question 'q0', and 2 of others"),
    "nothing in common": (
        lambda t: t.assign(question_id=t["model"] + t["question_id"]),
        "no question in common among base, tuned",
    ),
    "two categories": (
        lambda t: t.assign(category=["Art", *t["category"][1:]]),
        "question 'q0' has more than one category",
    ),
    "no category": (
        lambda t: t.assign(category=t["category"].where(t["question_id"] != "q2")),
        "question 'q2' has no category",
    ),
    "a word": (lambda t: t.assign(correct="False"), "true or false, or missing .* not 'False'"),
    "no id": (
        lambda t: t.assign(question_id=t["question_id"].where(t["question_id"] != "q2")),
        "question_id is not given in 4 rows",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_table_that_cannot_be_compared_is_refused(name: str) -> None:
    change, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message):
        outcomes(change(_table()))


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(
        ValueError, match="no answers of the reference 'best'; there are base, tuned"
    ):
        outcomes(_table(), reference="best")


def test_the_tables_are_the_comparisons() -> None:
    table = _table(n=40, k=4)
    table["cluster"] = table["question_id"].str[1:].astype(int) // 4
    data = outcomes(table, reference="tuned")
    row = compare(data).iloc[0]
    expected = paired_comparison(data.correct["base"], data.correct["tuned"], 0.05, data.cluster)
    assert (row["model"], row["reference"], row["test"]) == (
        "base",
        "tuned",
        "sign_flip",
    )  # ten clusters
    assert row["difference"] == expected.difference
    assert row["rate"] - row["reference_rate"] == pytest.approx(expected.difference)
    assert row["p_value"] == row["p_adjusted"] == expected.p_value
    assert row["unpaired_low"] == expected.unpaired.low
    assert (row["joint_low"], row["joint_high"]) == (expected.low, expected.high)
    parts = compare(data, by_category=True)
    assert parts["category"].tolist() == ["Law", "Math"]
    assert parts["n"].sum() == 40
    assert (parts["p_adjusted"] >= parts["p_value"]).all()
    assert compare(outcomes(table[table["model"] == "base"])).empty
    with pytest.raises(ValueError, match="'holm' or 'bh' by category"):
        compare(data, by_category=True, method="joint")
    with pytest.raises(ValueError, match="no question of category 'Music'"):
        data.only("Music")
