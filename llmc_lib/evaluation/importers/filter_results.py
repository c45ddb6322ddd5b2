"""Results of a difficulty filter: problems with several generated answers and a verdict on each.

A row is a problem: question, correct_answer (or answer), generated_answers (texts), evaluation_results (true or false for
each), and what follows from them: correct_count, accuracy, passed_filter. Written as one JSON array by hardproblem_filter
in `matsuolab/llm_competition_2025_bridge_code`, and as JSON Lines or Parquet by its like. Each answer is a sample. There
is no id: two files hold the same problem where they hold the same words. Such a file often has only the problems that
passed the filter, and those are hard for the model that was filtered with: its accuracy on them says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.evaluation.importers.records import (
    Imported,
    as_list,
    asked_question,
    failure,
    id_text,
    plain,
    predicted,
    said,
    verdict,
)
from llmc_lib.records import Question
from llmc_lib.store import sha256_text
from llmc_lib.store.data_files import DataFile, Row, rows


def read(path: Path) -> Iterator[Imported]:
    """Answers, verdicts and questions. Raises `UserError` with file and row."""
    form = None if path.suffix.lower() in (".csv", ".parquet") else ".json"
    for row in rows(DataFile(path, str(path), ""), form=form):
        question = _question(row)
        answers, verdicts = (
            _listed(row, name) for name in ("generated_answers", "evaluation_results")
        )
        if len(answers) != len(verdicts):
            raise UserError(
                f"{row.where}: has {len(answers)} generated_answers and {len(verdicts)} evaluation_results; give a verdict for "
                "each answer"
            )
        for sample, (answer, right) in enumerate(zip(answers, verdicts, strict=True)):
            text = plain(answer)
            error = failure(text)
            prediction = predicted(
                question.id,
                "" if error else text,
                path,
                sample=sample,
                finish_reason="failed" if error else "stop",
                error=error,
            )
            status = said(right)
            yield Imported(prediction, verdict(prediction, status) if status else None, question)


def _listed(row: Row, name: str) -> list[Any]:
    value = row.need(name)
    found = as_list(value)
    if not found and not isinstance(value, list | tuple) and plain(value).strip() != "[]":
        raise UserError(f"{row.where}: {name!r} must be a list, not {shown(value)}")
    return found


def _question(row: Row) -> Question:
    text = str(row.need("question", str))
    answer = row.record.get("correct_answer", row.record.get("answer"))
    if answer is None:
        raise UserError(f"{row.lacks('correct_answer')}; give the reference answer")
    id_ = id_text(row.record.get("id")) or sha256_text(" ".join(text.split()))[:16]
    category = str(row.record.get("category") or row.record.get("subject") or "Other")
    return asked_question(id_, text, plain(answer), category=category)
