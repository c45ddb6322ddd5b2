"""Tables of answers, a row an answer: CSV, TSV, JSON Lines, JSON or Parquet.

Two programs write such files, and people who keep their answers on the hub:

- Do-Not-Answer's evaluation in the competition (eval_dna/llm-compe-eval/evaluate_huggingface_models.py of
  `matsuolab/llm_bridge_prod`): `responses_<model>.csv` with id, question, response, risk_area, types_of_harm and
  specific_harms, and `gpt4_evaluation_<model>.csv` without the ids but with reasoning_content, gpt4_label,
  gpt4_reasoning_label and gpt4_review. A label is Do-Not-Answer's action, 0 to 6, of which 6 is harmful; -1 is none.
  A request that failed is there as the response "Error: …", an empty response as an empty cell. Confirmed from the
  program and from files that it wrote.
- Flat copies of HLE's predictions and judged files: id, model, response, usage and, judged, judge_response or its keys
  (correct_answer, model_answer, reasoning, correct, confidence) as columns of their own. A group of values may be there as
  its text, in JSON or Python's notation.

The id is the first of `_IDS` that there is, the answer the first of `_TEXTS`, or `<model>_response`, as
Do-Not-Answer's own tables call theirs (with `<model>_action`, the label), where there is one. A file without ids needs the questions' own
words in a column `question`. Rows with the same id are told apart by a column `sample`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.evaluation.importers.hle import graded
from llmc_lib.evaluation.importers.records import (
    HARMFUL,
    Imported,
    apart_from,
    as_object,
    asked_question,
    count,
    ending,
    failure,
    harm_status,
    harm_verdict,
    id_text,
    is_nothing,
    plain,
    predicted,
    said,
    verdict,
    words_of,
)
from llmc_lib.records import Grade, Prediction, Question
from llmc_lib.store import sha256_text
from llmc_lib.store.data_files import DataFile, Row, rows

_IDS = ("id", "question_id", "qid", "uuid", "key")
_TEXTS = ("response", "prediction", "answer_text", "completion", "output", "generated_text")
_ANSWERS = ("correct_answer", "gold", "answer", "target", "reference")
_SAMPLES = ("sample", "sample_id", "attempt", "run")
_REASONING = ("reasoning_content", "thinking", "reasoning_text")
#: The columns that a judged answer's `judge_response` becomes.
_JUDGED = ("correct", "model_answer", "correct_answer", "reasoning", "confidence")
#: A judge's label of a response, and of its reasoning, by whatever model's name: gpt4_label, gpt-4.1_label.
_LABEL = re.compile(r"(?!.*_reasoning_label$).*_label|label|action", re.IGNORECASE)
_REASONING_LABEL = re.compile(r".*_?reasoning_label", re.IGNORECASE)
_REVIEW = re.compile(r".*_review|judge?ment", re.IGNORECASE)


def knows(keys: set[str]) -> bool:
    """Do a row's fields make it an answer: its text, and an id or the question?"""
    return _answer(keys) is not None and (any(name in keys for name in _IDS) or "question" in keys)


def _answer(keys: Iterable[str]) -> str | None:
    """The field with the answer."""
    keys = list(keys)
    own = [name for name in keys if name.endswith("_response") and "types_of_harm" in keys]
    return next((name for name in _TEXTS if name in keys), own[0] if len(own) == 1 else None)


def read(path: Path, samples: Mapping[int, int] | None = None) -> Iterator[Imported]:
    """Answers and, where there are any, verdicts. `samples`: those of `numbered`, where an import has several files. Raises
    `UserError` with file and row."""
    samples = numbered([path]) if samples is None else samples
    for row in _rows(path):
        prediction = _prediction(row, samples)
        asked = plain(row.record.get("question"))
        yield Imported(prediction, _grade(prediction, row), _question(row, prediction), asked)


def _question(row: Row, prediction: Prediction) -> Question | None:
    """The question, where the row has it with its reference answer."""
    record = row.record
    name = next((name for name in _ANSWERS if not is_nothing(record.get(name))), None)
    if name is None or not isinstance(record.get("question"), str):
        return None
    text = record["question"]
    return asked_question(
        prediction.question_id or sha256_text(" ".join(text.split()))[:16],
        text,
        plain(record[name]),
        answer_type=plain(record.get("answer_type")) or "exactMatch",
        category=plain(record.get("category")) or "Other",
        subject=plain(record.get("subject")),
    )


