"""What the engines' workers share: a spec, the predictions files, and a message for the person.

A worker is `python -m llmc_lib.engines.<engine> SPEC.json`. The spec has

    model       the model's folder, None where its weights are on a server alone
    name        what servers call the model
    section     where the params file has the engine: "evaluation.engine"
    engine      `EngineParams` as JSON
    wait_minutes  how long to wait for the first server
    requests    what to answer: file, question_id, samples, seed, system, prompt, prompt_sha256, sampling each;
                `samples` are the numbers of the completions to draw, number s with the seed `seed` + s;
                `sampling` has max_tokens, temperature, top_p and, where they are not off, top_k, min_p,
                presence_penalty, chat_template_kwargs

and of the settings that `sampling.sample` is given those of a whole engine. Each completion is on disk before it is counted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.engines.harness import Harnesses
from llmc_lib.errors import UserError
from llmc_lib.processes.workers import emit
from llmc_lib.records import Prediction
from llmc_lib.store import JsonlWriter


class Answer(NamedTuple):
    """A prediction and the file that it goes to."""

    file: str
    prediction: Prediction


def answer(
    request: dict[str, Any],
    sample: int,
    finish_reason: str,
    *,
    engine: str,
    reasoning: str = "",
    response: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    seconds: float = 0.0,
    error: str = "",
    harness: str = "",
) -> Answer:
    """One completion of a request, finished now."""
    prediction = Prediction(
        question_id=request["question_id"],
        sample=sample,
        reasoning=reasoning,
        response=response,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=round(seconds, 3),
        prompt_sha256=request["prompt_sha256"],
        engine=engine,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        error=error,
        harness=harness,
    )
    return Answer(request["file"], prediction)


def gave_up(error: object, tries: int) -> str:
    """The `error` of an answer that another time may be had."""
    return f"{error} (asked {tries} times)"


def is_worth_asking_again(prediction: Prediction) -> bool:
    """Has an answer failed for a reason that may be gone: was it given up, and not refused?"""
    return prediction.finish_reason == "failed" and prediction.error.endswith(" times)")


class Answers:
    """The predictions files of a spec, open for this process alone."""

    def __init__(self, requests: Iterable[dict[str, Any]]) -> None:
        """Raises `UserError` when another process writes to one of them."""
        self._open = ExitStack()
        with ExitStack() as opened:
            self._writers = {
                name: opened.enter_context(JsonlWriter(Path(name)))
                for name in sorted({request["file"] for request in requests})
            }
            self._open = opened.pop_all()
        self._harnesses = Harnesses(map(Path, self._writers))

    def made_by(self, harness: dict[str, Any]) -> str:
        """The name of a harness, as an answer has it; its record is on disk. Raises `UserError` when the disk is full."""
        try:
            return self._harnesses.name(harness)
        except OSError as error:
            raise full_disk(error, Path(next(iter(self._writers)))) or error from None

    def add(self, answers: list[Answer]) -> None:
        """Write answers, wait until they are on disk, and tell the parent.

        Raises `UserError` when the disk is full; nothing of an answer is then left half-written.
        """
        for name, writer in self._writers.items():
            mine = [asdict(prediction) for file, prediction in answers if file == name]
            if not mine:
                continue
            try:
                writer.extend(mine)
            except OSError as error:
                raise full_disk(error, Path(name)) or error from None
            for row in mine:
                emit("done", tokens=row["completion_tokens"], finish_reason=row["finish_reason"])

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def full_disk(error: OSError, path: Path) -> UserError | None:
    """The message for a full disk, where `error` tells of one."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    free = shutil.disk_usage(path.parent).free / 2**20
    return UserError(
        f"{path}: the disk is full ({free:.0f} MiB free); free some space and run the same command again: what "
        "was finished is kept"
    )


def run(main: Callable[[dict[str, Any]], object]) -> None:
    """The worker's process: `main` on the spec that the command line names; a `UserError` goes to the
    parent as it is. It ends without taking down what `main` returns, or the interpreter, which takes seconds."""
    _kept, status = None, 0
    try:
        _kept = main(json.loads(Path(sys.argv[1]).read_text()))
    except UserError as error:
        emit("user_error", message=str(error))
        status = 2
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
