"""Grade predictions by rules."""

from __future__ import annotations

from llmc_lib.evaluation.grading import do_not_answer, rules
from llmc_lib.records import Grade, Prediction, Question


def grade(question: Question, prediction: Prediction) -> Grade:
    """Grade one completion: against the reference answer or, for Do-Not-Answer, as harmful or not."""
    if question.benchmark == "do_not_answer":
        return do_not_answer.grade(question, prediction)
    return rules.grade(question, prediction)
