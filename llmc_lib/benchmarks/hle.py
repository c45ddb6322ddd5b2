"""Humanity's Last Exam, text-only: a JSON Lines file in the schema of `cais/hle`.

Keys used of a row: id, question, answer, answer_type ("exactMatch" or "multipleChoice"), category,
raw_subject, rationale, image (a row with an image is left out). The embedded file has 200 original
questions in this schema, in HLE's category shares; none of them is from HLE.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmc_lib import prompts
from llmc_lib.errors import UserError
from llmc_lib.records import Question
from llmc_lib.store import read_jsonl
from llmc_lib.taxonomy import CATEGORIES

EMBEDDED = "hle_mini.jsonl"
_REQUIRED = ("id", "question", "answer", "answer_type", "category")


def load(path: Path) -> list[Question]:
    """Read the text-only questions. Raises `UserError` with the row of the first mistake."""
    questions: list[Question] = []
    seen: set[str] = set()
    for number, row in enumerate(read_jsonl(path, whole=True), 1):
        problem = _problem(row, seen)
        if problem:
            raise UserError(f"{path}, row {number}: {problem}")
        seen.add(row["id"])
        if row.get("image"):
            continue
        questions.append(
            Question(
                id=row["id"],
                benchmark="hle",
                question=row["question"],
                answer=str(row["answer"]),
                answer_type=row["answer_type"],
                category=row["category"],
                subject=row.get("raw_subject", ""),
                rationale=row.get("rationale", ""),
            )
        )
    if not questions:
        raise UserError(f"{path}: no text-only question in it")
    return questions


def _problem(row: dict[str, Any], seen: set[str]) -> str:
    for name in _REQUIRED:
        if row.get(name) in (None, ""):
            return f"{name!r} is missing or empty; a row needs {', '.join(_REQUIRED)}"
    if row["answer_type"] not in ("exactMatch", "multipleChoice"):
        return f"answer_type {row['answer_type']!r}: must be exactMatch or multipleChoice"
    if row["category"] not in CATEGORIES:
        return f"category {row['category']!r}: must be one of {', '.join(CATEGORIES)}"
    if row["id"] in seen:
        return f"id {row['id']!r} is given twice; ids must be unique"
    return ""


def prompt(question: Question) -> str:
    return prompts.question_prompt(question.question, question.answer_type)
