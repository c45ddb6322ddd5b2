"""Questions and reference answers of your own: a plain file, and a map of its fields in the params.

    benchmarks:
      - name: aime
        kind: questions
        source: data/aime.jsonl
        fields: {question: problem, answer: answer}

Without a field for it, the id is the row's number, every question is of answer type "exactMatch", and the
category is "All".
"""

from __future__ import annotations

from pathlib import Path

from llmc_lib.benchmarks import hle
from llmc_lib.benchmarks.files import question_rows, text
from llmc_lib.errors import UserError, shown
from llmc_lib.records import Question

prompt = hle.prompt


def load(path: Path, fields: dict[str, str]) -> list[Question]:
    """Read the questions. Raises `UserError` with the row of the first mistake."""
    questions: list[Question] = []
    seen: set[str] = set()
    for number, row in enumerate(question_rows(path, fields.values()), 1):
        values = {ours: text(row.record.get(theirs)) for ours, theirs in fields.items()}
        problem = _problem(values, fields)
        id_ = values.get("id") or str(number)
        if not problem and id_ in seen:
            problem = f"id {shown(id_)} is given twice; ids must be unique"
        if problem:
            raise UserError(f"{row.where}: {problem}")
        seen.add(id_)
        questions.append(
            Question(
                id=id_,
                benchmark="questions",
                question=values["question"],
                answer=values["answer"],
                answer_type=values.get("answer_type") or "exactMatch",
                category=values.get("category") or "All",
                subject=values.get("subject", ""),
                rationale=values.get("rationale", ""),
            )
        )
    if not questions:
        raise UserError(f"{path}: no question in it")
    return questions


def _problem(values: dict[str, str], fields: dict[str, str]) -> str:
    for name in ("question", "answer"):
        if not values[name].strip():
            return f"{fields[name]!r} (evaluation.benchmarks.fields.{name}) is missing or empty"
    kind = values.get("answer_type", "")
    if kind not in ("", "exactMatch", "multipleChoice"):
        return f"{fields['answer_type']!r} is {shown(kind)}: must be exactMatch or multipleChoice"
    return ""
