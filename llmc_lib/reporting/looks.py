"""A report is a look at an evaluation: what goes into the ledgers of it, before there is a page, and what earlier ones take."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from llmc_lib.analysis import race
from llmc_lib.analysis.sequential import Look
from llmc_lib.analysis.summary import LookAt
from llmc_lib.errors import UserError
from llmc_lib.evaluation.race import Race
from llmc_lib.evaluation.results import Results
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.store import Run, fingerprint, ledger, looks, read_settings, sha256_file

#: Looks of a benchmark's ledger, in their order.
Rows = list[dict[str, Any]]
#: What of an answer a verdict rests on.
_DECIDES = ("model", "question_id", "sample", "status", "truncated", "failed")


def of_benchmark(run: Run, benchmark: str) -> Rows:
    """The looks at a benchmark that the ledger of the run has."""
    return [row for row in ledger.scan(run.looks).rows if row.get("benchmark") == benchmark]


def looks_at(run: Run, results: Results) -> dict[str, LookAt]:
    """Benchmark → which look at it this is.

    Earlier looks are those at fewer questions than the benchmark has; one at the same answers as now is this one. Raises
    `UserError` where `evaluation.looks` is not what it was at an earlier look: levels of different plans do not add up.
    """
    planned = run.params.evaluation.planned_looks
    power = race.POWER if run.params.evaluation.stop else 0.0
    waiting = _waiting(run, results)
    gone = _gone(results.race) if results.race else 0
    found = {}
    for name, rows in results.answers.groupby("benchmark", sort=False):
        order = list(results.questions[str(name)])
        if results.race is not None and name == results.race.benchmark:
            found[str(name)] = _last_round(results.race, order)
            continue
        part = (results.partial or {}).get(str(name), {"asked": len(order)})
        now, asked = _digest(rows), part["asked"]
        earlier = {
            str(row.get("data")): row
            for row in of_benchmark(run, str(name))
            if row.get("what") == "partial" and row.get("data") != now
        }
        for row in earlier.values():
            if row.get("planned") != planned:
                raise UserError(
                    f"{run.params_file.name}: evaluation.looks: {planned}, and it was {row.get('planned')} when the evaluation was "
                    f"looked at on {str(row.get('time'))[:10]} ({run.looks}); the levels of two plans cannot be combined: put it back, or "
                    "give the run a new name"
                )
        share = len(order) / asked
        if planned:
            share = max(1, round(share * planned)) / planned
        # Where candidates wait, the others will be looked at again with them.
        alone = len(order) == asked and not earlier and not waiting
        look = Look(share, planned, alone, power)
        found[str(name)] = LookAt(look, order, asked, waiting + gone, len(earlier))
    return found


def _waiting(run: Run, results: Results) -> int:
    """The candidates that have no answers yet, or no more of them; trainings of one recipe are one."""
    names = [name for key in ("not_begun", "stopped") for name in results.manifest.get(key) or ()]
    recipes = run.params.repeated([*results.models, *names])
    for models in recipes.values():
        later = [name for name in models if name in names]
        kept = 0 if len(later) < len(models) else 1
        names = [name for name in names if name not in later[kept:]]
    return len(names)


def _gone(raced: Race) -> int:
    """The candidates that a race has stopped, and that the report's tables leave out."""
    return sum(not raced.is_left(each.model) for each in raced.stopped)


def _last_round(raced: Race, order: list[str]) -> LookAt:
    return LookAt(
        Look(raced.round / raced.rounds, raced.rounds, alone=False, power=race.POWER),
        order,
        raced.asked,
        waiting=_gone(raced),
        earlier=raced.round - 1,
        raced=True,
    )


def record(
    run: Run, results: Results, metrics: Mapping[str, Any], what: Literal["partial", "finished"]
) -> None:
    """Append a row a benchmark to the ledgers. Of an unfinished evaluation a benchmark can be finished.

    Looking again at the same answers, with the same grades, is no new look.
    """
    for row in _rows(run, results, metrics, what):
        looks.record(run, row, once="data")


def params_digest(run: Run) -> str:
    """The digest of a run's params, defaults included."""
    return fingerprint(params=run.params.model_dump(mode="json"))


def _rows(
    run: Run, results: Results, metrics: Mapping[str, Any], what: str
) -> Iterator[dict[str, Any]]:
    # Of a recipe with several trainings its last one is the candidate.
    others = {
        name for models in run.params.repeated(results.models).values() for name in models[:-1]
    }
    for name, rows in results.answers.groupby("benchmark", sort=False):
        block = metrics["benchmarks"][name]
        reference = next(iter(block["models"]))
        asked = (results.partial or {}).get(str(name), {}).get("asked", block["n_questions"])
        if results.race is not None and name == results.race.benchmark:
            asked = results.race.asked
        yield {
            "what": "finished" if block["n_questions"] == asked else what,
            "benchmark": name,
            "kind": block["kind"],
            "embedded": block["embedded"],
            "measure": block["measure"],
            "main": name == metrics["main"],
            "n_questions": block["n_questions"],
            "asked": asked,
            "planned": run.params.evaluation.planned_looks,
            "level": block.get("look", {}).get("level"),
            "n_samples": block["n_samples"],
            "reference": {
                "model": reference,
                "identity": identity(run, results, str(name), reference),
            },
            "significance": block["thresholds"]["significance"],
            "candidates": [
                {
                    "model": found["model"],
                    "identity": identity(run, results, str(name), found["model"]),
                    "difference": found["difference"],
                    "p_value": found["p_value"],
                    "p_adjusted": found["p_adjusted"],
                    "low": found["interval"]["low"],
                    "high": found["interval"]["high"],
                    "verdict_code": found["verdict_code"],
                    "answers": _answers(predictions_file(run, str(name), found["model"])),
                    "e_value": found.get("bets", {}).get("e_value"),
                }
                for found in block["comparisons"]
                if found["model"] not in others
            ],
            "params": params_digest(run),
            "data": _digest(rows),
        }


def identity(run: Run, results: Results, benchmark: str, model: str) -> str:
    """What a model is, in a way that another run has it, too: of the base its source and revision, of any other the
    fingerprint of its files, of imported answers what their params call the model."""
    if run.params.evaluation.imports:
        return f"imported: {results.models[model]}"
    base = run.params.model
    if model == "base" and (base.source == "embedded" or base.revision):
        return base.source + (f"@{base.revision}" if base.revision else "")
    settings = read_settings(predictions_file(run, benchmark, model).with_suffix(".settings.json"))
    return str((settings or {}).get("model") or results.models[model])


def _answers(path: Path) -> str:
    """What of a model's answers stays however they are graded: the digest of their file."""
    return sha256_file(path) if path.is_file() else ""


def _digest(rows: pd.DataFrame) -> str:
    """The SHA-256 of all answers to a benchmark, as they were graded: in whatever order they came."""
    values = rows[list(_DECIDES)].itertuples(index=False, name=None)
    lines = sorted(repr(tuple(map(str, row))) for row in values)
    return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()
