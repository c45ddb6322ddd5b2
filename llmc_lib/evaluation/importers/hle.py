"""HLE's official evaluator: `predictions/hle_<model>.json` and `judged/judged_hle_<model>.json`.

One JSON object, question id → {"model", "response", "usage"}; the judged file adds
"judge_response": {"correct_answer", "model_answer", "reasoning", "correct": "yes" | "no", "confidence":
0 to 100}. Written by hle_eval/run_model_predictions.py and hle_eval/run_judge_results.py of
`centerforaisafety/hle`, and by the competition's fork of it, eval_hle in
`matsuolab/llm_bridge_prod`, which puts a reasoning model's reasoning into usage.reasoning_content
(confirmed from the fork's code and from files that it wrote).

Neither keeps an answer that was cut at the token limit or whose request failed: those questions are not
in the file, and nothing in it tells the one from the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    count,
    field,
    json_object,
    predicted,
    verdict,
)
from llmc_lib.records import Grade, Prediction


def read_predictions(path: Path) -> Iterator[Imported]:
    """The answers alone, also of a judged file. Raises `UserError` with file and key."""
    for id_, row in _rows(path):
        yield Imported(_prediction(id_, row, path), None)


def read_judged(path: Path) -> Iterator[Imported]:
    """Answers and verdicts; an answer that the judge failed on has none. Raises `UserError` with file and
    key."""
    for id_, row in _rows(path):
        prediction = _prediction(id_, row, path)
        judged = row.get("judge_response")
        yield Imported(prediction, None if judged is None else _grade(prediction, judged, path))


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for id_, row in json_object(path):
        if not isinstance(row, dict):
            raise UserError(
                f"{path}, key {id_!r}: must be an object with 'response'; is it a file of HLE's evaluator?"
            )
        yield id_, row


def _prediction(id_: str, row: dict[str, Any], path: Path) -> Prediction:
    text = field(row, "response", str, path, f"key {id_!r}")
    usage = row.get("usage") or {}
    if not isinstance(usage, dict):
        usage = {}
    return predicted(
        id_,
        text,
        path,
        reasoning=str(usage.get("reasoning_content") or "").strip(),
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
    )


def _grade(prediction: Prediction, judged: Any, path: Path) -> Grade:
    where = f"key {prediction.question_id!r}, judge_response"
    if not isinstance(judged, dict):
        raise UserError(f"{path}, {where}: must be an object")
    said = field(judged, "correct", str, path, where).strip().lower()
    if said not in ("yes", "no"):
        raise UserError(f"{path}, {where}: 'correct' must be yes or no, not {said[:60]!r}")
    confidence = judged.get("confidence")
    if not isinstance(confidence, int | float):
        confidence = None
    return verdict(
        prediction,
        "correct" if said == "yes" else "incorrect",
        extracted=str(judged.get("model_answer") or ""),
        confidence=confidence,
        explanation=str(judged.get("reasoning") or ""),
    )
