"""HLE's official evaluator: `predictions/hle_<model>.json` and `judged/judged_hle_<model>.json`.

One JSON object, question id → {"model", "response", "usage"}; the judged file adds
"judge_response": {"correct_answer", "model_answer", "reasoning", "correct": "yes" | "no", "confidence":
0 to 100}. Written by hle_eval/run_model_predictions.py and hle_eval/run_judge_results.py of
`centerforaisafety/hle`, and by the competition's fork of it, eval_hle in
`matsuolab/llm_bridge_prod`, which puts a reasoning model's reasoning into usage.reasoning_content
(confirmed from the fork's code and from files that it wrote).

One odd entry does not stop a file: an entry without a text as response ("response": null) is a failed answer,
and a verdict that says neither yes nor no ("Yes.", true and 1 do) leaves it ungraded.

Neither keeps an answer that was cut at the token limit or whose request failed: those questions are not
in the file, and nothing in it tells the one from the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    as_object,
    count,
    ending,
    failure,
    json_object,
    plain,
    predicted,
    said,
    verdict,
)
from llmc_lib.records import Grade, Prediction
from llmc_lib.store.data_files import DataFile, Row


def read_predictions(path: Path) -> Iterator[Imported]:
    """The answers alone, also of a judged file. Raises `UserError` with file and key."""
    for id_, row in _rows(path):
        yield Imported(_prediction(id_, row), None)


def read_judged(path: Path) -> Iterator[Imported]:
    """Answers and verdicts; an answer that the judge failed on has none. Raises `UserError` with file and
    key."""
    for id_, row in _rows(path):
        prediction = _prediction(id_, row)
        yield Imported(prediction, graded(prediction, row.record.get("judge_response")))


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    file = DataFile(path, str(path), "")
    for number, (id_, row) in enumerate(json_object(path), 1):
        if row is not None and not isinstance(row, dict):
            raise UserError(
                f"{path}, key {id_!r}: must be an object with 'response'; is it a file of HLE's evaluator?"
            )
        yield id_, Row(row or {"response": None}, file, "entry", number, id_)


def _prediction(id_: str, row: Row) -> Prediction:
    text = row.need("response")
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    if isinstance(text, list):  # parts of a message
        parts = [part.get("text") for part in text if isinstance(part, dict)]
        text = "\n".join(part for part in parts if isinstance(part, str)) or text
    given = isinstance(text, str)
    error = failure(text) if given else f"the file has {json.dumps(text)[:60]} for a response"
    usage = as_object(row.record.get("usage"))
    return predicted(
        id_,
        "" if error else text,
        row.file.path,
        finish_reason="failed" if error else ending(row.record.get("finish_reason")),
        error=error,
        reasoning=str(usage.get("reasoning_content") or "").strip(),
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
    )


def graded(prediction: Prediction, judged: Any) -> Grade | None:
    """The judge's verdict, of a `judge_response`, `ungraded` where it says neither yes nor no: our rules do not take the place of
    a judge who was asked. None: nobody was."""
    if not isinstance(judged, Mapping) or judged.get("correct") is None:
        return None
    return verdict(
        prediction,
        said(judged["correct"]) or "ungraded",
        extracted=plain(judged.get("model_answer")),
        confidence=_percent(judged.get("confidence")),
        explanation=plain(judged.get("reasoning")),
    )


def _percent(value: Any) -> float | None:
    """A confidence: 90, or "90%" in a table."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value.strip().rstrip("%"))
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return value if usable else None
