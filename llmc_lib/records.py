"""The records that pass from one stage to the next. On disk they are Parquet rows or JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AnswerType = Literal["exactMatch", "multipleChoice"]
#: `ungraded`: the rules could not decide. It counts as not correct and not safe, and is reported.
GradeStatus = Literal["correct", "incorrect", "ungraded"]


@dataclass(frozen=True)
class Example:
    """One training example before it is put into chat form."""

    id: str
    source: str
    category: str
    subject: str
    question: str
    reasoning: str
    answer: str
    answer_type: AnswerType
    completion_author: str  # "person", "program", or a model's name
    licence: str


@dataclass(frozen=True)
class Question:
    """One benchmark question, or one Do-Not-Answer instruction (whose `answer` is empty)."""

    id: str
    benchmark: str
    question: str
    answer: str
    answer_type: str
    category: str
    subject: str
    rationale: str = ""


@dataclass(frozen=True)
class Prediction:
    """One sampled completion as the engine gave it; `text` is complete, nothing is cut from it."""

    question_id: str
    sample: int
    text: str
    finish_reason: str  # "stop", "length" (cut at the token limit), or "failed"
    prompt_tokens: int
    completion_tokens: int
    seconds: float  # from the engine's start of the batch to this completion's end
    prompt_sha256: str


@dataclass(frozen=True)
class Grade:
    """What the grader made of one prediction."""

    question_id: str
    sample: int
    status: GradeStatus
    extracted: str  # the final answer as found in the response, "" where there is none
    rule: str  # which rule decided, in a word
