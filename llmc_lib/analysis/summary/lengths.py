"""Accuracy by length, by how a completion ended, and at smaller token limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from llmc_lib.analysis.arrays import token_arrays
from llmc_lib.analysis.given import NotKnown
from llmc_lib.analysis.length import ALL, accuracy_by_finish, accuracy_by_length
from llmc_lib.analysis.summary.table import Table, records
from llmc_lib.analysis.token_limit import limit_curve, limit_differences, order_changes
from llmc_lib.analysis.verdict import ALPHA


def blocks(table: Table) -> dict[str, Any]:
    """`finish`, `length`, `limits`, `limit_differences` and `order_changes`, as lists of rows; where lengths
    are not known they are None, and `length_not_known` says why. Limits are of all categories together."""
    correct, category = table.outcomes.correct, list(table.outcomes.category)
    options: dict[str, Any] = {"alpha": ALPHA, "clusters": table.outcomes.cluster}
    found: dict[str, Any] = {
        "finish": records(accuracy_by_finish(correct, _ended(table), category, **options))
    }
    nothing = dict.fromkeys(("length", "limits", "limit_differences", "order_changes"))
    if "completion_tokens" not in table.rows:
        return {**found, **nothing, "length_not_known": {"code": "no_token_counts"}}
    tokens = token_arrays(table.rows)
    try:
        lengths = accuracy_by_length(correct, tokens, category, **options)
        differences = limit_differences(correct, tokens, table.outcomes.reference, **options)
        limits = limit_curve(correct, tokens, **options)
    except NotKnown as error:
        return {**found, **nothing, "length_not_known": error.reason}
    return {
        **found,
        "length": records(lengths),
        "limits": records(limits[limits["category"] == ALL].drop(columns="category")),
        "limit_differences": records(differences),
        "order_changes": records(order_changes(differences)),
    }


def _ended(table: Table) -> dict[str, np.ndarray[Any, Any]]:
    """Model → how each answer ended: "stop", "length", "failed" or "missing"."""
    status, failed, truncated = (table.arrays(c) for c in ("status", "failed", "truncated"))
    return {
        model: np.select(
            [status[model] == "missing", failed[model].astype(bool), truncated[model].astype(bool)],
            ["missing", "failed", "length"],
            "stop",
        )
        for model in status
    }
