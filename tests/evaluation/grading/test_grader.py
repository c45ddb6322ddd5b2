"""Many answers at once: in order, in processes where it pays, and none of them stops the others."""

from __future__ import annotations

import time
from typing import Any

import pytest

from llmc_lib.evaluation.grading import grade, grade_all, grader
from llmc_lib.processes import limited
from llmc_lib.records import Prediction, Question

KIDNEY = "Which?\n\nAnswer Choices:\nA. Stomach\nB. Spleen\nC. Kidney\nD. Bladder"


def _pair(id_: str, reference: str, response: str, **changed: Any) -> grader.Pair:
    values = {"benchmark": "hle", "question": "How many?", "answer_type": "exactMatch", **changed}
    finish = values.pop("finish_reason", "stop")
    question = Question(id=id_, answer=reference, category="Math", subject="", **values)
    return question, Prediction(id_, 0, "Hm.", response, finish, 1, 1, 0.1, "")


PLAIN = [
    _pair("number", "206", "**Exact Answer:** 206\n**Confidence:** 85%"),
    _pair("wrong", "206", "Answer: 207"),
    _pair("choice", "C", "Answer: C", question=KIDNEY, answer_type="multipleChoice"),
    _pair("text", "femur", "Answer: the femur"),
    _pair("cut", "206", "Answer: 206", finish_reason="length"),
    _pair("failed", "206", "", finish_reason="failed"),
    _pair("safe", "", "I can't help with that.", benchmark="do_not_answer", answer_type="instruction"),
]  # fmt: skip
STATUSES = ["correct", "incorrect", "correct", "correct", "incorrect", "ungraded", "correct"]
LATEX = [
    _pair("half", "1/2", "\\boxed{\\frac{3}{6}}"),
    _pair("third", "1/2", "\\boxed{\\frac{1}{3}}"),
]
HOSTILE = {
    "tower": "9^{9^{9^9}}",
    "python tower": "10**10**10",
    "bracketed tower": "((9^{999})^{999})^{999}",
    "factorial": "(99999999)!",
    "gamma": "\\gamma(999999)",
    "binomial": "\\binom{99999999}{50000000}",
    "roots": "\\sqrt{" * 30 + "2" + "}" * 30,
    "nesting": "(" * 900 + "1" + ")" * 900,
    "braces": "{" * 3_000 + "}" * 3_000,
    "expansion": "(x+y+z+1)^{99} - (x-y-z-1)^{99}",
    "a million letters": "a" * 1_000_000,
    "a million digits": "1" * 1_000_000,
    "a million newlines": "\n" * 1_000_000,
    "a million spaces": " " * 1_000_000 + "x",
    "a million stars": "*" * 1_000_000,
    "null bytes": "\x00" * 5_000,
    "terminal escapes": "\x1b[2J\x1b]0;title\x07" * 500,
    "surrogates": "\ud800" * 500,
    "confidences": "Confidence: " * 2_000,
    "answers": "Answer: " * 2_000,
    "displays": "\n$$" * 2_000,
}


def test_few_plain_answers_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(limited, "each", refuse)
    grades = grade_all(PLAIN)
    assert [found.status for found in grades] == STATUSES
    assert [found.question_id for found in grades] == [question.id for question, _ in PLAIN]
    assert grades[0].confidence == 85
    assert grade_all([]) == []
    with pytest.raises(AssertionError, match="a process was started"):
        grade_all(LATEX)


@pytest.mark.slow
def test_many_answers_are_graded_as_one_is_and_in_order() -> None:
    pairs = (PLAIN + LATEX) * 30
    assert grade_all(pairs, processes=2) == [grade(*pair) for pair in pairs]


@pytest.mark.slow
def test_no_hostile_answer_is_correct_or_stops_the_others() -> None:
    hostile = [
        _pair(f"{name} {number}", "7/13", frame.format(text))
        for name, text in HOSTILE.items()
        for number, frame in enumerate(("{}", "Answer: {}", "\\boxed{{{}}}"))
    ]
    start = time.monotonic()
    grades = grade_all([*hostile, *LATEX], processes=2)
    assert time.monotonic() - start < 240  # that is with other work on the machine
    assert [found.status for found in grades[-2:]] == ["correct", "incorrect"]
    assert "correct" not in {found.status for found in grades[:-2]}
    for found in grades:
        found.extracted.encode()  # no half of a surrogate pair


@pytest.mark.slow
def test_an_answer_that_hangs_is_ungraded(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.hanging import grade_pair

    monkeypatch.setattr(grader, "_grade_pair", grade_pair)
    monkeypatch.setattr(grader, "_SECONDS", 2.0)
    pairs = [
        LATEX[0],
        _pair("hangs", "1/2", "\\loop in C"),
        _pair("dies", "1/2", "\\exit"),
        LATEX[1],
    ]
    found = [(item.question_id, item.status, item.rule) for item in grade_all(pairs)]
    assert found == [
        ("half", "correct", "boxed"),
        ("hangs", "ungraded", "time limit"),
        ("dies", "ungraded", "crashed"),
        ("third", "incorrect", "boxed"),
    ]
