"""Draw graded answers for people to label: by strata, by the seed, with the inclusion probability of each recorded."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from llmc_lib.analysis.audit_design import allocate, assumed_wrong, select
from llmc_lib.benchmarks import Measure, declared
from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import Results
from llmc_lib.evaluation.stored import grades_file, judged_file, predictions_file
from llmc_lib.store import Run, read_object, sha256_file, sha256_text, write_atomic

#: What these rules graded as wrong has no answer that a person could find right.
OUTSIDE = ("failed", "empty", "missing", "truncated")
_VERSION = 1
_PLAIN = ("benchmark", "seed", "whole", "answers", "grades", "frame")


class Kind(NamedTuple):
    """What the answers of a stratum have in common."""

    model: str
    status: str  # as graded when it was drawn
    discordant: bool  # reference and candidate differ on the question
    disputed: bool  # rules and judge differ on the answer


@dataclass(frozen=True)
class Stratum:
    """Answers of one model from which some are drawn at random without replacement."""

    kind: Kind
    size: int
    drawn: int = 0

    @property
    def inclusion(self) -> float:
        """The inclusion probability of each of its answers."""
        return self.drawn / self.size


@dataclass(frozen=True)
class Item:
    """A drawn answer; its id tells neither model nor grade, and is another one for another text."""

    id: str
    model: str
    question_id: str
    sample: int
    stratum: int
    wave: int  # from 1
    correct: bool  # as graded when it was drawn


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a benchmark, wave by wave.

    `whole`: model → the answers that its rate is of. `answers`, `grades`: the digests of the files of each model, by which
    it is told whether they are still what was drawn from. Strata are those of the grades at the first draw, also where the answers
    are graded anew later.
    """

    benchmark: str
    seed: int
    whole: dict[str, int]
    answers: dict[str, str]
    grades: dict[str, str]
    frame: str  # the digest of which answers there are, in their order
    stratum_of: tuple[int, ...]  # of each of them; -1: there is nothing in it to label
    strata: tuple[Stratum, ...]
    items: tuple[Item, ...] = ()
    waves: tuple[dict[str, Any], ...] = ()
    past: tuple[str, ...] = ()  # ids of answers that were drawn and have changed since

    @property
    def models(self) -> list[str]:
        """The models whose answers are drawn."""
        return list(self.answers)


def record_file(run: Run, benchmark: str) -> Path:
    """Where it is recorded what was drawn of a benchmark."""
    return run.audit / f"{benchmark}.json"


def read_drawn(run: Run, benchmark: str) -> Drawn | None:
    """What was drawn before; None where nothing was."""
    found = read_object(record_file(run, benchmark))
    if found is None:
        return None
    try:
        strata = tuple(
            Stratum(Kind(**row["kind"]), row["size"], row["drawn"]) for row in found["strata"]
        )
        items = tuple(
            Item(**{k: v for k, v in row.items() if k != "inclusion"}) for row in found["items"]
        )
        rest = {name: found[name] for name in _PLAIN}
        if isinstance(rest["whole"], int):  # as it was written when all models had as many samples
            rest["whole"] = dict.fromkeys(found["answers"], rest["whole"])
        return Drawn(
            **rest,
            stratum_of=tuple(found["stratum_of"]),
            strata=strata,
            items=items,
            waves=tuple(found["waves"]),
            past=tuple(found["past"]),
        )
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{record_file(run, benchmark)}: is not as make audit writes it ({error}); remove it to draw again: labels of the "
            "answers drawn before cannot be used then"
        ) from None


def keep_drawn(run: Run, drawn: Drawn) -> None:
    """Record what was drawn, each answer with its chance to be drawn."""
    items = [
        {**asdict(item), "inclusion": drawn.strata[item.stratum].inclusion} for item in drawn.items
    ]
    strata = [
        {"kind": stratum.kind._asdict(), "size": stratum.size, "drawn": stratum.drawn,
         "inclusion": stratum.inclusion} for stratum in drawn.strata
    ]  # fmt: skip
    written = {"version": _VERSION, **asdict(drawn), "strata": strata, "items": items}
    write_atomic(
        record_file(run, drawn.benchmark), json.dumps(written, indent=1, ensure_ascii=False)
    )


