"""The example of params/compare.yaml: judged files of two models that never were, in the official
evaluator's format, for the embedded questions.

python -m tests.evaluation.importers.example     writes params/compare/ anew
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from llmc_lib import question_bank
from llmc_lib.answers import options
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question
from llmc_lib.store import ROOT, write_atomic

FOLDER = ROOT / "params" / "compare"
#: Model → by how much it is better than the questions are hard, and how many answers it never finished.
MODELS = {"base": (0.45, 5), "tuned": (0.50, 8)}


def path(model: str) -> Path:
    return FOLDER / f"judged_hle_{model}.json"


def content(model: str) -> str:
    """The judged file of a model; always the same."""
    questions = question_bank.load(BenchmarkParams(name="hle"))
    strength, unfinished = MODELS[model]
    hardness = random.Random("hardness")
    draw = random.Random(model)
    missing = set(draw.sample([question.id for question in questions], unfinished))
    judged = {}
    for question in questions:
        # Half of what decides is the question's own hardness: both models tend to fail on the same ones.
        knows = (hardness.random() + draw.random()) / 2 < strength
        answer = _entry(question, model, knows, questions, draw)
        if question.id not in missing:
            judged[question.id] = answer
    return json.dumps(judged, indent=1, ensure_ascii=False) + "\n"


def _entry(
    question: Question, model: str, knows: bool, questions: list[Question], draw: random.Random
) -> dict[str, Any]:
    given = question.answer if knows else _wrong(question, questions, draw)
    confidence = min(100, max(5, round(draw.gauss(82 if knows else 70, 13) / 5) * 5))
    if given is None:
        text = f"Explanation: {_unsure(question)}\nAnswer: I cannot decide.\nConfidence: 10%"
        confidence, given, found = 10, "None", "The response does not give a final answer."
    else:
        reason = question.rationale if knows else _guess(question, given)
        text = f"Explanation: {reason}\nAnswer: {given}\nConfidence: {confidence}%"
        found = (
            "The extracted answer is the correct answer."
            if knows
            else f"The extracted answer {given} is not the correct answer {question.answer}."
        )
    tokens = round(draw.lognormvariate(6.6, 0.7))
    asked = 40 + len(question.question) // 4
    return {
        "model": f"example/{model}",
        "response": text,
        "usage": {
            "completion_tokens": tokens,
            "prompt_tokens": asked,
            "total_tokens": tokens + asked,
        },
        "judge_response": {
            "correct_answer": question.answer,
            "model_answer": given,
            "reasoning": found,
            "correct": "yes" if knows else "no",
            "confidence": confidence,
        },
    }


def _wrong(question: Question, questions: list[Question], draw: random.Random) -> str | None:
    """A wrong answer of the right kind; None: no answer at all."""
    if draw.random() < 0.06:
        return None
    if question.answer_type == "multipleChoice":
        others = [letter for letter in options(question.question) if letter != question.answer]
        return draw.choice(others)
    if re.fullmatch(r"-?\d+", question.answer):
        return str(int(question.answer) + draw.choice((-2, -1, 1, 2, 10)))
    texts = [
        other
        for other in questions
        if other.answer_type == "exactMatch"
        and other.answer != question.answer
        and not re.fullmatch(r"-?\d+", other.answer)
    ]
    near = [other for other in texts if other.category == question.category]
    return draw.choice(near or texts).answer


def _guess(question: Question, given: str) -> str:
    subject = question.subject.lower() or question.category.lower()
    return (
        f"This is a question of {subject}. I compared what I recall of it with what is asked, and "
        f"{given} fits best."
    )


def _unsure(question: Question) -> str:
    return (
        f"I know too little of {question.subject.lower() or 'this'} to rule the other answers out."
    )


if __name__ == "__main__":
    for name in MODELS:
        write_atomic(path(name), content(name))
