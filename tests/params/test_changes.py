"""What differs between two runs' params: short, named, and nothing that differs anyway."""

from __future__ import annotations

from typing import Any

import pytest

from llmc_lib.params import Params
from llmc_lib.params.changes import Change, changes


def params(**sections: Any) -> dict[str, Any]:
    return Params.model_validate({"run": "a", **sections}).model_dump(mode="json")


def test_the_same_params_differ_in_nothing_whatever_they_are_called() -> None:
    assert changes(params(), params()) == []
    other = params(runs_dir="elsewhere", report={"title": "Another"}, plan={"mfu": 0.5})
    assert changes(params(), {**other, "run": "b"}) == []


def test_what_is_left_out_is_the_callers_choice() -> None:
    other = {**params(report={"title": "Another"}), "run": "b"}
    assert changes(params(), other, ("run",)) == [Change("report.title", "null → Another")]


def test_a_setting_is_named_in_full_with_both_values() -> None:
    before = params(training={"learning_rate": 1e-5, "gradient_checkpointing": True})
    after = params(training={"learning_rate": 2e-5}, evaluation={"temperature": 0.6})
    assert changes(before, after) == [
        Change("training.learning_rate", "1e-5 → 2e-5"),
        Change("training.gradient_checkpointing", "true → false"),
        Change("evaluation.temperature", "0 → 0.6"),
    ]


def test_things_with_a_name_are_compared_by_it() -> None:
    rows = {"name": "hard_math", "rows": 200}
    before = params(dataset={"sources": [rows, {"name": "textbook"}]})
    after = params(dataset={"sources": [{"name": "hard_math", "rows": 120}]})
    assert changes(before, after) == [
        Change("dataset.sources.hard_math.rows", "200 → 120"),
        Change("dataset.sources.textbook", "gone"),
    ]
    candidates = changes(params(), params(candidates=[{"name": "slow"}, {"name": "fast"}]))
    assert candidates == [Change("candidates.slow", "added"), Change("candidates.fast", "added")]


def test_another_order_is_a_change() -> None:
    one, two = ({"model": name, "path": f"{name}.json"} for name in ("base", "tuned"))
    assert changes({"imports": [one, two]}, {"imports": [two, one]}) == [
        Change("imports, order", "base, tuned → tuned, base")
    ]


def test_a_group_that_one_run_has_is_one_change() -> None:
    before = params()
    after = {key: value for key, value in before.items() if key not in ("training", "model")}
    assert changes(before, after) == [Change("model", "gone"), Change("training", "gone")]
    assert changes(after, before)[-1] == Change("training", "added")


@pytest.mark.parametrize("empty", [None, [], {}])
def test_a_new_key_that_says_nothing_is_no_change(empty: object) -> None:
    assert changes({"a": {}}, {"a": {"b": empty}}) == []
    assert changes({"a": {"b": empty}}, {"a": {}}) == []
    assert changes({"a": {"b": empty}}, {"a": {"b": 1}})[0].key == "a.b"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (0, False, "0 → false"),  # equal in Python, not in a params file
        (1, 1.5, "1 → 1.5"),
        ("", "x", '"" → x'),
        (None, 3, "null → 3"),
        ([1.0], [0.5, 1.0], "[1.0] → [0.5, 1.0]"),
        (list(range(20)), [1], "(20 entries) → [1]"),
        ("a" * 100, "b", f"{'a' * 58} … → b"),
    ],
)
def test_how_values_are_written(old: object, new: object, what: str) -> None:
    assert changes({"key": old}, {"key": new}) == [Change("key", what)]
