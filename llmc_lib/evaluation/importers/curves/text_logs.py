"""Logs in JSON and in lines of text.

- `trainer_state.json` (transformers' TrainerState): `log_history`, a list of events.
- JSON Lines, a line an event: verl's FileLogger ({"step": …, "data": {…}}), LLaMA-Factory's trainer_log.jsonl.
- verl's console (verl/utils/logger/aggregate_logger.py): "step:12 - train/loss:0.71 - train/lr(1e-3):0.002", with whatever
  a launcher puts before it. Values are Python's text of a number, also numpy's: np.float64(0.71).
- The console of transformers' Trainer: "{'loss': 0.71, 'grad_norm': 1.2, 'learning_rate': 2e-05, 'epoch': 0.1}", from version 5
  on with the values in quotes. It tells no step: events are numbered, validation passes belong to the event before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.curves.columns import Rows
from llmc_lib.evaluation.importers.records import as_object
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

_VERL = re.compile(r"\bstep:(\d{1,12}) - (.+)")
_VALUE = re.compile(
    r"(?:np\.\w+\(|tensor\()?(-?(?:nan|inf|[\d.]+(?:e[-+]?\d+)?))\)?$", re.IGNORECASE
)
_EVENT = re.compile(r"\{'(?:loss|eval_loss|train/loss|eval/loss)'.*?\}")
#: Characters of a line: a progress bar writes over its line without ending it.
_LINE = 1 << 20
#: Of a file, looked at to see what it is.
_LOOK = 64 * 2**20


def trainer_state(files: list[Path], run: str | None) -> Rows:
    """The events of a trainer_state.json. Raises `UserError` where it is none."""
    (path,) = files
    try:
        events = json_reader.load(path).get("log_history")
    except (JsonError, AttributeError) as error:
        raise UserError(f"{path}: not a valid trainer_state.json: {error}") from None
    if not isinstance(events, list):
        raise UserError(f"{path}: 'log_history' must be a list; is it a trainer_state.json?")
    yield from (event for event in events if isinstance(event, dict))


def has_history(path: Path) -> bool:
    """Is this one JSON object with a log_history?"""
    with suppress(JsonError, OSError):
        value = json_reader.load(path)
        return isinstance(value, dict) and "log_history" in value
    return False


def is_json_lines(path: Path) -> bool:
    """Is the first line an event: an object of its own with a step?"""
    with suppress(JsonError, OSError), open(path, "rb") as file:
        first = json_reader.loads(next(json_reader.lines(file), b""))
        return isinstance(first, dict) and bool(
            {"step", "global_step", "current_steps"} & first.keys()
        )
    return False


def json_lines(files: list[Path], run: str | None) -> Rows:
    """A line an event; one that a killed process left unfinished is passed over."""
    with open(files[0], "rb") as file:
        try:
            for line in json_reader.lines(file):
                with suppress(JsonError):
                    event = json_reader.loads(line)
                    if isinstance(event, dict):
                        data = event.get("data")
                        yield {**event, **data} if isinstance(data, dict) else event
        except JsonError as error:
            raise UserError(f"{files[0]}, line {error.line}: {error}") from None


def has_events(path: Path, kind: str) -> bool:
    """Is there an event of verl's console, or of transformers'?"""
    pattern = {"verl": _VERL, "console": _EVENT}[kind]
    with open(path, "rb") as file:
        return any(pattern.search(line) for line in _lines(file, _LOOK))


def verl(files: list[Path], run: str | None) -> Rows:
    """The steps of verl's console log."""
    with open(files[0], "rb") as file:
        for line in _lines(file):
            if found := _VERL.search(line):
                pairs = (part.rpartition(":") for part in found[2].split(" - "))
                values = {name.strip(): _value(text) for name, _, text in pairs}
                yield {**values, "step": int(found[1])}


def console(files: list[Path], run: str | None) -> Rows:
    """The events of transformers' console log."""
    step = 0
    with open(files[0], "rb") as file:
        for line in _lines(file):
            for text in _EVENT.findall(line):
                event = {name: _value(value) for name, value in _readable(text).items()}
                step += "loss" in event or "train/loss" in event
                yield {**event, "step": step}


def _readable(text: str) -> Mapping[str, Any]:
    """An event as Python prints it, in which nan and inf are names that no literal has."""
    return as_object(re.sub(r"(?<=: )(-?)(nan|inf)\b", r"'\1\2'", text))


def _value(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _VALUE.match(value.strip())
    with suppress(ValueError):
        return float(found[1]) if found else None
    return None


def _lines(file: IO[bytes], most: int | None = None) -> Iterator[str]:
    """The lines of a text of any encoding, without the colours of a terminal; a carriage return ends one too."""
    read = 0
    while (line := file.readline(_LINE)) and (most is None or read < most):
        read += len(line)
        text = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", line.decode(errors="replace"))
        yield from text.split("\r")
