"""A model that answered twice: what the harness alone made of its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.arrays import column_arrays
from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.repeat import harness_part, turned, within_rerun
from llmc_lib.analysis.sequential import Look
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.analysis.verdict import Thresholds


@dataclass(frozen=True)
class Repeats:
    """The repeats of a benchmark."""

    found: list[dict[str, Any]]  # `repeats` of its block in metrics.json
    harness: float | None = None  # the largest `harness_part` of all; None without a repeat

    @property
    def blocks(self) -> bool:
        """Is the difference of any clear? Then no verdict is given."""
        return any(each["clear"] for each in self.found)

    def within(self, parts: VarianceParts, samples: int, models: int = 2) -> float | None:
        """`within` of the next run of a score or a difference, as `repeat.within_rerun`; None without a repeat."""
        if self.harness is None:
            return None
        return within_rerun(parts, self.harness, samples, models)


def repeats_of(
    table: Table,
    again: Mapping[str, pd.DataFrame],
    thresholds: Thresholds,
    look: Look | None = None,
) -> Repeats:
    """Compare each model that answered twice with itself.

    Parameters: `again`, name → the rows of the second time, all of one model of the table and on its questions; the
    `look`, where the evaluation is not finished or was looked at before. m repeats are each tested at the significance / m
    (Bonferroni), and at a look at the nominal level of that (`Look.level`), so that all tests of repeats of a benchmark together raise a
    false alarm with a chance of at most the significance.
    """
    at = look or Look()
    share = thresholds.significance / max(len(again), 1)
    found, parts = [], []
    for name, rows in again.items():
        model = str(rows["model"].iloc[0])
        first = table.outcomes.correct[model]
        second = _aligned(table, rows, model)
        level = at.level(share)
        test = paired_comparison(second, first, level, table.outcomes.cluster)
        p_adjusted = min(1.0, len(again) * at.p_value(test.p_value))
        parts.append(harness_part(first, second))
        found.append(
            {
                "name": name,
                "model": model,
                "n": test.n,
                "rate": float(second.mean()),
                "first_rate": float(first.mean()),
                "difference": test.difference,
                "interval": {"low": test.low, "high": test.high, "level": level, "narrow": test.narrow,
                             "candidates": 1, **({} if at.alone else {"looks": True})},
                "p_value": test.p_value,
                "p_adjusted": p_adjusted,
                "clear": p_adjusted < thresholds.significance,
                "gained": test.gained,
                "lost": test.lost,
                "turned": turned(first, second),
                "variance": {"harness": parts[-1]},
                "answers_changed": _changed(table, rows, model),
            }
        )  # fmt: skip
    return Repeats(found, max(parts) if parts else None)


def _aligned(table: Table, rows: pd.DataFrame, model: str) -> np.ndarray:
    """(n, k) bool: what is correct of the second time, in the order of the table."""
    other = Table.of(table.kind, rows).outcomes
    if not np.array_equal(other.question_ids, table.outcomes.question_ids):
        raise ValueError(f"{model} did not answer the same questions twice")
    return other.correct[model]


def _changed(table: Table, rows: pd.DataFrame, model: str) -> int | None:
    """How many final answers are another text the second time; None where the rows do not have them."""
    if "extracted" not in table.rows or "extracted" not in rows:
        return None
    first = table.arrays("extracted")[model]
    second = column_arrays(Table.of(table.kind, rows).rows, "extracted")[model]
    return int((first != second).sum())


def without_verdict(found: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison's block with the code of a verdict that a repeat blocks; its numbers stay."""
    clear = {"significant": False} if "significant" in found else {}
    return {**found, "verdict": "harness", **clear}
