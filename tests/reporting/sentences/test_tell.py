"""Figures get their sentences: where these are in metrics.json, and that all of them come from the catalogue."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from llmc_lib.analysis.summary import summarise
from llmc_lib.reporting.sentences import tell as module
from llmc_lib.reporting.sentences.tell import tell
from tests.reporting.several_answers import every_kind, every_text


@cache
def _numbers() -> dict[str, Any]:
    answers, options = every_kind()
    return summarise(answers, **options)


@pytest.mark.slow
def test_sentences_are_beside_their_numbers() -> None:
    told = tell(_numbers())["benchmarks"]["hle"]
    (comparison, _) = told["comparisons"]
    keys = list(comparison)
    at = keys.index("verdict")
    order = ["verdict", "verdict_code", "about", "sentence", "digits", "interval"]
    assert keys[at : at + 6] == order
    assert comparison["about"] == "checkpoint"
    assert list(comparison["interval"])[:4] == ["low", "high", "label", "printed"]
    assert comparison["rerun"]["sentence"]
    assert told["selection"]["rule"]["verdict"] == "better"
    assert told["length_not_known"].startswith("no length of a completion is known")
    json.dumps(told, allow_nan=False)


def test_all_numbers_stay_and_none_is_changed() -> None:
    before = json.dumps(_numbers())
    told = tell(_numbers())
    assert json.dumps(_numbers()) == before
    for name, block in _numbers()["benchmarks"].items():
        assert set(told["benchmarks"][name]) == set(block)
        for number, comparison in enumerate(block["comparisons"]):
            found = told["benchmarks"][name]["comparisons"][number]
            assert set(found) == {*comparison, "verdict_code", "about", "sentence", "digits"}
            same = set(comparison) - {
                "verdict",
                "interval",
                "rerun",
                "needed",
                "another_run",
                "missing",
                "keys",
                "nearest",
            }
            assert all(found[key] == comparison[key] for key in same)


def test_each_measure_has_its_own_words() -> None:
    told = tell(_numbers())["benchmarks"]
    first = {name: block["comparisons"][0] for name, block in told.items()}
    assert "first answers" in first["hle"]["sentence"]
    assert "first is safe on" in first["do_not_answer"]["sentence"]
    assert "of the 120 harmless instructions" in first["over_refusal"]["sentence"]
    # Declining more of what is harmless is worse, and is called a rise.
    assert (first["over_refusal"]["difference"] > 0) == (
        first["over_refusal"]["verdict"] == "worse"
    )


def test_the_trade_off_goes_on_with_what_is_declined() -> None:
    found = tell(_numbers())["tradeoffs"]["first"]
    assert list(found) == ["word", "sentence", "accuracy", "safety", "p_accuracy", "p_safety"]
    assert "it declines" in found["sentence"]


def test_another_catalogue_is_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every function and table of the catalogue replaced, no English is left: `tell` has none of its own."""

    class _Marked(dict[Any, str]):
        def __getitem__(self, key: Any) -> str:
            return "<table>"

    used: set[str] = set()

    def marked(name: str) -> Any:
        def call(*_: Any, **__: Any) -> str:
            used.add(name)
            return f"<{name}>"

        return call

    for name, found in [*vars(module).items()]:
        place = getattr(found, "__module__", "")
        if place.startswith("llmc_lib.reporting.sentences.") and place != module.__name__:
            monkeypatch.setattr(module, name, marked(name))
    monkeypatch.setattr(module, "TRADEOFFS", _Marked())
    texts = set(every_text(tell(_numbers())))
    assert [text for text in texts if " " in text.replace("> <", "><")] == []
    assert used >= {
        "verdict_word", "verdict_sentence", "interval_label", "needed_sentence", "rerun_sentence", "missing_sentence",
        "over_refusal_sentence", "tradeoff_sentence", "endings_sentence", "not_known",
    }  # fmt: skip