def draw_more(
    run: Run, results: Results, benchmark: str, n: int, labels: Mapping[str, bool | None]
) -> Drawn:
    """Draw until `n` answers wait for a label, and record it; those that wait already count, so that the same call draws nothing more.

    `labels`: drawn answer → is it right (None: unclear). The first draw is allocated by what is usual, later ones by what the labels show. What was drawn
    of answers that have changed since is given up.

    Raises `UserError` for a benchmark whose rate is not one of right or of safe answers, and where there is nothing to draw.
    """
    _check_measure(run, results, benchmark)
    before = read_drawn(run, benchmark)
    drawn = current(run, results, before)
    if drawn is None:
        drawn = _begun(run, results, benchmark, before)
    if not drawn.strata:
        raise UserError(
            f"{run.params_file.name}: {benchmark}: there is nothing to label, as no answer was finished"
        )
    waiting = sum(item.id not in labels for item in drawn.items)
    more = max(n - waiting, 0)
    hits, wrong = _seen(drawn, labels)
    counts = allocate(
        [stratum.size for stratum in drawn.strata],
        [assumed_wrong(k.status, discordant=k.discordant, disputed=k.disputed)
         for k in (stratum.kind for stratum in drawn.strata)],
        more,
        [stratum.drawn for stratum in drawn.strata],
        np.where(hits > 0, wrong / np.maximum(hits, 1), 0) * [s.drawn for s in drawn.strata],
    )  # fmt: skip
    made = _taken(results, drawn, counts)
    keep_drawn(run, made)
    return made


def current(run: Run, results: Results, drawn: Drawn | None) -> Drawn | None:
    """What was drawn, if it is of the present answers of all present models; else None."""
    if drawn is None:
        return None
    names = list(results.models)
    if drawn.models != names or drawn.answers != _digests(run, drawn.benchmark, names):
        return None
    return drawn if drawn.frame == _frame(_rows(results, drawn.benchmark)) else None


def graded_since(run: Run, drawn: Drawn) -> bool:
    """Were the answers graded anew since they were drawn?"""
    return drawn.grades != _grades(run, drawn.benchmark, drawn.models)


def item_id(benchmark: str, model: str, question_id: str, sample: int, response: str) -> str:
    """What a drawn answer is called."""
    key = [benchmark, model, question_id, sample, sha256_text(response)]
    return sha256_text(json.dumps(key))[:16]


def _check_measure(run: Run, results: Results, benchmark: str) -> None:
    fitting = [
        name
        for name, kind in results.kinds.items()
        if declared(kind).measure in (Measure.ACCURACY, Measure.SAFETY)
    ]
    if benchmark not in fitting:
        raise UserError(
            f"{run.params_file.name}: BENCHMARK={benchmark}: only benchmarks of accuracy or of safe responses can be audited: "
            f"{', '.join(fitting)}"
        )


def _begun(run: Run, results: Results, benchmark: str, before: Drawn | None) -> Drawn:
    """The strata of all answers that can be labelled; nothing is drawn yet. `before`: what is given up."""
    names, rows = list(results.models), _rows(results, benchmark)
    kinds = _kinds(names, rows)
    order = ("correct", "incorrect", "ungraded")
    listed = sorted(
        {kind for kind in kinds if kind},
        key=lambda k: (names.index(k.model), order.index(k.status), k.discordant, k.disputed),
    )
    number = {kind: at for at, kind in enumerate(listed)}
    counts = Counter(kinds)
    return Drawn(
        benchmark,
        run.params.seed,
        {name: int((rows["model"] == name).sum()) for name in names},
        _digests(run, benchmark, names),
        _grades(run, benchmark, names),
        _frame(rows),
        tuple(number[kind] if kind else -1 for kind in kinds),
        tuple(Stratum(kind, counts[kind]) for kind in listed),
        past=(*before.past, *(item.id for item in before.items)) if before else (),
    )


