"""lighteval: `details_<task>_<time>.parquet`, which `--save-details` writes, a row a document.

Columns, confirmed from lighteval's code (logging/info_loggers.py, class DetailsLogger.Detail; models/model_output.py;
tasks/requests.py):

- from version 0.11: doc (query, choices, gold_index, id, task_name, generation_size, specific, …), model_response (text,
  reasonings, logprobs, input_tokens, output_tokens, …), metric (name → value);
- before: example, full_prompt, predictions, choices, gold, gold_index, metrics, specifics, input_tokens, cont_tokens; in old
  files each is Python's text of its value.

Each text of a document is a sample. The verdict is the first of the metrics that says right or wrong with 0 or 1; of several
texts the metrics are of all together, and there is none. Without texts the response is the choice with the highest
log-probability. A text with as many tokens as the task allows was cut. The metric of a perplexity task is no verdict, and
its documents have no answer: they are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmc_lib.answers.text import ALTERNATIVE
from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    as_list,
    as_object,
    asked_question,
    binary,
    id_text,
    plain,
    predicted,
    reference_of,
    task_of,
    verdict,
    with_choices,
)
from llmc_lib.records import GradeStatus, Prediction, Question
from llmc_lib.store.data_files import DataFile, Row, rows

#: The columns that tell a file of details, of newer and older versions.
FORMS: list[set[str]] = [
    {"doc", "model_response", "metric"},
    {"full_prompt", "predictions", "metrics"},
]
#: Names of metrics that are right or wrong of a document, in the order in which they count.
_METRICS = [
    re.compile(pattern)
    for pattern in (
        r"acc", r"exact_match", r"extractive_match", r"p?q?em", r".*pass@(k:k=)?1\b.*", r"avg@.*", r"maj@.*",
        r".*(_match|_acc)", r"acc_.*",
    )
]  # fmt: skip
_QUESTION = ("question", "problem", "query", "input", "prompt")


def read(path: Path) -> Iterator[Imported]:
    """Answers, verdicts and questions. Raises `UserError` with file and row."""
    # "lighteval|gsm8k|0" of older ones, "gsm8k|0" of newer.
    task = task_of(path, "details")
    with open(path, "rb") as file:
        form = ".parquet" if file.read(4) == b"PAR1" else ".json"
    for row in rows(DataFile(path, str(path), ""), form=form):
        doc, texts, metrics = _newer(row) if "doc" in row.record else _older(row)
        question = _question(row, doc, task)
        asked = plain(doc.get("original_query")) or _of_specific(doc)
        for sample, text in enumerate(texts):
            prediction = _prediction(question.id, text, sample, path)
            status, metric = _verdict(metrics) if len(texts) == 1 else (None, "")
            grade = verdict(prediction, status, explanation=f"By {metric}.") if status else None
            yield Imported(prediction, grade, question, asked)


# ---- the two forms, as one ---------------------------------------------------------------------

#: A text, its reasoning, tokens of prompt and completion (None: not known), and was it cut?
_Text = tuple[str, str, int, int, bool]


def _newer(row: Row) -> tuple[Mapping[str, Any], list[_Text], Mapping[str, Any]]:
    doc, response = as_object(row.need("doc")), as_object(row.need("model_response"))
    metrics = as_object(row.need("metric"))
    given = [plain(text) for text in as_list(response.get("text"))]
    prompt, most = len(as_list(response.get("input_tokens"))), doc.get("generation_size")
    if not given:
        choice = _chosen(row, as_list(response.get("logprobs")), as_list(doc.get("choices")))
        return doc, [(choice, "", prompt, 0, False)], metrics
    tokens = as_list(response.get("output_tokens"))
    reasonings = as_list(response.get("reasonings"))
    texts = []
    for number, text in enumerate(given):
        n = len(as_list(tokens[number])) if number < len(tokens) else 0
        reasoning = plain(reasonings[number]) if number < len(reasonings) else ""
        cut = isinstance(most, int) and 0 < most <= n
        texts.append((text, reasoning, prompt, n, cut))
    return doc, texts, metrics


def _older(row: Row) -> tuple[Mapping[str, Any], list[_Text], Mapping[str, Any]]:
    record = row.record
    doc: dict[str, Any] = {
        "query": plain(record.get("example")) or plain(record.get("full_prompt")),
        "choices": as_list(record.get("choices")) or as_list(record.get("gold")),
        "gold_index": as_list(record.get("gold_index")),
        "specific": as_object(record.get("specifics")),
    }
    if not doc["gold_index"]:  # of a generative task `gold` holds the right answers alone
        doc["gold_index"] = list(range(len(doc["choices"])))
    given, tokens = as_list(row.need("predictions")), as_list(record.get("cont_tokens"))
    texts = [one for each in given for one in (as_list(each) if _nested(each) else [each])]
    metrics = as_object(row.need("metrics"))
    if texts and all(isinstance(text, str) for text in texts):
        counts = [len(as_list(one)) for one in tokens] if len(tokens) == len(texts) else []
        pairs = zip(texts, counts or [0] * len(texts), strict=True)
        return doc, [(text, "", 0, n, False) for text, n in pairs], metrics
    return doc, [(_chosen(row, given, doc["choices"]), "", 0, 0, False)], metrics


def _nested(value: Any) -> bool:
    return bool(as_list(value)) and all(isinstance(one, str) for one in as_list(value))


def _chosen(row: Row, likelihoods: list[Any], choices: list[Any]) -> str:
    """The choice that the model found likeliest."""
    numbers = [_number(value) for value in likelihoods]
    if len(numbers) != len(choices) or len(numbers) < 2 or None in numbers:
        raise UserError(
            f"{row.where}: holds neither generated texts nor a log-probability for each choice, so there is no answer in it; "
            "leave this task out (perplexity tasks have none)"
        )
    best = max(range(len(numbers)), key=lambda n: -math.inf if numbers[n] is None else numbers[n])  # type: ignore[arg-type,return-value]
    return plain(choices[best]).strip()


def _number(value: Any) -> float | None:
    """A log-probability, alone or with whether it is that of the greedy text."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable and not math.isnan(value) else None


