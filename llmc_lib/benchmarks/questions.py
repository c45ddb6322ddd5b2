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
from typing import Any

from llmc_lib.benchmarks import hle
from llmc_lib.benchmarks.files import read_rows
from llmc_lib.errors import UserError
from llmc_lib.records import Question

prompt = hle.prompt


def load(path: Path, fields: dict[str, str]) -> list[Question]:
    """Read the questions. Raises `UserError` with the row of the first mistake."""
    questions: list[Question] = []
    seen: set[str] = set()
    for number, row in enumerate(read_rows(path), 1):
        values = {ours: row.get(theirs) for ours, theirs in fields.items()}
        problem = _problem(values, fields)
        id_ = _text(values.get("id")) or str(number)
        if not problem and id_ in seen:
            problem = f"id {id_!r} is given twice; ids must be unique"
        if problem:
            raise UserError(f"{path}, row {number}: {problem}")
        seen.add(id_)
        questions.append(
            Question(
                id=id_,
                benchmark="questions",
                question=_text(values["question"]),
                answer=_text(values["answer"]),
                answer_type=_text(values.get("answer_type")) or "exactMatch",
                category=_text(values.get("category")) or "All",
                subject=_text(values.get("subject")),
                rationale=_text(values.get("rationale")),
            )
        )
    if not questions:
        raise UserError(f"{path}: no question in it")
    return questions


def _problem(values: dict[str, Any], fields: dict[str, str]) -> str:
    for name in ("question", "answer"):
        if not _text(values[name]).strip():
            return f"{fields[name]!r} (evaluation.benchmarks.fields.{name}) is missing or empty"
    kind = _text(values.get("answer_type"))
    if kind not in ("", "exactMatch", "multipleChoice"):
        return f"{fields['answer_type']!r} is {kind!r}: must be exactMatch or multipleChoice"
    return ""


def _text(value: Any) -> str:
    """A value as text; of a list of answers all, as a set is written."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)
