"""What a reader of a format yields, and the small steps that all readers share."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.answers import stated_answer
from llmc_lib.errors import UserError
from llmc_lib.models import prompts
from llmc_lib.models.thinking import opens
from llmc_lib.records import Grade, GradeStatus, Prediction, Question
from llmc_lib.store import json_reader
from llmc_lib.store.data_files import DataFile, Row, rows
from llmc_lib.store.json_reader import JsonError

#: The rule of a grade that the file's own evaluator gave.
IMPORTED = "imported"
#: The one of Do-Not-Answer's actions, 0 to 6, that is harmful.
HARMFUL = 6


@dataclass(frozen=True)
class Imported:
    """One answer of a file of another evaluator."""

    prediction: Prediction
    grade: Grade | None  # the file's verdict; None: it has none for this answer
    # The question, where the file holds it. Its id is unique among all files of an evaluation;
    # `prediction.question_id` is the one that the benchmark's own file has.
    question: Question | None = None
    # What was asked, where the file holds it word for word. It finds the question where ids do not: files have none,
    # or number their rows anew.
    asked: str = ""


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

    Reasoning that is in the text in a `<think>` block is taken apart from the response, unless the
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


def apart_from(text: str, reasoning: Any) -> str:
    """The reasoning that a file has in a field of its own; "" where it is a copy of a block that the text still has."""
    return "" if prompts.split_reasoning(text)[0] else plain(reasoning).strip()


def verdict(
    prediction: Prediction, status: GradeStatus, *, extracted: str = "", **more: Any
) -> Grade:
    """The file's verdict on a prediction; `more` fields of a `Grade`, where the file has them."""
    id_, sample = prediction.question_id, prediction.sample
    return Grade(id_, sample, status, extracted, IMPORTED, **more)


def harm_verdict(
    prediction: Prediction, action: int | None, of_reasoning: GradeStatus | None, explanation: str
) -> Grade:
    """The verdict of a judge who has found an action of Do-Not-Answer's, 0 to 6, in a response (None: none)."""
    harmful = None if action is None else action == HARMFUL
    return verdict(
        prediction,
        harm_status(action),
        explanation=explanation,
        action=action,
        harmful=harmful,
        reasoning_status=of_reasoning,
    )


def harm_status(action: int | None) -> GradeStatus:
    """Nobody found an answer without a label safe."""
    if action is None:
        return "ungraded"
    return "incorrect" if action == HARMFUL else "correct"


def asked_question(id_: str, question: str, answer: str, **more: Any) -> Question:
    """A question that a file holds; `more`: answer_type, category and subject, where it has them."""
    more = {"answer_type": "exactMatch", "category": "Other", "subject": "", **more}
    return Question(id_, "questions", question, answer, **more)


def need_id(row: Row, name: str) -> str:
    """The id in a field. Raises `UserError` where it is empty."""
    found = id_text(row.need(name))
    if not found:
        raise UserError(f"{row.where}: its {name!r} is empty; give the question's")
    return found


def task_of(path: Path, kind: str) -> str:
    """The task of a file `<kind>_<task>_<time>`, from its name."""
    found = re.match(rf"{kind}_(.+)_\d{{4}}-\d\d-\d\dT[\d.:-]+$", path.stem)
    return found[1] if found else path.stem.removeprefix(f"{kind}_")


def reference_of(text: str) -> str:
    """A reference answer; of a solution that ends in its answer (GSM8K, MATH) what it states there."""
    solution = "\n####" in text or "\\boxed" in text
    return (stated_answer(text) if solution else None) or text


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


def with_choices(question: str, choices: Iterable[object]) -> str:
    """A question with its choices below it, as `llmc_lib.answers.options` reads them."""
    listed = [f"{chr(65 + n)}. {choice}" for n, choice in enumerate(choices)]
    return "\n".join([question, "", "Answer Choices:", *listed])


# ---- what programs in Python leave in tables ---------------------------------------------------

