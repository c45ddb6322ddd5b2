"""Have a model answer prompts: only what is missing is sampled, and each answer is on disk at once."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.engines.arguments import what_matters
from llmc_lib.engines.given import patience
from llmc_lib.engines.harness import harness_file
from llmc_lib.engines.vllm import offline_environment
from llmc_lib.engines.worker import full_disk
from llmc_lib.errors import UserError
from llmc_lib.formatting import counted
from llmc_lib.models.hardware import computing_dtype, has_gpu
from llmc_lib.models.resolve import Model, ServedModel
from llmc_lib.params import EngineParams
from llmc_lib.processes.progress import progress_bar, say
from llmc_lib.processes.workers import WorkerError, run_worker
from llmc_lib.records import Prediction
from llmc_lib.store import (
    fingerprint,
    is_prediction,
    read_object,
    read_settings,
    scan_jsonl,
    set_aside_damaged,
    sha256_text,
    write_atomic,
    write_settings,
)

#: Settings of a completion; the others are those of the engine.
_SAMPLING = (
    "max_tokens", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "chat_template_kwargs",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A prompt to be answered `samples` times; sample number s is drawn with the seed `seed` + s.

    Requests of one seed share their random numbers: answers to different questions then vary together.
    """

    question_id: str  # unique among the requests of a file
    prompt: str  # the user turn
    samples: int = 1
    seed: int | None = None  # None: that of the settings
    system: str = ""  # the system turn; "": none

    @property
    def prompt_sha256(self) -> str:
        """The SHA-256 of all that the model reads: an answer to another wording is not an answer to this one."""
        return sha256_text(f"{self.system}\0{self.prompt}" if self.system else self.prompt)


def sample(
    model: Model | ServedModel,
    requests: Mapping[Path, Sequence[Request]],
    settings: Mapping[str, Any] | Mapping[Path, Mapping[str, Any]],
    log: Path,
    *,
    desc: str,
    engine: EngineParams,
    section: str = "evaluation.engine",
    retry_failed: bool = True,
) -> None:
    """Sample what `requests` (predictions file → what belongs into it) ask for and is not there yet.

    `settings` is what must be equal for two completions to be comparable: max_tokens (a number or
    "max"), max_model_len, temperature, top_p, dtype ("auto": see `hardware.computing_dtype`), seed and,
    where they are not off, top_k, min_p, presence_penalty, chat_template_kwargs; where replies must have a form,
    json_schema. Of files that are sampled differently it is a mapping of each file's; max_model_len, dtype, seed and
    json_schema are then the same in all. It is kept with the model's fingerprint, and with those
    of `engine.vllm` that may change an answer, in <file>.settings.json; where the servers are does not.
    Answers under other settings are set aside under earlier/; what else can change one (`engines.harness`) is recorded with it. The files get a line of `Prediction` for
    each completion, in the order in which they end, and are resumed after a kill. With `retry_failed`, what
    the engine could not answer is asked again. `section` is where the params file has the engine, for
    messages.

    A seed makes samples differ and a repetition on the same machine likely to agree; it promises no
    more, as the arithmetic of a batch depends on its size. What was once sampled stays as it is.

    Raises `UserError` for what a person has to mend (a full disk, no server that has the model, a file
    that another process writes to) and `WorkerError` when the engine ends with another error.
    """
    of_file = _settings_of(requests, settings, engine)
    matters = what_matters(engine.vllm)
    comparable = {
        path: {**own, "model": model.fingerprint, **({"vllm": matters} if matters else {})}
        for path, own in of_file.items()
    }
    spec_file = log.with_suffix(".spec.json")
    try:
        missing: list[dict[str, Any]] = []
        done = 0
        for path, wanted in requests.items():
            _set_aside_other_settings(path, comparable[path], spec_file)
            finished = _finished(path, wanted, retry_failed=retry_failed)
            done += len(finished)
            missing += _missing(path, wanted, finished, of_file[path])
        if not missing:
            return
        spec = {
            "model": None if model.folder is None else str(model.folder),
            "name": engine.served_as.get(model.name, model.name),
            "section": section,
            "engine": engine.model_dump(mode="json"),
            "wait_minutes": patience(),
            "requests": missing,
            "comparable": {str(path): own for path, own in comparable.items()},
            **_of_engine(list(of_file.values())),
        }
        write_atomic(spec_file, json.dumps(spec))
        total = sum(request.samples for wanted in requests.values() for request in wanted)
        _run_engine(engine.kind, spec_file, log, total, done, desc)
        _check_there(requests)
    except OSError as error:  # the settings, the spec, the log
        raise full_disk(error, log) or error from None


