"""Accuracy among the answers in which a final answer was found, beside accuracy.

A model that only learns to end and to state an answer gains accuracy over all questions and none here. The
answers compared are those that happened to be found, of both models: a description of where a difference comes
from, not a comparison of equals. No verdict rests on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import ALPHA


def facts(table: Table, model: str) -> dict[str, Any]:
    """`found` of `of` answers have a final answer; `rate` of these are right, `ci95`, None where none is found.

    Wilson's interval over the answers found; with several samples or clusters it is clustered by question
    (cluster).
    """
    found = table.answered[model]
    n = int(found.sum())
    block: dict[str, Any] = {"found": n, "of": found.size, "rate": None, "ci95": None}
    if n:
        right = table.outcomes.correct[model][found]
        block["rate"] = float(right.mean())
        block["ci95"] = list(rate_interval(right, ALPHA, _clusters(table, found)))
    return block


def paired(table: Table, model: str) -> dict[str, Any] | None:
    """A candidate against the reference on the answers that both have (of unequal numbers of samples the first of each): n (answers), difference, ci95, p_value,
    gained, lost; None where there is none. The test is `paired_comparison`'s, of this comparison alone."""
    found, reference = table.answered, table.outcomes.reference
    right = table.outcomes.correct
    k = min(right[model].shape[1], right[reference].shape[1])
    both = found[model][:, :k] & found[reference][:, :k]
    if not both.any():
        return None
    comparison = paired_comparison(
        right[model][:, :k][both], right[reference][:, :k][both], ALPHA, _clusters(table, both)
    )
    return {
        "n": int(both.sum()),
        "difference": comparison.difference,
        "ci95": [comparison.low, comparison.high],
        "p_value": comparison.p_value,
        "gained": comparison.gained,
        "lost": comparison.lost,
    }


def _clusters(table: Table, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The cluster of each of these answers; None where each is a question of its own."""
    clusters = table.outcomes.cluster
    if clusters is None and at.shape[1] == 1:
        return None
    names = np.arange(len(at)) if clusters is None else np.asarray(clusters)
    return np.asarray(np.broadcast_to(names[:, None], at.shape)[at])
