"""What a reader of a format yields, and the small steps that all readers share."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ijson

from llmc_lib import prompts
from llmc_lib.errors import UserError
from llmc_lib.records import Grade, GradeStatus, Prediction, Question
from llmc_lib.thinking import opens

#: The rule of a grade that the file's own evaluator gave.
IMPORTED = "imported"


@dataclass(frozen=True)
class Imported:
    """One answer of a file of another evaluator."""

    prediction: Prediction
    grade: Grade | None  # the file's verdict; None: it has none for this answer
    # The question, where the file holds it. Its id is unique among all files of an evaluation;
    # `prediction.question_id` is the one that the benchmark's own file has.
    question: Question | None = None


def predicted(
    question_id: str,
    text: str,
    path: Path,
    *,
    reasoning: str = "",
    sample: int = 0,
    finish_reason: str = "stop",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    seconds: float = 0.0,
    finished: str = "",
    error: str = "",
    prompt: str = "",
) -> Prediction:
    """A prediction with what a file tells of it; 0 and "" where it is silent.

    Reasoning that stands in the text in a `<think>` block is taken apart from the response, unless the
    file has it in a field of its own. `prompt`: what the model was given, where the file has it; it may have
    opened the block.
    """
    response = text.strip()
    if not reasoning:
        reasoning, response = prompts.split_reasoning(text, opened=opens(prompt))
    return Prediction(
        question_id=question_id,
        sample=sample,
        reasoning=reasoning,
        response=response,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=seconds,
        prompt_sha256="",
        engine=f"imported from {path.name}",
        finished=finished,
        error=error,
    )


def verdict(
    prediction: Prediction,
    status: GradeStatus,
    *,
    extracted: str = "",
    confidence: float | None = None,
    explanation: str = "",
) -> Grade:
    """The file's verdict on a prediction."""
    return Grade(
        question_id=prediction.question_id,
        sample=prediction.sample,
        status=status,
        extracted=extracted,
        rule=IMPORTED,
        confidence=confidence,
        explanation=explanation,
    )


_WORDS: dict[str, GradeStatus] = {
    "yes": "correct", "true": "correct", "correct": "correct", "right": "correct", "1": "correct",
    "no": "incorrect", "false": "incorrect", "incorrect": "incorrect", "wrong": "incorrect", "0": "incorrect",
}  # fmt: skip


def said(value: Any) -> GradeStatus | None:
    """The status that a judge's word has ("yes", "Yes.", "**No**", true, 1); None where it says neither."""
    if isinstance(value, str):
        return _WORDS.get(value.strip(" \t\n.!*'\"").lower())
    return binary(value)


def binary(value: Any) -> GradeStatus | None:
    """The status of a metric that is 0 or 1 (or a boolean); None for any other value."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return "correct" if value else "incorrect"
    return None


# ---- reading -----------------------------------------------------------------------------------


def json_object(path: Path) -> Iterator[tuple[str, Any]]:
    """The keys and values of the JSON object in a file, one at a time."""
    done = 0
    try:
        try:
            for pair in _pairs(path, ijson):
                yield pair
                done += 1
        except UnicodeDecodeError:
            # The fast parser fails on half of a surrogate pair, which an answer cut within an emoji has.
            yield from itertools.islice(_pairs(path, ijson.get_backend("python")), done, None)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON: {' '.join(str(error).split())}") from None


def _pairs(path: Path, parser: Any) -> Iterator[tuple[str, Any]]:
    with open(path, "rb") as handle:
        yield from parser.kvitems(handle, "", use_float=True)


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a JSON Lines file, or of the one array in a JSON file, one at a time, with their places."""
    with open(path, "rb") as handle:
        is_array = handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
        if not is_array:
            yield from json_lines(path)
            return
        handle.seek(0)
        try:
            for number, row in enumerate(ijson.items(handle, "item", use_float=True), 1):
                if not isinstance(row, dict):
                    raise UserError(f"{path}, row {number}: must be a JSON object")
                yield f"row {number}", row
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not valid JSON: {' '.join(str(error).split())}") from None


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a JSON Lines file, one at a time, each with its place ("row 3") for messages."""
    number = 0
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as handle:
            for number, line in enumerate(handle, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise UserError(f"{path}, row {number}: must be a JSON object")
                yield f"row {number}", row
    except UnicodeDecodeError:
        raise UserError(f"{path}, behind row {number}: not UTF-8") from None
    except ValueError as error:
        raise UserError(f"{path}, row {number}: not valid JSON: {error}") from None


def field(row: dict[str, Any], name: str, kind: type, path: Path, where: str) -> Any:
    """The field `name` of a row. Raises `UserError` where it is missing or of another kind."""
    if name not in row:
        given = ", ".join(map(str, row)) or "nothing"
        raise UserError(f"{path}, {where}: {name!r} is missing; it has {given}")
    if not isinstance(row[name], kind):
        shown = json.dumps(row[name], ensure_ascii=False, default=str)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        raise UserError(f"{path}, {where}: {name!r} must be {_KINDS[kind]}, not {shown}")
    return row[name]


_KINDS: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}


def count(value: Any) -> int:
    """A token count, 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
