"""All evaluations of a benchmark under a base, by the ledgers of their runs: what a verdict is worth among them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from llmc_lib.analysis.comparison import adjust
from llmc_lib.analysis.ever import online_levels
from llmc_lib.errors import printable
from llmc_lib.formatting import counted
from llmc_lib.language import tr
from llmc_lib.records import Word
from llmc_lib.store import ROOT, looks

_P = Field(ge=0, le=1)


class _Model(BaseModel):
    model: str
    identity: str


class _Candidate(_Model):
    difference: float = Field(ge=-1, le=1, allow_inf_nan=False)
    p_adjusted: float = _P
    verdict_code: Word
    answers: str = ""  # digest


class _Look(BaseModel):
    """A row of a ledger that is a look: see `reporting.looks`."""

    run: str
    time: str
    what: Literal["partial", "finished"]
    benchmark: str
    kind: str
    embedded: bool
    n_questions: int
    reference: _Model
    significance: float = Field(gt=0, lt=1)
    candidates: list[_Candidate]
    #: The folder of its run.
    home: Path
    #: All runs that have these answers, each with its folder: a copied run is no new evaluation.
    runs: set[tuple[Path, str]]


@dataclass(frozen=True)
class Trial:
    """A candidate in an evaluation, and what became of its verdict."""

    look: _Look
    candidate: _Candidate
    place: int  # of the evaluation among those of the family, from 1
    level: float  # at which it is tested
    p_holm: float  # that of its run adjusted by Holm's method for all candidates so far, were their number fixed
    code: Word  # "unclear" where a sign is not clear at that level


@dataclass(frozen=True)
class Family:
    """All candidates that were ever compared with one reference on one benchmark."""

    benchmark: str
    embedded: bool
    reference: str  # its name in the latest run
    identity: str
    trials: list[Trial]  # in the order of the evaluations

    @property
    def evaluations(self) -> int:
        """How many evaluations there were."""
        return max(trial.place for trial in self.trials)


@dataclass(frozen=True)
class Tried:
    """The families of the runs in some folders, and what is wrong with their ledgers."""

    families: list[Family]
    problems: list[str]

    def of(self, folder: Path, run: str, model: str, benchmark: str) -> tuple[Family, Trial] | None:
        """The latest evaluation of a candidate in a run of a folder, with its family."""
        found = [
            (family, trial)
            for family in self.families
            for trial in family.trials
            if (folder, run) in trial.look.runs
            and (trial.candidate.model, trial.look.benchmark) == (model, benchmark)
        ]
        return max(found, key=lambda pair: pair[1].place, default=None)


def tried(folders: Iterable[Path]) -> Tried:
    """Read the ledgers of all runs in the folders. Nothing that they may hold raises."""
    rows: list[tuple[str, Path, dict[str, Any]]] = []
    problems: list[str] = []
    for folder in folders:
        found = looks.of_all(folder)
        problems += found.problems
        times = itertools.accumulate((str(row.get("time")) for row in found.rows), max)
        rows += [(time, folder, row) for time, row in zip(times, found.rows, strict=True)]
    groups: dict[tuple[str, bool, str], list[_Look]] = {}
    unread: Counter[Path] = Counter()
    for _, folder, row in sorted(rows, key=itemgetter(0)):
        look = _read(row, folder)
        if look is None and row.get("what") in ("partial", "finished"):
            unread[folder / str(row.get("run"))] += 1
        if look is not None and look.candidates:
            # What is called by any name is known by it, where its kind says nothing.
            name = look.benchmark if look.kind == "questions" else look.kind
            groups.setdefault((name, look.embedded, look.reference.identity), []).append(look)
    problems += [
        tr(
            "{run}: {looks} of its ledger, of another version or changed, cannot be read and count for nothing; make report of the run adds one that can",
            run=run,
            looks=counted(n, "look"),
        )
        for run, n in unread.items()
    ]
    # As the page may be passed on.
    told = [printable(problem.replace(f"{ROOT}/", "")) for problem in problems]
    return Tried([_family(*key, looks_of) for key, looks_of in groups.items()], told)


def _read(row: Mapping[str, Any], folder: Path) -> _Look | None:
    """None for rows of another kind, such as seals."""
    try:
        return _Look.model_validate({**row, "home": folder, "runs": set()})
    except ValidationError:
        return None


def _family(benchmark: str, embedded: bool, identity: str, rows: list[_Look]) -> Family:
    evaluations = _evaluations(rows)
    everyone = [(look, candidate) for look in evaluations for candidate in look.candidates]
    holm = adjust([candidate.p_adjusted for _, candidate in everyone])
    levels = {
        up: online_levels(
            [
                [
                    c.p_adjusted
                    if (c.difference > 0) == up and c.verdict_code != "harness"
                    else 1.0
                    for c in look.candidates
                ]
                for look in evaluations
            ],
            evaluations[0].significance,  # a later one changes no verdict of before
        )
        for up in (True, False)
    }
    places = {id(look): number for number, look in enumerate(evaluations, 1)}
    trials = []
    for (look, candidate), p_holm in zip(everyone, holm, strict=True):
        place = places[id(look)]
        level = levels[candidate.difference > 0][place - 1]
        signed = candidate.verdict_code not in ("equal", "unclear", "harness")
        lost = signed and candidate.p_adjusted >= level
        code: Word = "unclear" if lost else candidate.verdict_code
        trials.append(Trial(look, candidate, place, level, p_holm, code))
    return Family(benchmark, embedded, evaluations[-1].reference.model, identity, trials)


def _evaluations(rows: list[_Look]) -> list[_Look]:
    """The looks that count, in the order of their first: of the same answers the last one (graded again, they are no
    new evaluation), and of a run that was never finished the last look."""
    finished = {(look.home, look.run) for look in rows if look.what == "finished"}
    kept: dict[object, _Look] = {}
    for look in rows:
        answers = tuple(sorted((c.identity, c.answers) for c in look.candidates))
        run = look.home, look.run
        key: object = run
        if look.what == "finished":
            key = answers if all(c.answers for c in look.candidates) else (run, answers)
        elif run in finished:
            continue
        before = kept[key].runs if key in kept else set()
        kept[key] = look.model_copy(update={"runs": before | {run}})
    return list(kept.values())
