"""The figures of one model."""

from __future__ import annotations

from typing import Any

import numpy as np

from llmc_lib.analysis.calibration import calibration
from llmc_lib.analysis.given import NotKnown
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.official import official
from llmc_lib.analysis.pass_at_k import answer_keys, majority_at_k_curve, pass_at_k_curve
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.summary import answered
from llmc_lib.analysis.summary.repeats import Repeats
from llmc_lib.analysis.summary.table import Table, groups_key, plain, rate_key, records
from llmc_lib.analysis.variance import variance_parts
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.benchmarks import declared, measure


def facts(table: Table, model: str, repeats: Repeats) -> dict[str, Any]:
    """The block of a model in metrics.json; `repeats` of its benchmark."""
    rows, correct = table.of_model(model), table.outcomes.correct[model]
    ended = ~rows["truncated"] & ~rows["failed"]
    missing = rows["status"] == "missing"
    found: dict[str, Any] = {
        **_rate(table, model, slice(None)),
        "n_samples": correct.shape[1],
        "n_answered": int(ended.sum()),
        "n_truncated": int(rows["truncated"].sum()),
        "n_failed": int((rows["failed"] & ~missing).sum()),
        "n_missing": int(missing.sum()),
        "n_ungraded": int((rows["status"] == "ungraded").sum()),
    }
    if declared(table.kind).official:
        found["official"] = official(rows[ended])
    parts = variance_parts(correct)
    within = repeats.within(parts, correct.shape[1], models=1)
    again = rerun(correct, within=within, alpha=ALPHA, given="repeat")
    found["variance"] = {"total": parts.total, "within": parts.within, "between": parts.between}
    found["rerun"] = {"low": again.low, "high": again.high, "basis": again.basis}
    if measure(table.kind) == "accuracy":
        found["answered"] = answered.facts(table, model)
        found |= _at_k(table, model)
        found["calibration"] = _calibration(table, model)
    found[groups_key(table.kind)] = {
        name: {
            **_rate(table, model, at),
            "n": len(at),
            "n_without": int(table.missing[model][at].sum()),  # without an answer
        }
        for name, at in table.groups.items()
    }
    return found


def _rate(table: Table, model: str, at: Any) -> dict[str, Any]:
    values = table.outcomes.correct[model][at]
    low, high = rate_interval(values, ALPHA, table.outcomes.clusters(at))
    return {rate_key(table.kind): float(values.mean()), "ci95": [low, high]}


def _at_k(table: Table, model: str) -> dict[str, Any]:
    """pass@k and majority@k, where there are several samples."""
    correct = table.outcomes.correct[model]
    if correct.shape[1] == 1:
        return {}
    clusters = table.outcomes.cluster
    found: dict[str, Any] = {
        "pass_at_k": records(pass_at_k_curve(correct, alpha=ALPHA, clusters=clusters))
    }
    if "extracted" in table.rows:
        keys = answer_keys(table.arrays("extracted")[model], correct)
        try:
            curve = majority_at_k_curve(keys, correct, alpha=ALPHA, clusters=clusters)
        except NotKnown as error:  # a judge can find an answer right that the rules did not find
            found["majority_at_k"] = None
            found["majority_not_known"] = error.reason
        else:
            found["majority_at_k"] = records(curve)
    return found


def _calibration(table: Table, model: str) -> dict[str, Any] | None:
    """None where fewer than two questions have an answer that states a confidence."""
    if "confidence" not in table.rows:
        return None
    confidence = table.arrays("confidence")[model].astype(float) / 100
    correct = table.outcomes.correct[model]
    if np.isfinite(confidence).any(axis=1).sum() < 2:
        return None
    found = calibration(
        np.clip(confidence, 0, 1), correct, alpha=ALPHA, clusters=table.outcomes.cluster
    )
    values: dict[str, Any] = {
        name: plain(value)
        for name, value in vars(found).items()
        if name not in ("curve", "rms", "ece")
    }
    for name in ("rms", "ece"):
        error = getattr(found, name)
        values[name] = {k: plain(v) for k, v in vars(error).items()}
    return {**values, "curve": records(found.curve)}