def _rows(results: Results, benchmark: str) -> pd.DataFrame:
    return results.answers[results.answers["benchmark"] == benchmark]


def _frame(rows: pd.DataFrame) -> str:
    keys = zip(rows["model"], rows["question_id"], rows["sample"].map(int), strict=True)
    return sha256_text(json.dumps(list(keys)))


def _kinds(names: list[str], rows: pd.DataFrame) -> list[Kind | None]:
    """The kind of each answer by its present grade; None where there is nothing to label."""
    keys = list(zip(rows["model"], rows["question_id"], rows["sample"], strict=True))
    correct = dict(zip(keys, rows["correct"], strict=True))
    samples = rows.groupby("model", observed=True)["sample"].max() + 1
    found: list[Kind | None] = []
    for key, row in zip(keys, rows.to_dict("records"), strict=True):
        if row["rule"] in OUTSIDE or row["status"] == "missing":
            found.append(None)
            continue
        other = names[-1] if key[0] == names[0] else names[0]
        by = row.get("by_rules"), row.get("by_judge")
        disputed = all(isinstance(one, str) for one in by) and (
            (by[0] == "correct") != (by[1] == "correct")
        )
        # Of a model that was asked less often the same answer serves for several.
        beside = other, key[1], key[2] % samples[other]
        discordant = bool(correct[key]) != bool(correct[beside])
        found.append(Kind(key[0], row["status"], discordant, disputed))
    return found


def _seen(drawn: Drawn, labels: Mapping[str, bool | None]) -> tuple[Any, Any]:
    """(H,): labelled answers of each stratum, and how many of them were graded wrongly."""
    hits, wrong = np.zeros(len(drawn.strata)), np.zeros(len(drawn.strata))
    for item in drawn.items:
        if (label := labels.get(item.id)) is not None:
            hits[item.stratum] += 1
            wrong[item.stratum] += label != item.correct
    return hits, wrong


def _taken(results: Results, drawn: Drawn, counts: Any) -> Drawn:
    """With the answers that `counts` asks for."""
    strata = tuple(replace(s, drawn=int(n)) for s, n in zip(drawn.strata, counts, strict=True))
    if strata == drawn.strata:
        return drawn
    of = np.array(drawn.stratum_of)
    rows = _rows(results, drawn.benchmark)[of >= 0].assign(stratum=of[of >= 0])
    luck = [_luck(drawn, *key) for key in zip(rows["question_id"], rows["sample"], strict=True)]
    had = {(item.model, item.question_id, item.sample) for item in drawn.items}
    wave, new = len(drawn.waves) + 1, []
    for row in rows[select(of[of >= 0], luck, counts)].to_dict("records"):
        key = row["model"], row["question_id"], int(row["sample"])
        if key not in had:
            _, response = results.texts.get((drawn.benchmark, *key), ("", ""))
            id_ = item_id(drawn.benchmark, *key, response)
            new.append(Item(id_, *key, int(row["stratum"]), wave, bool(row["correct"])))
    time = datetime.now(UTC).isoformat(timespec="seconds")
    waves = (*drawn.waves, {"time": time, "answers": len(new)})
    return replace(drawn, strata=strata, items=(*drawn.items, *new), waves=waves)


def _luck(drawn: Drawn, question_id: str, sample: int) -> float:
    """A random number from 0 to 1: the same for all models."""
    key = json.dumps([drawn.seed, drawn.benchmark, question_id, int(sample)])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64


def _digests(run: Run, benchmark: str, models: Sequence[str]) -> dict[str, str]:
    return {model: sha256_file(predictions_file(run, benchmark, model)) for model in models}


def _grades(run: Run, benchmark: str, models: Sequence[str]) -> dict[str, str]:
    return {
        model: "-".join(
            sha256_file(path)[:16]
            for path in (grades_file(run, benchmark, model), judged_file(run, benchmark, model))
            if path.exists()
        )
        for model in models
    }
