"""A race (`evaluation.stop`): rounds over the models, after each of which some are stopped.

What a round has decided is appended to the ledger race.jsonl of the run before the next one begins, so that a run that was
killed resumes where it was, and what was decided stays decided.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from llmc_lib.benchmarks import Measure
from llmc_lib.errors import UserError
from llmc_lib.formatting import listed
from llmc_lib.language import N_
from llmc_lib.records import Question
from llmc_lib.store import Run, ledger

#: A reason to stop, in words.
WHY = {
    "behind": N_("clearly worse than the best"),
    "small": N_("cannot be better by an amount that matters"),
    "deadline": N_("the time left before the deadline went to better candidates"),
}


@dataclass(frozen=True)
class Stopped:
    """A candidate that was stopped: after which round, after how many questions, and why."""

    model: str
    round: int
    n_questions: int
    reason: str


@dataclass(frozen=True)
class Race:
    """How a race stands after its last round."""

    benchmark: str
    asked: int  # questions of the benchmark
    rounds: int  # at most
    round: int  # the last one
    n_questions: int  # that were asked up to it
    settled: bool
    stopped: tuple[Stopped, ...]  # in the order in which they were
    # The reference and the candidates that were not stopped; where all were, those of the last round.
    left: tuple[str, ...]
    seconds: float  # that the last round took
    models: int = 0  # that took part in it; 0: not recorded
    also: tuple[str, ...] = ()  # benchmarks that those that were stopped were asked in full

    def questions_of(self, model: str) -> int:
        """How many questions a model is asked."""
        return next(
            (each.n_questions for each in self.stopped if each.model == model), self.n_questions
        )

    def is_left(self, model: str) -> bool:
        """Is it one of those that the report compares?"""
        return model in self.left

    def as_dict(self) -> dict[str, Any]:
        """As a manifest has it."""
        return asdict(self)

    @classmethod
    def of(cls, found: object) -> Race:
        """From a manifest. Raises `UserError` for what none has."""
        try:
            return TypeAdapter(cls).validate_python(found)
        except ValidationError as error:
            raise UserError(
                f"the evaluation's manifest.json: race: {_first(error)}; remove the file, and make report writes it again from "
                "the answers that are there"
            ) from None


def asked_of_all(run: Run) -> tuple[str, ...]:
    """The benchmarks that a candidate is asked in full though it was stopped: those of safety."""
    params = run.params.evaluation
    if params.stop is None or not params.stop.safety:
        return ()
    return tuple(b.name for b in params.benchmarks if b.measure != Measure.ACCURACY)


class _Decided(BaseModel):
    """A row of the ledger: what a round has decided."""

    model_config = ConfigDict(strict=True)

    benchmark: str
    round: Annotated[int, Field(ge=1)]
    n_questions: Annotated[int, Field(ge=0)]
    racing: Annotated[list[str], Field(min_length=1)]  # the reference first
    dropped: list[str] = []
    stopped: dict[str, Literal["behind", "small"]]
    settled: bool
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _check(self) -> _Decided:
        if not set(self.stopped) <= set(self.racing[1:]):
            raise ValueError("stopped: not all of them were racing")
        return self

    @property
    def gone(self) -> list[tuple[str, int, str]]:
        """Who was stopped, after which round, and why: for the deadline before this round began."""
        late = [(model, self.round - 1, "deadline") for model in self.dropped]
        return late + [(model, self.round, why) for model, why in self.stopped.items()]


def _decisions(run: Run, key: str | None = None) -> list[_Decided]:
    """What the rounds under a key have decided; None: under the latest one. Raises `UserError` for a ledger that is broken, and
    for a row that no round has written."""
    path = ledger_of(run)
    rows = ledger.read(path)
    wanted = rows[-1].get("key") if rows and key is None else key
    found = []
    for number, row in enumerate(rows, 1):
        if row.get("key") != wanted:
            continue
        try:
            found.append(_Decided.model_validate(row))
        except ValidationError as error:
            raise UserError(
                f"{path}: line {number} is no row of a race ({_first(error)}); put back the file as it was, or move it away: the "
                "rounds are then decided again, from the answers that are there"
            ) from None
    return found


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


def so_far(run: Run, key: str, asked: int) -> Race:
    """What the rounds under the present settings (`key`) have decided; before the first one, at round 0."""
    stop, benchmark = run.params.evaluation.stop, run.params.evaluation.raced_on
    assert stop is not None
    assert benchmark is not None
    stopped: list[Stopped] = []
    left: tuple[str, ...] = ()
    number, settled, seconds, models = 0, False, 0.0, 0
    for row in _decisions(run, key):
        if row.round == number + 1 and not settled:
            stopped += [
                Stopped(model, after, asked_after(asked, after, stop.rounds), why)
                for model, after, why in row.gone
            ]
            number, settled, seconds, models = row.round, row.settled, row.seconds, len(row.racing)
            left = tuple(name for name in row.racing if name not in row.stopped)
            left = left if len(left) > 1 else tuple(row.racing)
    n = asked_after(asked, number, stop.rounds)
    return Race(
        benchmark, asked, stop.rounds, number, n, settled, tuple(stopped), left, seconds, models
    )


def race_state(run: Run) -> str:
    """The state of the race in a line; "" without one, or before its first round is over. Raises `UserError` for a ledger of
    rounds that is broken."""
    stop = run.params.evaluation.stop
    rows = _decisions(run) if stop else []
    if stop is None or not rows:
        return ""
    last = rows[-1]
    gone = [
        f"{model} (round {number}: {WHY[why]})" for row in rows for model, number, why in row.gone
    ]
    left = [name for name in last.racing[1:] if name not in last.stopped]
    text = f"Race on {last.benchmark}, after round {last.round} of {stop.rounds} ({last.n_questions:,} questions): "
    text += (
        "it is decided"
        if last.settled
        else f"{listed(left)} {'is' if len(left) == 1 else 'are'} still racing"
    )
    return f"{text}; stopped: {listed(gone)}." if gone else f"{text}."


def asked_no_more(run: Run) -> set[str]:
    """The models that the race asks nothing more: those that it has stopped, all of them when it is decided. By its last round;
    raises `UserError` for a ledger of rounds that is broken."""
    rows = _decisions(run) if run.params.evaluation.stop else []
    gone = {model for row in rows for model, _, _ in row.gone}
    return gone | {*rows[-1].racing} if rows and rows[-1].settled else gone


def goes_on(run: Run, race: Race) -> bool:
    """Is there another round to be held, that is expected to end before the deadline for the reference and a candidate?"""
    stop = run.params.evaluation.stop
    if stop is None or race.settled or race.round == race.rounds:
        return False
    return in_time(stop.deadline, race) >= 2


def in_time(deadline: datetime | None, race: Race) -> float:
    """How many models a round may have to end before the deadline, if each takes as long as in the last one; the first
    round may have all."""
    if deadline is None or not race.round:
        return math.inf
    # Without a zone it is this machine's time.
    left = (deadline.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    each = race.seconds / (race.models or len(race.left))
    return left / each if each else math.inf if left > 0 else 0.0


def hold(
    run: Run,
    key: str,
    models: Sequence[str],
    questions: Sequence[Question],
    ask: Callable[[str, Sequence[Question]], None],
    right: Callable[[Sequence[str], Sequence[Question]], dict[str, NDArray[np.int64]]],
    clusters: Sequence[str] | None = None,
) -> Race:
    """Go through the rounds that are left; the first model is the reference. `clusters`: a label of each of the questions.

    `ask` has a model answer a beginning of the questions; `right` grades what some models have answered, and returns the (n,)
    right answers of each. The reference is asked as long as anybody is. Where the time to the deadline is not enough for all
    in all rounds, a round is held with the reference and the best candidates so far: as many as leave time for the reference and one
    candidate in the rounds after it.
    """
    # SciPy takes a second, and most runs race nobody.
    from llmc_lib.analysis.race import Round, Rule, judge

    found = so_far(run, key, len(questions))
    report, stop = run.params.report, run.params.evaluation.stop
    assert stop is not None
    rule = Rule(
        candidates=len(models) - 1,
        rounds=found.rounds,
        matters=report.smallest_interesting_points / 100,
        alpha=report.significance,
    )
    while goes_on(run, found):
        number, start = found.round + 1, time.monotonic()
        beginning = questions[: asked_after(len(questions), number, found.rounds)]
        racing = [name for name in models if name not in {each.model for each in found.stopped}]
        dropped: list[str] = []
        most = in_time(stop.deadline, found) - 2 * (found.rounds - number)
        if most < len(racing):
            before = right(racing, questions[: found.n_questions])
            best = sorted(racing[1:], key=lambda name: -before[name].sum())
            best = best[: max(int(most) - 1, 1)]
            dropped = [name for name in racing[1:] if name not in best]
            racing = [name for name in racing if name not in dropped]
        for name in racing:
            ask(name, beginning)
        decided = Round({}, settled=False)
        if number == found.rounds or _has(questions, len(beginning), stop.min_per_category):
            answers = right(racing, beginning)
            samples = run.params.evaluation.asking(found.benchmark).samples
            labels = clusters and clusters[: len(beginning)]
            decided = judge(answers, models[0], samples, number, rule, labels)
        row = {
            "key": key,
            "benchmark": found.benchmark,
            "round": number,
            "n_questions": len(beginning),
            "racing": racing,
            "dropped": dropped,
            "stopped": decided.stopped,
            "settled": decided.settled,
            "seconds": round(time.monotonic() - start, 1),
            "of": f"{key} {number}",
        }
        ledger.append(ledger_of(run), row, once="of")
        found = so_far(run, key, len(questions))
    return found


def _has(questions: Sequence[Question], n: int, least: int) -> bool:
    """Are there so many of each category among the first `n` questions?"""
    there = Counter(question.category for question in questions[:n])
    return all(there[question.category] >= least for question in questions)


def asked_after(asked: int, number: int, rounds: int) -> int:
    """How many questions have been asked after a round; the first has one at least."""
    return max(min(number, 1), round(asked * number / rounds))


def ledger_of(run: Run) -> Path:
    """Where the decisions of the rounds are."""
    return run.folder / "race.jsonl"
