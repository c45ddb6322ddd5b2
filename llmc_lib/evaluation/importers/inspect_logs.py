"""Inspect's logs, `.eval` and `.json`, read by Inspect itself (`inspect_ai.log`).

A `.eval` log is read a few samples at a time; Inspect reads a `.json` log whole. Epochs are samples. The
verdict is the first score whose value says right or wrong: "C" or "I", a boolean, 1 or 0; "P" (partial
credit) and "N" (no answer) are not correct. A stop at max_tokens or model_length, or at Inspect's own
token limit, is a truncated answer; a sample with an error is a failed one.

Logs of an evaluation that has not ended are read as far as they go. A model that was called several
times (an agent) is judged by its last output.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.answers.text import ALTERNATIVE
from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    Imported,
    asked_question,
    count,
    predicted,
    verdict,
    with_choices,
)
from llmc_lib.records import GradeStatus, Question
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

#: Fields that are not needed and can be large.
_UNUSED = {"events", "store", "attachments", "messages"}
#: Bytes of a file in an archive, unpacked.
_LARGEST_ENTRY = 256 * 2**20
#: A log that unpacks to more than so many times its bytes, and to more than the largest entry, is a bomb: real
#: logs have tens.
_MOST_PACKED = 300
#: Samples that are read at a time.
_TOGETHER = 256
_VERDICTS: dict[Any, GradeStatus] = {
    "C": "correct", "I": "incorrect", "P": "incorrect", "N": "incorrect",
    1: "correct", 0: "incorrect", 0.5: "incorrect",
}  # fmt: skip
_TRUNCATED = ("max_tokens", "model_length")


def read(path: Path) -> Iterator[Imported]:
    """Answers, verdicts and questions. Raises `UserError` for a file that Inspect cannot read, and where
    Inspect is not installed."""
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        raise UserError(
            f"{path}: Inspect reads its logs itself, and it is not installed here; install the package "
            "inspect-ai (.venv/bin/uv pip install inspect-ai)"
        ) from None
    # Of a broken log Inspect leaves tasks behind, of which asyncio would tell after the message.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        _check(path)
        # Of a .json log Inspect may fail to read the header alone.
        header = read_eval_log(path, header_only=path.suffix != ".json")
        found = False
        for sample in _samples(path):
            found = True
            yield _imported(sample, path, header.eval.task)
        if not found:
            raise UserError(
                f"{path}: has no sample (the status of its evaluation is {header.status!r}); give the log of a run "
                "that answered some, or leave this one out"
            )
    except UserError:
        raise
    # What a broken file makes Inspect raise is not told by its documentation: pydantic's, zipfile's, its own.
    except Exception as error:
        said = " ".join(str(error).split())
        said = said if len(said) <= 200 else f"{said[:200]}…"
        raise UserError(
            f"{path}: Inspect cannot read this log: {type(error).__name__}: {said}"
        ) from None


def _check(path: Path) -> None:
    """Is there nothing in a log that would end Inspect's process or fill its memory? Its parser in C ends the
    process at a number of thousands of digits. Raises `UserError`."""
    where = str(path)
    try:
        if not zipfile.is_zipfile(path):
            if path.stat().st_size > _LARGEST_ENTRY:
                raise UserError(
                    f"{path}: has more than {_LARGEST_ENTRY >> 20} MiB, which Inspect would read at once; convert it "
                    "(inspect log convert --to eval), or give a part of it"
                )
            json_reader.loads(path.read_bytes())
            return
        with suppress(ImportError):  # teaches zipfile the compression of newer logs
            import zipfile_zstd  # noqa: F401
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > max(_LARGEST_ENTRY, _MOST_PACKED * path.stat().st_size):
                raise UserError(
                    f"{path}: unpacks to {unpacked / 2**30:,.1f} GiB, more than {_MOST_PACKED} times its size; that "
                    "is not a log"
                )
            for entry in archive.infolist():
                where = f"{path}, {' '.join(entry.filename.split())[:100]}"
                if entry.file_size > _LARGEST_ENTRY:
                    raise UserError(f"{where}: has more than {_LARGEST_ENTRY >> 20} MiB unpacked")
                if entry.filename.endswith(".json"):
                    json_reader.loads(archive.read(entry))
    except JsonError as error:
        raise UserError(
            f"{where}: Inspect cannot read this log: not valid JSON: {error}; is the file complete?"
        ) from None


def _samples(path: Path) -> Iterator[EvalSample]:
    """The samples that a log has, of an unfinished evaluation too."""
    from inspect_ai.log import (
        read_eval_log,
        read_eval_log_sample_summaries,
        read_eval_log_samples_by_id,
    )

    if path.suffix == ".json":
        yield from read_eval_log(path).samples or []
        return
    # `read_eval_log_samples` reads the archive's directory again for each sample: 62 s for 2,000 of them, of
    # which this makes 7.
    keys = [(summary.id, summary.epoch) for summary in read_eval_log_sample_summaries(path)]
    for start in range(0, len(keys), _TOGETHER):
        part = keys[start : start + _TOGETHER]
        yield from read_eval_log_samples_by_id(path, part, exclude_fields=_UNUSED)


def _imported(sample: EvalSample, path: Path, task: str) -> Imported:
    output, id_ = sample.output, str(sample.id)
    usage = output.usage
    prediction = predicted(
        id_,
        output.completion,
        path,
        reasoning=_reasoning(sample),
        sample=sample.epoch - 1,
        finish_reason=_finish_reason(sample),
        prompt_tokens=count(usage.input_tokens) if usage else 0,
        completion_tokens=count(usage.output_tokens) if usage else 0,
        seconds=output.time or sample.total_time or 0.0,
        finished=str(sample.completed_at or ""),
        error=" ".join(sample.error.message.split()) if sample.error else "",
    )
    grade = None
    for name, score in (sample.scores or {}).items():
        status = _status(score.value)
        if status is not None:
            said = f"{score.explanation}\n\n" if score.explanation else ""
            grade = verdict(
                prediction,
                status,
                extracted=score.answer or "",
                explanation=f"{said}By {name}: {score.value}.",
            )
            break
    return Imported(prediction, grade, _question(sample, task))


def _status(value: Any) -> GradeStatus | None:
    """What a score's value says; None where it is neither right nor wrong."""
    if isinstance(value, str) and value.lower() in ("yes", "true", "no", "false"):
        return "correct" if value.lower() in ("yes", "true") else "incorrect"
    return _VERDICTS.get(value) if isinstance(value, str | bool | int | float) else None


