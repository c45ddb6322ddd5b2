"""What is said of unequal numbers of samples, and of one more run."""

from __future__ import annotations

from typing import Any

from llmc_lib.reporting.sentences import runs as words
from tests.reporting.sentences.made import block


def _block(base: int, tuned: int, n: int = 100) -> dict[str, Any]:
    made = block({"base": 0.1, "tuned": 0.2}, n, samples=tuned)
    made["models"]["base"]["n_samples"] = base
    return made


def test_equal_numbers_are_told_as_one() -> None:
    same = _block(4, 4)
    assert (words.runs_of(same), words.samples_of(same), words.runs_sentence(same)) == (
        "4",
        "4 samples",
        "",
    )
    assert words.responses_of(_block(1, 1)) == "100 responses"


def test_unequal_numbers_are_told_of_each_model() -> None:
    made = _block(1, 5)
    assert (words.runs_of(made), words.samples_of(made)) == ("1 to 5", "1 to 5 samples")
    assert "base: 1 sample; tuned: 5 samples." in words.runs_sentence(made)
    assert (words.answers_of(made, "base"), words.answers_of(made, "tuned")) == (100, 500)
    assert words.responses_of(made) == "100 to 500 responses"


def test_which_model_another_run_would_help_most() -> None:
    names = {"model": "tuned", "reference": "base"}
    found = {"helps_most": "reference", "assumed": "reference", "reference": 0.93, "model": 0.996}
    text = words.another_run_sentence({**names, "another_run": found})
    assert text.startswith(
        "One more run of base would help most: it would make the interval about 7% narrower, one more of tuned less than 1%."
    )
    assert "base has one run" in text
    known = words.another_run_sentence({**names, "another_run": {**found, "assumed": None}})
    assert known.endswith("less than 1%.")
    assert words.another_run_sentence({**names, "another_run": None}) == ""