# ---- what follows ------------------------------------------------------------------------------


def _prediction(id_: str, text: _Text, sample: int, path: Path) -> Prediction:
    words, reasoning, prompt_tokens, completion_tokens, cut = text
    return predicted(
        id_,
        words,
        path,
        reasoning=reasoning.strip(),
        sample=sample,
        finish_reason="length" if cut else "stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


def _verdict(metrics: Mapping[str, Any]) -> tuple[GradeStatus | None, str]:
    for pattern in _METRICS:
        for name, value in metrics.items():
            if pattern.fullmatch(str(name)) and (status := binary(value)):
                return status, str(name)
    return None, ""


def _question(row: Row, doc: Mapping[str, Any], task: str) -> Question:
    query = doc.get("query")
    if not isinstance(query, str) or not query:
        raise UserError(f"{row.where}: has no query, so nobody can tell what was asked")
    choices = [plain(choice).strip() for choice in as_list(doc.get("choices"))]
    named = _of_specific(doc) or query
    gold = [n for n in _indices(doc.get("gold_index")) if 0 <= n < len(choices)]
    letters = len(choices) > 1 and choices == [chr(65 + n) for n in range(len(choices))]
    several = len(choices) > 1 and len(gold) < len(choices)
    if several:  # the letters themselves where the query lists what they stand for
        named = query if letters else with_choices(named, choices)
        answer = ALTERNATIVE.join(chr(65 + n) for n in gold)
    else:
        answer = ALTERNATIVE.join(dict.fromkeys(reference_of(choices[n]) for n in gold))
    # Of a task without ids each row is its document; files of one task have the same rows in the same order.
    number = id_text(doc.get("id")) or str(row.number - 1)
    kind = "multipleChoice" if several else "exactMatch"
    return asked_question(
        f"{task}/{number}", named, answer, answer_type=kind, category=_category(task)
    )


def _indices(value: Any) -> list[int]:
    found = as_list(value) if isinstance(value, str | list | tuple) else [value]
    texts = [id_text(one) for one in found]
    return [int(text) for text in texts if text.isdecimal() and len(text) < 6]


def _of_specific(doc: Mapping[str, Any]) -> str:
    """The question without its prompt, where the task keeps it."""
    specific = as_object(doc.get("specific"))
    return next((s for name in _QUESTION if isinstance(s := specific.get(name), str) and s), "")


def _category(task: str) -> str:
    """ "abstract_algebra" of "mmlu:abstract_algebra|5", "gsm8k" of "lighteval|gsm8k|0"."""
    parts = [part for part in task.split("|") if part and not part.isdecimal()]
    return parts[-1].rpartition(":")[2] if parts else task
