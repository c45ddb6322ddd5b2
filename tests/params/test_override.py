"""Settings in place of a file's own: checked as the file is, with the same messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmc_lib.errors import UserError
from llmc_lib.params.override import overridden
from llmc_lib.params.reader import load, where

TEXT = """run: mine
training:
  learning_rate: 2.0e-4
evaluation:
  benchmarks: [{name: hle}, {name: do_not_answer}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(TEXT)
    return path


def test_a_setting_takes_the_place_of_the_files_own(file: Path) -> None:
    params = load(
        file, {"training.learning_rate": 1e-5, "report": {"cases": 3}, "seed": np.int64(4)}
    )
    assert params.training.learning_rate == 1e-5
    assert (params.report.cases, params.seed) == (3, 4)
    assert load(file).training.learning_rate == 2e-4


def test_a_group_keeps_what_is_not_given(file: Path) -> None:
    params = load(file, {"training": {"epochs": 2}})
    assert (params.training.learning_rate, params.training.epochs) == (2e-4, 2)


@pytest.mark.parametrize("key", ["evaluation.benchmarks.1.questions", "evaluation.benchmarks.do_not_answer.questions"])  # fmt: skip
def test_an_item_of_a_list_is_told_by_number_or_name(file: Path, key: str) -> None:
    first, second = load(file, {key: 5}).evaluation.benchmarks
    assert (first.questions, second.questions) == (None, 5)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"training.learning_rte": 1}, "override: training.learning_rte: unknown key; did you mean 'learning_rate'?"),
        ({"trainin.learning_rate": 1}, "override: trainin: unknown key; did you mean 'training'?"),
        ({"training.learning_rate": "a"}, "override: training.learning_rate: must be number, not 'a'"),
        ({"training.learning_rate": np.inf}, "override: training.learning_rate: must be a finite number, not inf"),
        ({"training.learning_rate.x": 1}, "override: training.learning_rate: must be number, not {'x': 1}"),
        ({"training": 3}, "override: training: must be a group of keys, not 3"),
        ({"evaluation.benchmarks.hel.questions": 3}, "override: evaluation.benchmarks.hel.questions: the list has no item 'hel'; did you mean 'hle'?"),
        ({"evaluation.benchmarks.7.questions": 3}, "override: evaluation.benchmarks.7.questions: the list has no item '7'; give a number from 0 to 1"),
        ({"evaluation.benchmarks." + "9" * 5000: 3}, "; give a number from 0 to 1"),
        ({"evaluation.benchmarks": ["a", "b", "c"]}, "override: evaluation.benchmarks.2: must be a group of keys, not 'c'"),
        ({"training..epochs": 3}, "override: 'training..epochs' is not a key; join the way to a setting by dots: training.learning_rate"),
        ({3: 3}, "override: 3 is not a key; join the way to a setting by dots: training.learning_rate"),
        ({"seed": {1, 2}.__iter__}, "is not a value that a params file can hold; give a number"),
        ({"report.title": "a\x1bb"}, "override: report.title, line 1: not valid YAML"),
        ([1], "override: must be {\"section.key\": value}, not [1]"),
    ],
)  # fmt: skip
def test_a_mistake_has_the_message_of_a_file(file: Path, override: dict[str, object], message: str) -> None:  # fmt: skip
    with pytest.raises(UserError) as caught:
        load(file, override)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{file}, ")


def test_a_mistake_of_the_file_keeps_its_line(file: Path) -> None:
    file.write_text(TEXT.replace("2.0e-4", "no"))
    with pytest.raises(UserError, match=r"my.yaml, line 3: training.learning_rate: must be number"):
        load(file, {"seed": 1})


def test_a_place_says_where_the_setting_is_from(file: Path) -> None:
    given = {"training.learning_rate": 1.0}
    assert where(file, "training", "learning_rate", override=given) == f"{file}, override: training.learning_rate"  # fmt: skip
    assert where(file, "run", override=given) == f"{file}, line 1: run"


def test_the_values_given_are_left_as_they_are(file: Path) -> None:
    values = {"a": {"b": [{"name": "x"}]}}
    made, changed = overridden(values, {"a.b.x.n": 1}, file)
    assert made == {"a": {"b": [{"name": "x", "n": 1}]}}
    assert (values, changed) == ({"a": {"b": [{"name": "x"}]}}, [("a", "b", 0, "n")])