def _finish_reason(sample: EvalSample) -> str:
    if sample.error is not None or not sample.output.choices:
        return "failed"
    halted = sample.limit is not None and sample.limit.type == "token"
    return "length" if halted or sample.output.stop_reason in _TRUNCATED else "stop"


def _reasoning(sample: EvalSample) -> str:
    """The reasoning that the output has in parts of its own; of a redacted one, its summary."""
    content = sample.output.message.content if sample.output.choices else ""
    if isinstance(content, str):
        return ""
    parts = [part for part in content if part.type == "reasoning"]
    texts = [(part.summary or "") if part.redacted else part.reasoning for part in parts]
    return "\n\n".join(text.strip() for text in texts if text.strip())


def _question(sample: EvalSample, task: str) -> Question:
    text = sample.input
    if not isinstance(text, str):
        text = "\n\n".join(message.text for message in text if message.role == "user")
    if sample.choices:
        text = with_choices(text, sample.choices)
    target = sample.target
    metadata = sample.metadata
    if not isinstance(target, str):
        # Of choices all that are named are right together, of texts each is.
        target = (", " if sample.choices else ALTERNATIVE).join(target)
    kind = "multipleChoice" if sample.choices else "exactMatch"
    category = str(metadata.get("category") or metadata.get("subject") or task)
    return asked_question(str(sample.id), text, target, answer_type=kind, category=category)
