"""A comparison under several prompts: each by itself, whether they differ, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.crossed import crossed, interaction
from llmc_lib.analysis.simultaneous import Family
from llmc_lib.analysis.summary.table import Table, plain
from llmc_lib.analysis.verdict import Thresholds, verdict


def block(
    tables: Mapping[str, Table],
    model: str,
    thresholds: Thresholds,
    of_all: Family,
    *,
    blocked: bool,
) -> dict[str, Any] | None:
    """`prompts` of a comparison in metrics.json; None with one prompt.

    Parameters: `tables`, prompt → the answers under it, the first that of the verdict, all on the same questions; `of_all`, the
    family of the candidates, whose level holds for all of them under one prompt; `blocked`: no verdict is given.
    """
    if len(tables) < 2:
        return None
    first = next(iter(tables.values())).outcomes
    cases, counts, samples = [], [], 1
    for name, table in tables.items():
        right, base = (table.outcomes.correct[m] for m in (model, first.reference))
        found = paired_comparison(right, base, of_all.level, first.cluster)
        p_adjusted = of_all.adjust(found.p_value)
        word = verdict(found, thresholds, p_adjusted, low_is_good=table.low_is_good)
        # Of unequal numbers of samples over their product.
        k, m = right.shape[1], base.shape[1]
        samples, scale = (k, (1, 1)) if k == m else (k * m, (m, k))
        counts.append(scale[0] * right.sum(axis=1) - scale[1] * base.sum(axis=1))
        cases.append(
            {
                "prompt": name,
                "n": found.n,
                "rate": float(right.mean()),
                "reference_rate": float(base.mean()),
                "difference": found.difference,
                "low": found.low,
                "high": found.high,
                "p_adjusted": p_adjusted,
                "verdict": "harness" if blocked else word,
            }
        )
    others = _interactions(counts, list(tables)[1:], samples, first.cluster, of_all, thresholds)
    differences = np.stack(counts, axis=1) / samples
    groups = first.n_clusters or first.n_questions
    over = crossed(differences, of_all.level, first.cluster) if groups > 1 else None
    return {
        "cases": cases,
        "interactions": others,
        "depends": any(each["clear"] for each in others),
        "over": over and {key: plain(value) for key, value in vars(over).items()},
    }


def _interactions(
    counts: list[np.ndarray],
    names: list[str],
    samples: int,
    clusters: np.ndarray | None,
    of_all: Family,
    thresholds: Thresholds,
) -> list[dict[str, Any]]:
    """The difference under each other prompt minus that under the first, at the level of the family shared among prompts."""
    found = []
    for name, other in zip(names, counts[1:], strict=True):
        test = interaction(counts[0], other, samples, clusters)
        level = of_all.level / len(names)
        low, high = test.interval(level)
        p_adjusted = min(1.0, of_all.adjust(min(1.0, len(names) * test.p_value)))
        found.append(
            {
                "prompt": name,
                "difference": test.difference,
                "low": low,
                "high": high,
                "level": level,
                "p_value": test.p_value,
                "p_adjusted": p_adjusted,
                "clear": p_adjusted < thresholds.significance,
            }
        )
    return found


def tables_of(table: Table, prompts: Mapping[str, pd.DataFrame], first: str) -> dict[str, Table]:
    """Prompt → table, the first the benchmark's own; those of which the rows have other questions are refused by `ValueError`."""
    found = {first: table}
    for name, rows in prompts.items():
        other = Table.of(table.kind, rows, greedy=table.greedy, embedded=table.embedded)
        if not np.array_equal(other.outcomes.question_ids, table.outcomes.question_ids):
            raise ValueError(f"the answers under {name!r} are to other questions")
        found[name] = other
    return found
