"""SuperGPQA's own evaluation: `<model>_<split>_<mode>.jsonl`, which infer/infer.py of `SuperGPQA/SuperGPQA` writes,
and the same file with verdicts, which eval/eval.py saves.

A row is a question with its answer: uuid, question, options, answer, answer_letter, discipline, field, subfield,
difficulty, is_calculation, prompt, response, meta_response; with verdicts also extracted_answer and status ("correct",
"incorrect", "miss", "error"). A request that failed has {"error": …} as its response. `meta_response` is the reply of the
server as jsonpickle writes objects. It is read as text, for the finish reason and the tokens, and no object is made of it.
Confirmed from both programs and from its configuration (config/config_default.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.evaluation.importers.records import (
    Imported,
    as_list,
    asked_question,
    id_text,
    json_rows,
    need_id,
    plain,
    predicted,
    verdict,
    with_choices,
)
from llmc_lib.records import GradeStatus, Prediction, Question
from llmc_lib.store.data_files import Row

_FINISH = re.compile(r'"finish_reason":\s*"(\w+)"')
_TOKENS = re.compile(r'"(prompt|completion)_tokens":\s*(\d{1,9})\b')
_STATUS: dict[str, GradeStatus] = {
    "correct": "correct",
    "incorrect": "incorrect",
    "miss": "incorrect",  # no letter was found in the response
}


def read(path: Path) -> Iterator[Imported]:
    """Answers, questions and, where the file has them, verdicts. Raises `UserError` with file and row."""
    for row in json_rows(path):
        prediction = _prediction(row)
        status = _STATUS.get(str(row.record.get("status")))
        grade = None
        if status and prediction.finish_reason != "failed":
            extracted = plain(row.record.get("extracted_answer"))
            grade = verdict(prediction, status, extracted=extracted)
        yield Imported(prediction, grade, _question(row))


def _prediction(row: Row) -> Prediction:
    id_ = need_id(row, "uuid")
    if isinstance(row.record.get("response"), list):
        raise UserError(f"{row.where}: its 'response' is a list; give each answer a row of its own")
    given, meta = row.need("response"), _first(row.record.get("meta_response"))
    error = "" if isinstance(given, str) else plain(given)[:300] or "no response"
    finish = _FINISH.search(meta)
    tokens = {name: int(number) for name, number in _TOKENS.findall(meta)}
    return predicted(
        id_,
        given if isinstance(given, str) else "",
        row.file.path,
        finish_reason="failed"
        if error
        else "length"
        if finish and finish[1] == "length"
        else "stop",
        error=error,
        prompt_tokens=tokens.get("prompt", 0),
        completion_tokens=tokens.get("completion", 0),
        prompt=plain(row.record.get("prompt")),
    )


def _first(meta: Any) -> str:
    """The server's reply as text, of a list of replies the last one's."""
    return plain(meta[-1] if isinstance(meta, list) and meta else meta)


def _question(row: Row) -> Question:
    record = row.record
    letter, options = str(row.need("answer_letter", str)).strip(), as_list(row.need("options"))
    if options and letter not in [chr(65 + n) for n in range(len(options))]:
        raise UserError(
            f"{row.where}: 'answer_letter' {shown(letter)} is none of its {len(options)} options; correct it"
        )
    return asked_question(
        id_text(row.need("uuid")),
        with_choices(row.need("question", str), options),
        letter,
        answer_type="multipleChoice",
        category=str(record.get("discipline") or "Other"),
        subject=str(record.get("field") or ""),
    )
