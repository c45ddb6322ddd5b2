"""Grade answers by rules: the final answer that `llmc_lib.answers` finds, against the reference.

A response in which no final answer can be found, or whose answer mathematics cannot compare in its time,
is `ungraded`, never guessed; a truncated one is graded as incorrect whatever it says (the caller's token
limit is part of the task). Both count as not correct in every rate.
"""

from __future__ import annotations

from llmc_lib.answers import judge, stated_confidence
from llmc_lib.records import Grade, GradeStatus, Prediction, Question, writable


def grade(question: Question, prediction: Prediction) -> Grade:
    """Grade one completion of one question with a reference answer."""
    response = prediction.response
    confidence = stated_confidence(response)

    def result(status: GradeStatus, extracted: str, rule: str) -> Grade:
        return Grade(question.id, prediction.sample, status, writable(extracted), rule, confidence)

    if prediction.finish_reason == "failed":
        return result("ungraded", "", "failed")
    if prediction.finish_reason == "length":
        return result("incorrect", "", "truncated")
    if not response.strip():
        return result("ungraded", "", "empty")
    choice = question.answer_type == "multipleChoice"
    return result(*judge(response, question.question, question.answer, multiple_choice=choice))
