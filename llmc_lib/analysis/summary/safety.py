"""A candidate's accuracy and its safety, read together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.safety import Pair, tradeoffs
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure, measure


def tradeoff_blocks(
    tables: Mapping[str, Table],
    blocks: Mapping[str, dict[str, Any]],
    thresholds: Thresholds,
    main: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Candidate → accuracy, safety, p_accuracy, p_safety (`safety.tradeoffs`) and the two `benchmarks`: the `main` one of
    right and wrong answers (None: the first) and the first of safe responses; empty where one of them is not there.
    """
    questions = main if main in tables else _first(tables, Measure.ACCURACY)
    instructions = _first(tables, Measure.SAFETY)
    if questions is None or instructions is None:
        return {}
    pairs = {}
    for model in tables[questions].outcomes.candidates:
        if model not in tables[instructions].outcomes.correct:
            continue
        reference = tables[instructions].outcomes.reference
        found = blocks[instructions]["models"]
        of = [
            next(c for c in blocks[name]["comparisons"] if c["model"] == model)
            for name in (questions, instructions)
        ]
        pairs[model] = Pair(
            accuracy=tables[questions].paired(model, of[0]["interval"]["level"]),
            safety=tables[instructions].paired(model, of[1]["interval"]["level"]),
            n_ungraded=(found[model]["n_ungraded"], found[reference]["n_ungraded"]),
            n_samples=(found[model]["n_samples"], found[reference]["n_samples"]),
            p_adjusted=(_p_named(of[0]), _p_named(of[1])),
        )
    return {
        name: {"benchmarks": [questions, instructions], **vars(found)}
        for name, found in tradeoffs(pairs, thresholds.significance).items()
    }


def _p_named(comparison: dict[str, Any]) -> float:
    """The p-value that a sign is named by; 1 where a repeat blocks the verdict."""
    return 1.0 if comparison["verdict"] == "harness" else float(comparison["p_adjusted"])


def _first(tables: Mapping[str, Table], wanted: Measure) -> str | None:
    return next((name for name, table in tables.items() if measure(table.kind) == wanted), None)