def _settings_of(
    requests: Mapping[Path, Sequence[Request]],
    settings: Mapping[str, Any] | Mapping[Path, Mapping[str, Any]],
    engine: EngineParams,
) -> dict[Path, dict[str, Any]]:
    """The settings of each file, with the dtype that is computed in."""
    found: dict[Path, dict[str, Any]] = {}
    for path in requests:
        own: Mapping[Any, Any] = settings.get(path, settings)  # type: ignore[call-overload]
        # What a server computes in is its own; this machine may not even have a GPU.
        dtype = computing_dtype(own["dtype"]) if engine.kind == "vllm" else own["dtype"]
        found[path] = {**own, "dtype": dtype}
    return found


def _of_engine(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What holds for a whole engine: of temperatures the highest, as an engine on a CPU is made otherwise above 0; of token
    limits "max", if a file has it, which a server must then know."""
    first = settings[0]
    limits = [own["max_tokens"] for own in settings]
    shared = {key: first[key] for key in ("max_model_len", "dtype", "seed")}
    if "json_schema" in first:
        shared["json_schema"] = first["json_schema"]
    return {
        **shared,
        "temperature": max(own["temperature"] for own in settings),
        "max_tokens": "max" if "max" in limits else max(limits),
    }


def _check_there(requests: Mapping[Path, Sequence[Request]]) -> None:
    """Is all on disk that an engine has written? Raises `UserError`: somebody may have removed a file."""
    for path, wanted in requests.items():
        lost = sum(request.samples for request in wanted)
        lost -= sum(1 for _ in stream(path, wanted, texts=False))
        if lost:
            raise UserError(
                f"{path}: {counted(lost, 'answer')} just written cannot be found; was the file changed or removed meanwhile? "
                "Run the same command again to sample what is missing"
            )


def _finished(path: Path, wanted: Sequence[Request], *, retry_failed: bool) -> set[tuple[str, int]]:
    """(question id, sample number) of the answers that need not be asked for; damaged lines are set aside."""
    set_aside_damaged(path, is_prediction)
    return {
        (prediction.question_id, prediction.sample)
        for prediction in stream(path, wanted, texts=False)
        if prediction.finish_reason != "failed" or not retry_failed
    }


def _missing(
    path: Path,
    wanted: Sequence[Request],
    finished: set[tuple[str, int]],
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What an engine has to answer, as its spec has it."""
    missing = []
    sampling = {name: settings[name] for name in _SAMPLING if name in settings}
    for request in wanted:
        numbers = [s for s in range(request.samples) if (request.question_id, s) not in finished]
        if numbers:
            missing.append(
                {
                    "file": str(path),
                    "question_id": request.question_id,
                    "samples": numbers,
                    "seed": settings["seed"] if request.seed is None else request.seed,
                    "sampling": sampling,
                    "system": request.system,
                    "prompt": request.prompt,
                    "prompt_sha256": request.prompt_sha256,
                }
            )
    return missing


def predictions(path: Path, requests: Sequence[Request]) -> dict[tuple[str, int], Prediction]:
    """What `path` has for `requests`: (question id, sample number) → the latest prediction."""
    return {(p.question_id, p.sample): p for p in stream(path, requests)}


def stream(path: Path, requests: Sequence[Request], *, texts: bool = True) -> Iterator[Prediction]:
    """What `path` has for `requests`, one after the other: the latest prediction of each sample.

    Answers to an earlier wording of a prompt and samples beyond those asked for are left out. Without
    `texts` what the models wrote is left empty. Of gigabytes of answers one is in memory at a time.
    """
    wanted = {request.question_id: (request.prompt_sha256, request.samples) for request in requests}
    latest = {}
    for place, row in scan_jsonl(path, is_prediction):
        prompt, samples = wanted.get(row["question_id"], ("", 0))
        if row["prompt_sha256"] == prompt and row["sample"] < samples:
            latest[row["question_id"], row["sample"]] = place
    places = set(latest.values())
    empty = {} if texts else {"reasoning": "", "response": ""}
    for place, row in scan_jsonl(path, is_prediction):
        if place in places:
            yield Prediction(**{**row, **empty})


def _run_engine(kind: str, spec_file: Path, log: Path, total: int, done: int, desc: str) -> None:
    tokens = truncated = failed = 0
    start = time.monotonic()
    problem: str | None = None
    with progress_bar(total=total, initial=done, desc=desc, unit="answer") as bar:

        def on_event(event: dict[str, Any]) -> None:
            nonlocal tokens, truncated, failed, start, problem
            match event["kind"]:
                case "ready":  # the engine's start is not the model's speed
                    start = time.monotonic()
                case "done":
                    tokens += event["tokens"]
                    truncated += event["finish_reason"] == "length"
                    failed += event["finish_reason"] == "failed"
                    speed = tokens / max(time.monotonic() - start, 1e-3)
                    told = f"{speed:.0f} tokens/s, {truncated} truncated"
                    told += f", {failed} failed" if failed else ""
                    bar.set_postfix_str(told, refresh=False)
                    bar.update()
                case "note":
                    say(event["text"])
                case "user_error":
                    problem = event["message"]

        try:
            run_worker(
                [sys.executable, "-m", f"llmc_lib.engines.{kind}", str(spec_file)],
                log,
                on_event,
                offline_environment(on_cpu=not has_gpu()) if kind == "vllm" else None,
            )
        except WorkerError:
            if problem is not None:
                raise UserError(problem) from None
            raise


def _set_aside_other_settings(path: Path, settings: dict[str, Any], spec: Path) -> None:
    """Keep predictions of other settings apart: a file never mixes two, and none is deleted. Those of
    the present settings are taken back, if they were set aside before. Where the settings of a file are
    lost, those of the last `spec` are taken for them."""
    sidecar = path.with_suffix(".settings.json")
    was_there = os.path.lexists(sidecar)
    earlier = read_settings(sidecar)
    if earlier is None and path.is_file() and path.stat().st_size:
        # A file that never had one is of the present settings; one whose settings are damaged may be of any.
        unknown = {"lost": True} if was_there else settings
        last = (read_object(spec) or {}).get("comparable")
        last = last.get(str(path)) if isinstance(last, dict) else None
        earlier = last if isinstance(last, dict) else unknown
        if earlier == settings:
            write_settings(sidecar, settings)
    if earlier is not None:
        if earlier == settings:
            return
        if path.exists():
            aside = path.parent / "earlier" / fingerprint(**earlier)
            aside.mkdir(parents=True, exist_ok=True)
            os.replace(path, aside / path.name)
            for beside in (sidecar, harness_file(path)):
                if beside.exists():
                    os.replace(beside, aside / beside.name)
    before = path.parent / "earlier" / fingerprint(**settings) / path.name
    if before.exists() and not path.exists():
        os.replace(before, path)
        if harness_file(before).exists():
            os.replace(harness_file(before), harness_file(path))
    write_settings(sidecar, settings)