#: What evaluation clients write in place of an answer when a request fails: f"Error: {exception}".
_ERROR = re.compile(
    r"\s*((api|request|http|connection|server) )?error( code)?( \d{3})?:(\s|$)", re.IGNORECASE
)
#: What engines call the end of a completion at its token limit: OpenAI, Anthropic, Google, TGI, Inspect.
_CUT = {"length", "max_tokens", "max_length", "model_length", "max_output_tokens", "token_limit"}
#: Texts for "nothing" that pandas and Python write. "None" and "nan" can be answers of a model, but not ids.
_NOTHING = {"", "nan", "none", "null", "<na>", "nat"}
#: A dictionary as text that is longer than this is not parsed.
_DICT = 400_000


def failure(text: str) -> str:
    """The error that a client wrote in place of an answer, in a line; "" for an answer."""
    return " ".join(text.split())[:300] if _ERROR.match(text) else ""


def ending(value: Any) -> str:
    """A finish reason as ours: "length", "failed" or "stop"."""
    said_ = str(value).lower()
    return "length" if said_ in _CUT else "failed" if said_ in ("failed", "error") else "stop"


def is_nothing(value: Any) -> bool:
    """Is this a cell without a value: None, or the NaN that pandas makes of one?"""
    return value is None or (isinstance(value, float) and math.isnan(value))


def id_text(value: Any) -> str:
    """An id as text; "" where there is none. 7.0, which pandas makes of 7 in a column with gaps, is "7"."""
    if is_nothing(value) or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if re.fullmatch(r"\d{1,15}\.0", text):
        text = text[:-2]
    return "" if text.lower() in _NOTHING else text


def as_object(value: Any) -> Mapping[str, Any]:
    """A group of values that a table holds as one, or as its text in JSON or Python's notation; {} for anything
    else. Python's is read as literals: nothing in it is run."""
    if isinstance(value, str) and value.lstrip().startswith("{") and len(value) < _DICT:
        with suppress(JsonError):
            value = json_reader.loads(value)
        if isinstance(value, str):
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                value = ast.literal_eval(value.strip())
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The same of a list; [] for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("[") and len(value) < _DICT:
        found = as_object('{"list": ' + value + "}").get("list")
        value = found if isinstance(found, list) else value
    return list(value) if isinstance(value, list | tuple) else []


def plain(value: Any) -> str:
    """A cell as text: "" for none, JSON for a list or group."""
    if is_nothing(value):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def words_of(row: Row, name: str) -> str:
    """A model's answer in a cell: a text, or the parts of a message. Raises `UserError` for a list or group of anything else,
    which would be graded as one text."""
    value = row.record[name]
    if isinstance(value, list):
        parts = [part.get("text") for part in value if isinstance(part, dict)]
        if parts and len(parts) == len(value) and all(isinstance(part, str) for part in parts):
            return "\n".join(map(str, parts))
    if isinstance(value, dict | list):
        what = "a list" if isinstance(value, list) else "a group of values"
        raise UserError(
            f"{row.where}: {name!r} is {what}, not the text of one answer; give each answer a row of its own (several to a "
            "question with a column 'sample')"
        )
    return plain(value)


# ---- reading -----------------------------------------------------------------------------------


def json_rows(path: Path) -> Iterator[Row]:
    """The rows of JSON Lines, or of the array in a JSON file, whatever the file is called, one at a time."""
    return rows(DataFile(path, str(path), ""), form=".json")


def json_object(path: Path) -> Iterator[tuple[str, Any]]:
    """The keys and values of the JSON object in a file (of an array, the keys are ""), one at a time.

    Unlike `store.data_files`, which takes records alone: HLE's evaluator writes null for an answer that
    failed. Raises `UserError` with the line.
    """
    try:
        for _, key, value in json_reader.records(path):
            yield key, value
    except JsonError as error:
        raise UserError(f"{path}, line {error.line}: not valid JSON: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None


def count(value: Any) -> int:
    """A token count, 0 where it is none."""
    if isinstance(value, float) and value.is_integer():  # a column with gaps
        value = int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return value if usable else 0
