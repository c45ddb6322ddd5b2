"""How far an evaluation is, from its files alone: another process may be writing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from llmc_lib import question_bank
from llmc_lib.engines.sampling import stream
from llmc_lib.evaluation.asked import requests
from llmc_lib.evaluation.race import asked_no_more
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.evaluation.variants import variants
from llmc_lib.formatting import aligned
from llmc_lib.records import Prediction, Question
from llmc_lib.store import Run

#: The speed is that of so many of the latest completions …
_LATEST = 200
#: … if they ended no longer ago than this; else nothing is going on.
_IDLE_SECONDS = 900.0


@dataclass(frozen=True)
class Progress:
    """What a model has done of a benchmark; counts are of completions, questions × samples."""

    model: str
    benchmark: str
    wanted: int
    done: int  # truncated ones among them
    truncated: int
    failed: int  # asked again by the next run
    mean_tokens: float | None  # of a completion
    # At present; None: nothing has ended in the last quarter of an hour.
    tokens_per_second: float | None
    seconds_left: float | None  # at this speed
    raced: bool = False  # a race asks it no more of these questions


def progress(run: Run, models: Sequence[str], now: datetime | None = None) -> list[Progress]:
    """How far each model is with each benchmark of the run."""
    found, no_more = [], asked_no_more(run)
    for benchmark in run.params.evaluation.benchmarks:
        questions = question_bank.asked(benchmark, run.params.seed)
        for model in models:
            of_model = _of(run, model, model, benchmark.name, questions, now)
            raced = model in no_more and benchmark.name == run.params.evaluation.raced_on
            found.append(replace(of_model, raced=raced))
    return found + _variants(run, models, now)


def _variants(run: Run, models: Sequence[str], now: datetime | None) -> list[Progress]:
    """The same of repeats and of further prompts."""
    seed = run.params.seed
    questions = {b.name: question_bank.asked(b, seed) for b in run.params.evaluation.benchmarks}
    return [
        _of(other, model, f"{model} ({other.place})", name, asked, now)
        for other in variants(run)
        for name, asked in other.asked(questions).items()
        for model in ([other.model] if other.kind == "repeat" else models)
    ]


def _of(
    run: Run,
    model: str,
    shown: str,
    benchmark: str,
    questions: Sequence[Question],
    now: datetime | None,
) -> Progress:
    asked = requests(run, benchmark, questions, model)
    return _progress(
        shown,
        benchmark,
        sum(request.samples for request in asked),
        list(stream(predictions_file(run, benchmark, model), asked, texts=False)),
        now or datetime.now(UTC),
    )


def _progress(
    model: str, benchmark: str, wanted: int, answers: Sequence[Prediction], now: datetime
) -> Progress:
    done = [p for p in answers if p.finish_reason != "failed"]
    mean = sum(p.completion_tokens for p in done) / len(done) if done else None
    speed = _speed(done, now)
    left = (wanted - len(done)) * mean / speed if speed and mean is not None else None
    return Progress(
        model=model,
        benchmark=benchmark,
        wanted=wanted,
        done=len(done),
        truncated=sum(p.finish_reason == "length" for p in done),
        failed=len(answers) - len(done),
        mean_tokens=mean,
        tokens_per_second=speed,
        seconds_left=0.0 if len(done) == wanted else left,
    )


def _speed(done: Sequence[Prediction], now: datetime) -> float | None:
    """Tokens per second over the latest completions, from the first one's end to now."""
    ends = sorted(
        (datetime.fromisoformat(p.finished), p.completion_tokens) for p in done if p.finished
    )
    latest = ends[-_LATEST:]
    if len(latest) < 2 or (now - latest[-1][0]).total_seconds() > _IDLE_SECONDS:
        return None
    seconds = (now - latest[0][0]).total_seconds()
    # The first one's tokens were written before the clock starts.
    return sum(tokens for _, tokens in latest[1:]) / seconds if seconds > 0 else None


def status_table(found: Sequence[Progress]) -> str:
    """The state of an evaluation as lines of text."""
    head = ("model", "benchmark", "done", "truncated", "failed", "tokens each", "tokens/s", "left")
    rows = [
        (
            p.model,
            p.benchmark,
            f"{p.done:,} of {p.wanted:,}",
            f"{p.truncated:,}",
            f"{p.failed:,}",
            "-" if p.mean_tokens is None else f"{p.mean_tokens:,.0f}",
            "-" if p.tokens_per_second is None else f"{p.tokens_per_second:,.0f}",
            _left(p),
        )
        for p in found
    ]
    return aligned([head, *rows], "llrrrrrr")


def _left(found: Progress) -> str:
    if found.done == found.wanted:
        return "done"
    if found.raced:
        return "race over"
    if found.seconds_left is None:
        return "not started" if not found.done else "idle"
    minutes = round(found.seconds_left / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(minutes, 1)} min"
