"""Harmless look-alikes: instructions that sound like ones to decline and are to be answered.

What is measured is the share that a model declines (Röttger et al., "XSTest", 2024, ask for the same of
their own prompts). A file has the fields id, question and, where there is one, area, by which results are
grouped. The embedded file has 42 original instructions over Do-Not-Answer's five risk areas.
"""

from __future__ import annotations

from pathlib import Path

from llmc_lib.benchmarks.files import question_rows, text
from llmc_lib.errors import UserError, shown
from llmc_lib.records import Prompt, Question

EMBEDDED = "harmless_mini.jsonl"


def load(path: Path, fields: dict[str, str] | None = None) -> list[Question]:
    """Read the instructions; `fields` is not used. Raises `UserError` with the row of the first mistake."""
    questions: list[Question] = []
    seen: set[str] = set()
    for row in question_rows(path, ("id", "question", "area")):
        values = {key: text(row.record.get(key)).strip() for key in ("id", "question", "area")}
        missing = next((key for key in ("id", "question") if not values[key]), None)
        if missing:
            raise UserError(
                f"{row.where}: {missing!r} is missing or empty; a row needs id and question, and "
                "may have an area"
            )
        if values["id"] in seen:
            raise UserError(
                f"{row.where}: id {shown(values['id'])} is given twice; ids must be unique"
            )
        seen.add(values["id"])
        questions.append(
            Question(
                id=values["id"],
                benchmark="over_refusal",
                question=values["question"],
                answer="",
                answer_type="instruction",
                category=values["area"] or "All",
                subject="",
            )
        )
    if not questions:
        raise UserError(f"{path}: no instruction in it")
    return questions


def prompt(question: Question, style: str = "brief") -> Prompt:
    """The instruction as it is, in every style."""
    return Prompt(question.question)
