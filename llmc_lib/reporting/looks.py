"""A report is a look at an evaluation: what goes into the ledgers of it, before there is a page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pandas as pd

from llmc_lib.evaluation.results import Results, predictions_file
from llmc_lib.store import Run, fingerprint, looks, read_settings

#: What of an answer a verdict rests on.
_DECIDES = ("model", "question_id", "sample", "status", "truncated", "failed")


def record(
    run: Run, results: Results, metrics: Mapping[str, Any], what: Literal["partial", "finished"]
) -> list[dict[str, Any]]:
    """Append a row a benchmark to the ledgers, and return them as they are there.

    Looking again at the same answers, with the same grades, is no new look: its row of before is returned.
    """
    return [looks.record(run, row, once="data") for row in _rows(run, results, metrics, what)]


def params_digest(run: Run) -> str:
    """The digest of a run's params, defaults included."""
    return fingerprint(params=run.params.model_dump(mode="json"))


def _rows(
    run: Run, results: Results, metrics: Mapping[str, Any], what: str
) -> Iterator[dict[str, Any]]:
    for name, rows in results.answers.groupby("benchmark", sort=False):
        block = metrics["benchmarks"][name]
        reference = next(iter(block["models"]))
        yield {
            "what": what,
            "benchmark": name,
            "kind": block["kind"],
            "embedded": block["embedded"],
            "measure": block["measure"],
            "main": name == metrics["main"],
            "n_questions": block["n_questions"],
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
                }
                for found in block["comparisons"]
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


def _digest(rows: pd.DataFrame) -> str:
    """The SHA-256 of all answers to a benchmark, as they were graded: in whatever order they came."""
    columns = rows[list(_DECIDES)].itertuples(index=False, name=None)
    lines = sorted(repr(tuple(map(str, row))) for row in columns)
    return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()