def _prediction(row: Row, samples: Mapping[int, int]) -> Prediction:
    record = row.record
    name = _answer(record)
    if name is None:
        raise UserError(
            f"{row.lacks('response')}; rename the column with the answers (one model's a file)"
        )
    id_ = next((found for key in _IDS if (found := id_text(record.get(key)))), "")
    if not id_ and not isinstance(record.get("question"), str):
        raise UserError(
            f"{row.where}: has neither an id nor the question, so nothing tells what it answers; add a column 'id'"
        )
    usage = as_object(record.get("usage"))
    reasoning = next((text for key in _REASONING if (text := plain(record.get(key)).strip())), "")
    if not reasoning and not _judged(record):  # of a judged answer that is the judge's
        reasoning = plain(record.get("reasoning")).strip()
    reasoning = reasoning or plain(usage.get("reasoning_content")).strip()
    text = words_of(row, name)
    error = failure(text)
    return predicted(
        id_,
        "" if error else text,
        row.file.path,
        reasoning=apart_from(text, reasoning),
        sample=samples.get(number := _sample(row), number),
        finish_reason="failed"
        if error
        else ending(record.get("finish_reason") or record.get("stop_reason")),
        error=error,
        prompt_tokens=count(usage.get("prompt_tokens", record.get("prompt_tokens"))),
        completion_tokens=count(usage.get("completion_tokens", record.get("completion_tokens"))),
    )


def _rows(path: Path) -> Iterator[Row]:
    form = None if path.suffix.lower() in (".csv", ".tsv", ".parquet") else ".json"
    return rows(DataFile(path, str(path), ""), form=form)


def numbered(files: Iterable[Path]) -> Mapping[int, int]:
    """The numbers of the samples in an import's files → ours, from 0: many count from 1, and the file of one run has its number
    alone. {}: no file has a column for them."""
    there: set[int] = set()
    for path in files:
        first = next(_rows(path), None)
        if first is not None and any(name in first.record for name in _SAMPLES):
            there.update(map(_sample, _rows(path)))
    return {number: place for place, number in enumerate(sorted(there))}


def _sample(row: Row) -> int:
    """Which answer to its question a row is, by the file's own number."""
    name = next((name for name in _SAMPLES if not is_nothing(row.record.get(name))), None)
    if name is None:
        return 0
    text = id_text(row.record[name])
    if not text.isdecimal() or len(text) > 6:
        raise UserError(
            f"{row.where}: {name!r} must be a number from 0, not {shown(row.record[name])}"
        )
    return int(text)


# ---- verdicts ----------------------------------------------------------------------------------


def _grade(prediction: Prediction, row: Row) -> Grade | None:
    record = row.record
    action = f"{(_answer(record) or '').removesuffix('_response')}_action"
    label = _named(record, _LABEL) or (action if action in record else None)
    judged = _judged(record)
    if label is not None and not is_nothing(record[label]) and not judged:
        return _labelled(prediction, record, label)
    if judged:
        return graded(prediction, judged)
    status = said(record.get("correct"))
    return verdict(prediction, status) if status else None


def _judged(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A judge_response, from one column or from columns of its keys."""
    if whole := as_object(record.get("judge_response")):
        return whole
    for before in ("judge_response.", "judge_response_", "judge_", ""):
        found = {
            key: record[before + key]
            for key in _JUDGED
            if not is_nothing(record.get(before + key)) and record[before + key] != ""
        }
        if "correct" in found and (before or "model_answer" in found):
            return found
    return {}


def _named(record: Mapping[str, Any], pattern: re.Pattern[str]) -> str | None:
    return next((name for name in record if pattern.fullmatch(str(name))), None)


def _labelled(prediction: Prediction, record: Mapping[str, Any], name: str) -> Grade | None:
    """The grade of a table with a judge's labels, as the competition's results have it."""
    review, label = _named(record, _REVIEW), _named(record, _REASONING_LABEL)
    of_reasoning = None
    if label and prediction.reasoning:
        of_reasoning = harm_status(action_of(record[label]))
    explanation = plain(record.get(review or ""))
    return harm_verdict(prediction, action_of(record[name]), of_reasoning, explanation)


def action_of(value: Any) -> int | None:
    """A label as an action of Do-Not-Answer, 0 to 6; None for -1 and for anything else."""
    text = id_text(value)
    return int(text) if text.isdecimal() and int(text) <= HARMFUL else None
