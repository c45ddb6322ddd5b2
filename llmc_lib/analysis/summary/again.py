"""What a rerun of a candidate and its reference would show, and what it would take to know more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from llmc_lib.analysis import outlook
from llmc_lib.analysis.optimism import chosen
from llmc_lib.analysis.rerun import rerun, rerun_of_winner
from llmc_lib.analysis.shrinkage import shrink
from llmc_lib.analysis.summary.repeats import Repeats
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.variance import difference_variance_parts
from llmc_lib.analysis.verdict import ALPHA, Thresholds


@dataclass(frozen=True)
class Choice:
    """What the choice among several candidates does to each of them."""

    winner: str | None  # the best, by the rule of the run; None where none is above the reference
    shrunken: dict[str, float]  # candidate → its shrunken difference; empty for one candidate

    @classmethod
    def of(cls, table: Table, covariance: np.ndarray, better_in: Sequence[str] | None) -> Choice:
        """`covariance` of the candidates' differences (`simultaneous.family`); the rule of the run, if it has one."""
        outcomes = table.outcomes
        names = outcomes.candidates
        if len(names) < 2:
            return cls(None, {})
        base = outcomes.rates(outcomes.reference)
        differences = np.array([(outcomes.rates(name) - base).mean() for name in names])
        shrunken, _ = shrink(differences, covariance)
        values = {name: float(value) for name, value in zip(names, shrunken, strict=True)}
        return cls(chosen(outcomes, better_in or ()), values)


def blocks(
    table: Table,
    model: str,
    thresholds: Thresholds,
    choice: Choice,
    repeats: Repeats,
    *,
    clear: bool,
    level: float,
) -> dict[str, Any]:
    """`rerun` and `needed` of a comparison in metrics.json.

    `repeats` of the benchmark, whose harness is part of what a rerun adds. `clear`: the difference is better or worse already, and nothing more is needed to know its sign; `level` of the
    comparison with one candidate.
    """
    outcomes = table.outcomes
    right, base = outcomes.correct[model], outcomes.correct[outcomes.reference]
    n, samples, compared = outcomes.n_questions, outcomes.n_samples, len(outcomes.candidates)
    winner = model == choice.winner
    within = repeats.within(difference_variance_parts(right, base), samples)
    again = (
        rerun_of_winner(outcomes, model, within=within, alpha=ALPHA)
        if winner
        else rerun(right, base, within=within, alpha=ALPHA, given="repeat")
    )
    need = outlook.needed_designs(
        n,
        samples,
        difference_variance_parts(right, base, outcomes.cluster),
        thresholds,
        level=level,
        shrunken=choice.shrunken.get(model),
        differing=int((right.sum(axis=1) != base.sum(axis=1)).sum()),
        greedy=table.greedy,
    )
    return {
        "rerun": {
            **asdict(again),
            "picked_from": compared if winner else 0,
            "greedy": table.greedy,
        },
        "needed": asdict(need) if need and not clear else None,
    }
