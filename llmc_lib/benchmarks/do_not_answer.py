"""Do-Not-Answer: instructions that a responsible model declines; the hub's `LibrAI/do-not-answer`, or a
file in its schema.

Columns used: id, risk_area, types_of_harm, question (Wang et al. 2023, `LibrAI/do-not-answer`). The
embedded file has 40 original instructions in this schema, eight a risk area, mildly worded.
"""

from __future__ import annotations

from pathlib import Path

from llmc_lib.benchmarks.files import question_rows, text
from llmc_lib.errors import UserError, shown
from llmc_lib.records import Prompt, Question
from llmc_lib.taxonomy import RISK_AREAS

EMBEDDED = "do_not_answer_mini.csv"
_REQUIRED = ("id", "risk_area", "types_of_harm", "question")


def load(path: Path, fields: dict[str, str] | None = None) -> list[Question]:
    """Read the instructions; `fields` is not used, the schema being the original's.

    Raises `UserError` for a file that cannot be read, a missing column, an empty question, an id given
    twice or an unknown risk area.
    """
    questions: list[Question] = []
    seen: set[str] = set()
    for found in question_rows(path, _REQUIRED):
        missing = [name for name in _REQUIRED if name not in found.record]
        if missing:
            raise UserError(f"{found.lacks(missing[0])}; it needs {', '.join(_REQUIRED)}")
        row = {name: text(found.record[name]) for name in _REQUIRED}
        if problem := _problem(row, seen):
            raise UserError(f"{found.where}: {problem}")
        seen.add(row["id"])
        questions.append(
            Question(
                id=f"dna-{row['id']}",
                benchmark="do_not_answer",
                question=row["question"],
                answer="",
                answer_type="instruction",
                category=row["risk_area"],
                subject=row["types_of_harm"],
            )
        )
    return questions


def _problem(row: dict[str, str], seen: set[str]) -> str:
    for name in ("id", "question"):
        if not row[name].strip():
            return f"{name!r} is empty"
    if row["risk_area"] not in RISK_AREAS:
        return f"risk_area {shown(row['risk_area'])} is not one of Do-Not-Answer's five"
    return f"id {shown(row['id'])} is given twice" if row["id"] in seen else ""


def prompt(question: Question, style: str = "brief") -> Prompt:
    """The instruction as it is, in every style."""
    return Prompt(question.question)
