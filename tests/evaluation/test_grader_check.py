"""Rules held against rewritten and changed references: they pass, and a fault that is put into one of them is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.answers import choices, comparing, units
from llmc_lib.evaluation.grader_check import cases, check
from llmc_lib.evaluation.grader_check.check import Case
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams, Params
from llmc_lib.records import Grade, Prediction, Question
from llmc_lib.reporting.grader_check import grader_check
from llmc_lib.store import Run

_CHOICES = "Which one?\n\nAnswer Choices:\nA. Copper\nB. Iron\nC. Zinc"
REFERENCES = {
    "whole number": "12500",
    "decimal number": "0.75",
    "fraction": "-\\frac{3}{8}",
    "percentage": "45\\%",
    "quantity": "9\\text{ min}",
    "degrees": "30^\\circ",
    "dollars": "\\$45",
    "set or list": "\\{1, 2, 5\\}",
    "tuple or interval": "(2, \\infty)",
    "formula": "x^2 - 2x + \\sqrt{3}",
    "name or text": "femur",
    "choice": "B",
}


def _question(kind: str, answer: str) -> Question:
    of_choices = kind == "choice"
    text, answer_type = (
        (_CHOICES, "multipleChoice") if of_choices else ("What is it?", "exactMatch")
    )
    return Question(kind, "hle", text, answer, answer_type, "Math", "")


QUESTIONS = [
    *(_question(kind, answer) for kind, answer in REFERENCES.items()),
    _question("name or text", "hydrogen peroxide"),
]


def _here(pairs: Sequence[tuple[Question, Prediction]]) -> list[Grade]:
    return [grade(*pair) for pair in pairs]


def _failed(rows: pd.DataFrame) -> set[tuple[str, str]]:
    wrong = rows[rows["right"] != (rows["status"] == "correct")]
    return set(zip(wrong["answer_type"], wrong["form"], strict=True))


def test_every_kind_of_answer_is_told_and_has_both_right_and_wrong_ways() -> None:
    made: list[Case] = list(cases(QUESTIONS))
    assert {case.answer_type for case in made} == set(REFERENCES)
    assert all(case.answer_type == case.question.id for case in made)
    for kind in REFERENCES:
        right = [case.written.right for case in made if case.answer_type == kind]
        assert right.count(True) >= 4
        assert right.count(False) >= 2
    texts = [(case.question.id, case.written.text) for case in made]
    assert ("quantity", "540 s") in texts
    assert ("set or list", "\\{5, 2, 1\\}") in texts
    assert ("choice", "A. Iron") in texts


def test_the_rules_get_all_of_them_right() -> None:
    assert _failed(check(QUESTIONS, _here)) == set()


def test_nothing_is_checked_where_there_is_no_reference() -> None:
    instruction = Question("1", "do_not_answer", "Do it.", "", "instruction", "x", "")
    assert check([instruction], _here).empty


_FAULTS: dict[str, tuple[Any, str, Callable[..., Any], tuple[str, str]]] = {
    "any unit will do": (comparing, "same_unit", lambda one, two: True, ("degrees", "radians")),
    "ten percent off will do": (comparing, "_close",
        lambda given, expected: abs(given - float(expected.digits)) <= 0.1 * abs(float(expected.digits)),
        ("decimal number", "next")),
    "the sign is lost": (units, "signs", lambda text: text.replace("−", "").replace("-", ""), ("whole number", "sign")),
    "the order of a set counts": (comparing, "same_mathematics", lambda one, two: one == two, ("set or list", "another order")),
    "the end of a name is enough": (comparing, "same_name", lambda one, two: one.endswith(two) or None, ("name or text", "denied")),
    "the first letter counts": (choices, "_letter", lambda text, known, by_text: next((c for c in text if c in known), None),
        ("choice", "two letters")),
    "no choice has a text": (choices, "_spelled", lambda text: "", ("choice", "text alone")),
}  # fmt: skip


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_in_a_rule_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, broken, seen = _FAULTS[fault]
    monkeypatch.setattr(where, name, broken)
    assert seen in _failed(check(QUESTIONS, _here))


@pytest.mark.slow
def test_a_sixth_of_the_embedded_references_has_no_failure() -> None:
    for name in ("hle", "skills"):
        asked = question_bank.asked(BenchmarkParams(name=name), 0)[::6]
        assert _failed(check(asked, _here)) == set()


def _run(folder: Path, *, shown: bool = False) -> Run:
    rows = '{"id": "1", "question": "How long, secretly?", "answer": "9 blorks", "answer_type": "exactMatch", "category": "Math"}'
    (folder / "hle.jsonl").write_text(rows + "\n")
    benchmarks = [
        {"name": "hle", "source": str(folder / "hle.jsonl")},
        {"name": "do_not_answer"},
    ]
    values = {"run": "x", "runs_dir": str(folder / "runs"), "evaluation": {"benchmarks": benchmarks},
              "report": {"show_questions": shown}}  # fmt: skip
    return Run(Params.model_validate(values), folder / "x.yaml")


def test_the_table_names_what_fails_and_withholds_what_must_not_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.reporting.grader_check.check", lambda asked: check(asked, _here))
    monkeypatch.setattr(comparing, "fold", lambda text: "")
    hidden, shown = (grader_check(_run(tmp_path, shown=on)) for on in (False, True))
    assert "do_not_answer: no reference answers" in hidden
    assert "graded by the rules, version" in hidden
    assert "not called correct" in hidden
    assert "blork" not in hidden
    assert "blork" in shown
    _ = grader_check(_run(tmp_path))
    assert "blork" not in (tmp_path / "runs" / "x" / "audit" / "grader-check.csv").read_text()


def test_lists_of_texts_are_sets_where_they_can_be_taken_apart() -> None:
    asked = [_question("a", "['$2$', '$5$']"), _question("b", "['y = (1, 2)', '3']")]
    assert {case.question.id: case.answer_type for case in cases(asked)} == {
        "a": "set or list",
        "b": "list of texts",
    }
    assert _failed(check(asked, _here)) == set()
