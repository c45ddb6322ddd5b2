"""Grade answers by rules: the final answer that `llmc_lib.answers` finds, against the reference.

A response in which no final answer can be found, or whose answer mathematics cannot compare in its time,
is `ungraded`, never guessed; a truncated one is graded as incorrect whatever it says (the caller's token
limit is part of the task). Both count as not correct in every rate.
"""

from __future__ import annotations

import re

from llmc_lib.answers import (
    compare,
    find_answer,
    find_letter,
    options,
    restates,
    stated_confidence,
)
from llmc_lib.answers.text import ALTERNATIVE, unwrapped
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
    choices = options(question.question)
    expected = _choice(question, choices)
    if expected is not None:
        letter, rule = find_letter(response, choices)
        if letter is not None:
            return result(
                "correct" if letter in expected.split(ALTERNATIVE) else "incorrect", letter, rule
            )
        if question.answer_type == "multipleChoice":
            return result("ungraded", "", rule)
    answer, rule = find_answer(response, question.question)
    if answer is None:
        return result("ungraded", "", rule)
    equal = compare(answer, question.answer)
    if not equal and expected is None and choices:
        letter, _ = find_letter(response, choices)
        equal = compare(choices[letter], question.answer) if letter else equal
    if equal and restates(answer, question.question, question.answer):
        return result("ungraded", answer, "restates the question")
    if equal is None:
        return result("ungraded", answer, "not comparable")
    return result("correct" if equal else "incorrect", answer, rule)


def _choice(question: Question, choices: dict[str, str]) -> str | None:
    r"""The letter of the right choice, where the question is one of choices: its type says so, or it lists them
    and the reference is a letter, as in `\text{(C)}`."""
    if question.answer_type == "multipleChoice":
        return question.answer
    letter = re.fullmatch(
        r"\(?([A-Zア-コ])\)?\.?|\(([A-Z])\)\s*\S.*", unwrapped(question.answer).strip(" $")
    )
    named = (letter[1] or letter[2]) if letter else None
    return named if named in choices else None
