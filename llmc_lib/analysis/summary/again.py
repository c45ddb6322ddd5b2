"""What a rerun of a candidate and its reference would show, and what it would take to know more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from llmc_lib.analysis import outlook
from llmc_lib.analysis.bootstrap import Totals
from llmc_lib.analysis.optimism import chosen
from llmc_lib.analysis.rerun import rerun, rerun_of_winner
from llmc_lib.analysis.shrinkage import shrink
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.variance import difference_variance_parts
from llmc_lib.analysis.verdict import ALPHA, Thresholds


@dataclass(frozen=True)
class Candidates:
    """What the choice among several candidates does to each of them."""

    winner: str | None  # the best, by the rule of the run; None where none is above the reference
    shrunken: dict[str, float]  # candidate → its shrunken difference; empty for one candidate

    @classmethod
    def of(cls, table: Table, better_in: Sequence[str] | None) -> Candidates:
        outcomes = table.outcomes
        names = outcomes.candidates
        if len(names) < 2 or len(np.unique(_groups(table))) < 2:
            return cls(None, {})
        base = outcomes.rates(outcomes.reference)
        differences = np.stack([outcomes.rates(name) - base for name in names], axis=1)
        covariance = Totals.of(differences, outcomes.cluster).covariance
        shrunken, _ = shrink(differences.mean(axis=0), covariance)
        values = {name: float(value) for name, value in zip(names, shrunken, strict=True)}
        return cls(chosen(outcomes, better_in or ()), values)


def blocks(
    table: Table,
    model: str,
    thresholds: Thresholds,
    candidates: Candidates,
    *,
    clear: bool,
    level: float | None = None,
) -> dict[str, Any]:
    """`rerun` and `needed` of a comparison in metrics.json.

    `clear`: the difference is better or worse already, and nothing more is needed to know its sign; `level` of the
    comparison with one candidate (None: Bonferroni's).
    """
    outcomes = table.outcomes
    right, base = outcomes.correct[model], outcomes.correct[outcomes.reference]
    n, samples, compared = outcomes.n_questions, outcomes.n_samples, len(outcomes.candidates)
    winner = model == candidates.winner
    again = (
        rerun_of_winner(outcomes, model, alpha=ALPHA) if winner else rerun(right, base, alpha=ALPHA)
    )
    picked_from = compared if winner else 0
    need = outlook.needed_sentence(
        n,
        samples,
        difference_variance_parts(right, base),
        thresholds,
        level=thresholds.significance / compared if level is None else level,
        shrunken=candidates.shrunken.get(model),
    )
    return {
        "rerun": {
            **asdict(again),
            "picked_from": picked_from,
            "sentence": outlook.rerun_sentence(again, n, samples, picked_from),
        },
        "needed": None if clear else need or None,
    }


def _groups(table: Table) -> np.ndarray:
    clusters = table.outcomes.cluster
    return table.outcomes.question_ids if clusters is None else clusters
