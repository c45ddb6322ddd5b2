"""lm-evaluation-harness: `samples_<task>_<time>.jsonl`, which `--log_samples` writes, a row a document.

Keys used (lm_eval/evaluator.py and loggers/evaluation_tracker.py): doc_id, doc, target, arguments, resps,
filtered_resps, filter, metrics, and the metrics themselves. All inner values of resps are text there.

- Generation: resps is [[text, …]], one text a repeat. Each repeat is a sample. The metrics are of the
  filtered answer (the first repeat, or a vote of all), so that they are a verdict only where there is one.
- Multiple choice by log-likelihood: resps is a list of choices, each [[log-likelihood, is greedy]]. The
  response is the choice with the highest one; no text was generated.
- A task with several filters has a row for each document and filter. The first filter of the file counts.

The verdict is the first of `metrics` whose value is 0 or 1 (acc, exact_match, …). There is no finish
reason, no token count and no time. The question is the document's "question" (or "problem", "query",
"input", "prompt"), or else the prompt, which then has the few-shot examples too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    binary,
    field,
    json_lines,
    predicted,
    verdict,
)
from llmc_lib.records import Grade, GradeStatus, Prediction, Question

_NAME = re.compile(r"samples_(.+)_\d{4}-\d\d-\d\dT[\d.-]+$")
_QUESTION = ("question", "problem", "query", "input", "prompt")
_CATEGORY = ("category", "subject", "raw_subject", "subfield", "type")


def read(path: Path) -> Iterator[Imported]:
    """Answers, verdicts and questions. Raises `UserError` with file and row."""
    first = None
    for where, row in json_lines(path):
        doc = field(row, "doc", object, path, where)
        doc = doc if isinstance(doc, dict) else {"question": str(doc)}
        applied = row.get("filter", "none")
        first = first or applied
        if applied != first:
            continue
        question = _question(row, doc, path, where)
        id_ = doc.get("id")
        own = str(id_) if isinstance(id_, str | int) else question.id
        texts, multiple = _texts(field(row, "resps", list, path, where), row, path, where)
        for sample, text in enumerate(texts):
            prediction = predicted(own, text, path, sample=sample)
            grade = _grade(prediction, row, multiple) if len(texts) == 1 else None
            yield Imported(prediction, grade, question)


def task(path: Path) -> str:
    """The task of a file, from its name."""
    found = _NAME.match(path.stem)
    return found[1] if found else path.stem.removeprefix("samples_")


def _texts(resps: list[Any], row: dict[str, Any], path: Path, where: str) -> tuple[list[str], bool]:
    """The responses to a document, one a repeat; and were they choices with a log-likelihood?"""
    if len(resps) == 1 and isinstance(resps[0], list) and resps[0]:
        if all(isinstance(text, str) for text in resps[0]):
            return list(resps[0]), False
    elif len(resps) > 1:
        try:
            likelihoods = [float(choice[0][0]) for choice in resps]
        except (TypeError, ValueError, IndexError, KeyError):
            pass
        else:
            return [_choice(row, max(range(len(resps)), key=likelihoods.__getitem__))], True
    raise UserError(
        f"{path}, {where}: 'resps' holds neither generated texts nor choices with their log-likelihood"
    )


def _choice(row: dict[str, Any], number: int) -> str:
    """The text of a choice: what the model was asked the likelihood of."""
    try:
        return str(row["arguments"][f"gen_args_{number}"]["arg_1"]).strip()
    except (KeyError, TypeError):
        return f"choice {number + 1}"


def _grade(prediction: Prediction, row: dict[str, Any], multiple: bool) -> Grade | None:
    status, metric = _verdict(row)
    if status is None:
        return None
    filtered = row.get("filtered_resps")
    extracted = ""
    if multiple:
        extracted = prediction.response
    elif isinstance(filtered, list) and len(filtered) == 1 and isinstance(filtered[0], str):
        extracted = filtered[0]
    by = f"{metric}, filter {row['filter']}" if row.get("filter", "none") != "none" else metric
    return verdict(prediction, status, extracted=extracted, explanation=f"By {by}.")


def _verdict(row: dict[str, Any]) -> tuple[GradeStatus | None, str]:
    names = row.get("metrics")
    for name in names if isinstance(names, list) else ():
        status = binary(row.get(name)) if isinstance(name, str) else None
        if status is not None:
            return status, str(name)
    return None, ""


def _question(row: dict[str, Any], doc: dict[str, Any], path: Path, where: str) -> Question:
    number = field(row, "doc_id", object, path, where)
    text = next((doc[name] for name in _QUESTION if isinstance(doc.get(name), str)), None)
    choices = _choices(doc)
    if text is None:
        text = _prompt(row)
    elif choices:
        listed = [f"{chr(65 + n)}. {choice}" for n, choice in enumerate(choices)]
        text = "\n".join([text, "", "Answer Choices:", *listed])
    category = next((doc[name] for name in _CATEGORY if isinstance(doc.get(name), str)), "")
    return Question(
        id=f"{task(path)}/{number}",
        benchmark="questions",
        question=text,
        answer=_target(str(row.get("target", "")), choices),
        answer_type="multipleChoice" if choices else "exactMatch",
        category=category or task(path),
        subject="",
    )


def _choices(doc: dict[str, Any]) -> list[str]:
    """The choices of a document: a list, or {"text": [...]} as ARC has them."""
    found = doc.get("choices")
    if isinstance(found, dict):
        found = found.get("text")
    return [str(choice) for choice in found] if isinstance(found, list) else []


def _target(target: str, choices: list[str]) -> str:
    """The reference answer; of a choice its letter, where the file has its number."""
    if choices and target.isdecimal() and int(target) < len(choices):
        return chr(65 + int(target))
    return target


def _prompt(row: dict[str, Any]) -> str:
    try:
        prompt = row["arguments"]["gen_args_0"]["arg_0"]
    except (KeyError, TypeError):
        return ""
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
