"""lm-evaluation-harness: `samples_<task>_<time>.jsonl`, which `--log_samples` writes, a row a document; up to version
0.4.2 a JSON file with one array of them.

Keys used (lm_eval/evaluator.py and loggers/evaluation_tracker.py): doc_id, doc, target, arguments, resps,
filtered_resps, filter, metrics, and the metrics themselves. All inner values of resps are text there.

- Generation: resps is [[text, …]], one text a repeat. Each repeat is a sample. The metrics are of the
  filtered answer (the first repeat, or a vote of all), so that they are a verdict only where there is one.
- Multiple choice by log-likelihood: resps is a list of choices, each [[log-likelihood, is greedy]]. The
  response is the choice with the highest one; no text was generated.
- A task with several filters has a row for each document and filter. The first filter of the file counts;
  versions before 0.4.7 do not name it, and the first row of a document counts.
- The log-likelihood of one text (lambada) is a choice too, which the model took where it is greedy. That of a
  whole document (perplexity) holds no answer and is refused.

The verdict is the first of `metrics` whose value is 0 or 1 (acc, exact_match, …), of files without that list the
first of `_METRICS`. A prompt that ends in `<think>` opened the reasoning. There is no finish reason, no token
count and no time. The question is the document's "question" (or "problem", "query",
"input", "prompt", "sentence"), or else the prompt, which then has the few-shot examples too.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmc_lib.answers.text import ALTERNATIVE
from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    asked_question,
    binary,
    json_rows,
    predicted,
    reference_of,
    task_of,
    verdict,
    with_choices,
)
from llmc_lib.records import Grade, GradeStatus, Prediction, Question
from llmc_lib.store import json_reader, sha256_text
from llmc_lib.store.data_files import Row

_QUESTION = ("question", "problem", "query", "input", "prompt", "sentence")
_METRICS = ("exact_match", "acc", "acc_norm", "em", "exact", "correct", "pass@1")
# Metrics of tasks that ask for the log-likelihood of a document as a whole.
_WHOLE_TEXT = {"word_perplexity", "byte_perplexity", "bits_per_byte"}
_CATEGORY = ("category", "subject", "raw_subject", "subfield", "type")


def read(path: Path) -> Iterator[Imported]:
    """Answers, verdicts and questions. Raises `UserError` with file and row."""
    first = None
    # Of files that name no filter: document → its answers, as a digest.
    answered: dict[str, str] = {}
    for found in json_rows(path):
        row, doc = found.record, found.need("doc")
        doc = doc if isinstance(doc, dict) else {"question": str(doc)}
        applied = row.get("filter", "none")
        first = first or applied
        if applied != first:
            continue
        if "filter" not in row:
            number, answers = str(row.get("doc_id")), sha256_text(json.dumps(row.get("resps")))
            if answered.get(number) == answers:
                continue  # by the next filter
            answered[number] = answers
        question = _question(found, doc)
        id_ = doc.get("id")
        own = str(id_) if isinstance(id_, str | int) else question.id
        texts, multiple = _texts(found)
        for sample, text in enumerate(texts):
            prediction = predicted(
                own, text, path, sample=sample, prompt="" if multiple else _last_turn(row)
            )
            grade = _grade(prediction, row, multiple) if len(texts) == 1 else None
            yield Imported(prediction, grade, question)


def _texts(found: Row) -> tuple[list[str], bool]:
    """The responses to a document, one a repeat; and were they choices with a log-likelihood?"""
    row, resps = found.record, found.need("resps", list)
    nested = len(resps) == 1 and isinstance(resps[0], list)
    texts = resps[0] if nested else resps  # not nested: one text a repeat
    if texts and not _WHOLE_TEXT & row.keys() and all(isinstance(t, str | None) for t in texts):
        return [text or "" for text in texts], False
    if nested and texts:
        if isinstance(resps[0][0], list) and len(resps[0][0]) == 2:
            greedy = str(resps[0][0][1]).lower() == "true"
            return [_choice(row, 0) if greedy else ""], True
    elif len(resps) > 1:
        try:
            likelihoods = [_number(choice[0][0]) for choice in resps]
        except (TypeError, ValueError, IndexError, KeyError):
            pass
        else:
            return [_choice(row, max(range(len(resps)), key=likelihoods.__getitem__))], True
    raise UserError(
        f"{found.where}: 'resps' holds neither generated texts nor choices with their log-likelihood, so there "
        "is no answer in it; leave this task out (perplexity tasks have none)"
    )


def _number(value: Any) -> float:
    number = float(value)
    return -math.inf if math.isnan(number) else number


def _choice(row: dict[str, Any], number: int) -> str:
    """The text of a choice: what the model was asked the likelihood of, or the document's own."""
    asked, other = _arguments(row, number), _arguments(row, int(number == 0))
    # Of WinoGrande the same text follows each choice.
    if len(asked) > 1 and isinstance(asked[1], str) and asked[1:2] != other[1:2]:
        return asked[1].strip()
    doc = row.get("doc")
    choices = _choices(doc) if isinstance(doc, dict) else []
    return choices[number] if number < len(choices) else chr(65 + number)


