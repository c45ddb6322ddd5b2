"""Humanity's Last Exam, text-only: the hub's `cais/hle`, which is gated, or a file in its schema.

Keys used of a row: id, question, answer, answer_type ("exactMatch" or "multipleChoice"), category,
raw_subject, rationale, image (a row with an image is left out). The embedded file has 200 original
questions in this schema, in HLE's category shares; none of them is from HLE.

The system prompts are those of the official code (centerforaisafety/hle, hle_eval/run_model_predictions.py).
It chooses by `answer_type == "exact_match"`, while the data say "exactMatch": every question gets the
multiple-choice one. Style "official" does the same, style "corrected" gives each type its own.
"""

from __future__ import annotations

from pathlib import Path

from llmc_lib.benchmarks.files import question_rows, text
from llmc_lib.errors import UserError, shown
from llmc_lib.models import prompts
from llmc_lib.records import Prompt, Question
from llmc_lib.taxonomy import CATEGORIES

EMBEDDED = "hle_mini.jsonl"
_FORM = (
    "Your response should be in the following format:\n"
    "Explanation: {your explanation for your %s}\n"
    "%s: {your %s}\n"
    "Confidence: {your confidence score between 0%% and 100%% for your answer}"
)
SYSTEM_EXACT_ANSWER = _FORM % ("final answer", "Exact Answer", "succinct, final answer")
SYSTEM_MULTIPLE_CHOICE = _FORM % ("answer choice", "Answer", "chosen answer")
_REQUIRED = ("id", "question", "answer", "answer_type", "category")
_OPTIONAL = ("raw_subject", "rationale", "image")


def load(path: Path, fields: dict[str, str] | None = None) -> list[Question]:
    """Read the text-only questions; `fields` is not used, the schema being HLE's. Raises `UserError` with the row of the first mistake."""
    questions: list[Question] = []
    seen: set[str] = set()
    for found in question_rows(path, (*_REQUIRED, *_OPTIONAL)):
        row = {name: text(found.record.get(name)) for name in (*_REQUIRED, *_OPTIONAL)}
        problem = _problem(row, seen)
        if problem:
            raise UserError(f"{found.where}: {problem}")
        seen.add(row["id"])
        if row["image"]:
            continue
        questions.append(
            Question(
                id=row["id"],
                benchmark="hle",
                question=row["question"],
                answer=row["answer"],
                answer_type=row["answer_type"],
                category=row["category"],
                subject=row["raw_subject"],
                rationale=row["rationale"],
            )
        )
    if not questions:
        raise UserError(f"{path}: no text-only question in it")
    return questions


def _problem(row: dict[str, str], seen: set[str]) -> str:
    for name in _REQUIRED:
        if not row[name]:
            return f"{name!r} is missing or empty; a row needs {', '.join(_REQUIRED)}"
    if row["answer_type"] not in ("exactMatch", "multipleChoice"):
        return f"answer_type {shown(row['answer_type'])}: must be exactMatch or multipleChoice"
    if row["category"] not in CATEGORIES:
        return f"category {shown(row['category'])}: must be one of {', '.join(CATEGORIES)}"
    if row["id"] in seen:
        return f"id {shown(row['id'])} is given twice; ids must be unique"
    return ""


def prompt(question: Question, style: str = "brief") -> Prompt:
    """The turns for a question, in one of the styles of `evaluation.prompt`."""
    if style == "brief":
        return Prompt(prompts.question_prompt(question.question, question.answer_type))
    own = style == "corrected" and question.answer_type == "exactMatch"
    return Prompt(question.question, SYSTEM_EXACT_ANSWER if own else SYSTEM_MULTIPLE_CHOICE)
