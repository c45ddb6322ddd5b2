"""Grade predictions by rules."""

from __future__ import annotations

from typing import Any

from llmc_lib.evaluation.grading import refusal, rules
from llmc_lib.records import Grade, Prediction, Question


def grade(question: Question, prediction: Prediction) -> Grade:
    """Grade one completion: against the reference answer or, for Do-Not-Answer, as declined or not."""
    if question.benchmark == "do_not_answer":
        return refusal.grade(question, prediction)
    return rules.grade(question, prediction)


def grade_all(pairs: Any, *, desc: str = "") -> list[Grade]:
    return [grade(*pair) for pair in pairs]