def _arguments(row: dict[str, Any], number: int) -> list[Any]:
    """The arguments of a request: {"gen_args_0": {"arg_0": …}}, and before version 0.4.3 [[…], …]."""
    given = row.get("arguments")
    if isinstance(given, dict):
        one = given.get(f"gen_args_{number}")
        return list(one.values()) if isinstance(one, dict) else []
    one = given[number] if isinstance(given, list) and number < len(given) else []
    return one if isinstance(one, list) else []


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
    elif isinstance(filtered, str):
        extracted = filtered
    by = f"{metric}, filter {row['filter']}" if row.get("filter", "none") != "none" else metric
    return verdict(prediction, status, extracted=extracted, explanation=f"By {by}.")


def _verdict(row: dict[str, Any]) -> tuple[GradeStatus | None, str]:
    names = row.get("metrics")
    for name in names if isinstance(names, list) else _METRICS:
        status = binary(row.get(name)) if isinstance(name, str) else None
        if status is not None:
            return status, str(name)
    return None, ""


def _question(found: Row, doc: dict[str, Any]) -> Question:
    row, number = found.record, found.need("doc_id")
    text = next((doc[name] for name in _QUESTION if isinstance(doc.get(name), str)), None)
    choices = _choices(doc)
    if text is None:
        text = _prompt(row)
    elif choices:
        text = with_choices(text, choices)
    target = doc.get("answer") if "option1" in doc else None
    target = doc.get(f"option{target}", row.get("target", ""))
    category = next((doc[name] for name in _CATEGORY if isinstance(doc.get(name), str)), "")
    task = task_of(found.file.path, "samples")
    return asked_question(
        f"{task}/{number}",
        text,
        _target(target, choices),
        answer_type="multipleChoice" if choices else "exactMatch",
        category=category or task,
    )


def _choices(doc: dict[str, Any]) -> list[str]:
    """The choices of a document: a list, {"text": [...]} as ARC has them, `options` as MMLU-Pro has, or
    `option1` and `option2` as WinoGrande."""
    found = doc.get("choices") or doc.get("options")
    if found is None and {"option1", "option2"} <= doc.keys():
        found = [doc["option1"], doc["option2"]]
    if isinstance(found, dict):
        found = found.get("text")
    return [str(choice) for choice in found] if isinstance(found, list) else []


def _target(target: Any, choices: list[str]) -> str:
    """The reference answer; of a choice its letter, where the file has its number or text, of a solution what it states
    in the end. Of a list each will do."""
    # ["2", "3"], but not [2, 3], which is an interval.
    if isinstance(target, str) and re.match(r"\[\s*['\"]", target) and len(target) < 10_000:
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            target = ast.literal_eval(target)  # a list that was written as Python's text
    if isinstance(target, list | tuple):
        return ALTERNATIVE.join(dict.fromkeys(_target(one, choices) for one in target))
    text = "" if target is None else str(target)
    if choices and text.isdecimal() and int(text) < len(choices):
        return chr(65 + int(text))
    if choices.count(text.strip()) == 1:
        return chr(65 + choices.index(text.strip()))
    return reference_of(text)


def _prompt(row: dict[str, Any]) -> str:
    prompt = next(iter(_arguments(row, 0)), "")
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)


def _last_turn(row: dict[str, Any]) -> str:
    """What the model saw last: the prompt, or of turns of a chat the last one's text."""
    prompt: Any = next(iter(_arguments(row, 0)), "")
    if isinstance(prompt, str) and prompt[:1] == "[":
        with suppress(ValueError):
            prompt = json_reader.loads(prompt)
    if isinstance(prompt, list):
        last = prompt[-1] if prompt else {}
        prompt = last.get("content") if isinstance(last, dict) else last
    return prompt if isinstance(prompt, str) else ""
