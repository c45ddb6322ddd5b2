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
from llmc_lib.analysis.variance import difference_variance_parts, variance_parts
from llmc_lib.analysis.verdict import ALPHA, Thresholds


@dataclass(frozen=True)
class Choice:
    """What the choice among several candidates does to each of them."""

    winner: str | None  # the best, by the rule of the run; None where none is above the reference
    shrunken: dict[str, float]  # candidate → its shrunken difference; empty for one candidate

    @classmethod
    def of(cls, table: Table, covariance: np.ndarray, better_in: Sequence[str] | None) -> Choice:
        """`covariance` of the candidates' differences (`simultaneous.family`); the rule of the run, if it has one."""
        outcomes = table.units
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
    n, compared = outcomes.n_questions, len(table.units.candidates)
    # Of unequal numbers the smaller one: a design of as many samples of both finds at least what this one does.
    samples = min(right.shape[1], base.shape[1])
    winner = model == choice.winner
    within = None
    if right.shape == base.shape:  # of unequal numbers of samples the parts are not told apart
        within = repeats.within(difference_variance_parts(right, base), samples)
    again = (
        rerun_of_winner(table.units, model, within=within, alpha=ALPHA)
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
        differing=int((right.mean(axis=1) != base.mean(axis=1)).sum()),
        greedy=table.greedy,
    )
    return {
        "rerun": {
            **asdict(again),
            "picked_from": compared if winner else 0,
            "greedy": table.greedy,
        },
        "needed": asdict(need) if need and not clear else None,
        "another_run": None if table.greedy else another_run(right, base),
    }


def another_run(right: np.ndarray, base: np.ndarray) -> dict[str, Any] | None:
    """How much one more run of either model would take off the standard error of the difference, from (n, k) and (n, m)
    answers to the same questions; None where neither has several runs, which tell how much its answers vary from run to run.

    A model's sampling variance W adds W / k to the variance of a question's difference (Miller, "Adding Error Bars to Evals",
    2024, section 3), and one more run takes W / k - W / (k + 1) of it away. Of a model with one run W is not measured: as much
    of its p (1 - p) is taken to be sampling as of the other's (`assumed`), at most what the whole variance leaves.
    """
    tables = {"model": right, "reference": base}
    parts = {role: variance_parts(table) for role, table in tables.items()}
    within = {role: found.within for role, found in parts.items()}
    assumed = next((role for role, value in within.items() if value is None), None)
    if len(base) < 2 or all(value is None for value in within.values()):
        return None
    rates = right.mean(axis=1) - base.mean(axis=1)
    whole = float(rates.var(ddof=1))
    if assumed is not None:
        other = "reference" if assumed == "model" else "model"
        share = (within[other] or 0.0) / parts[other].total if parts[other].total else 0.0
        left = max(0.0, whole - (within[other] or 0.0) / tables[other].shape[1])
        within[assumed] = min(share * parts[assumed].total, left)
    saved = {
        role: (within[role] or 0.0) / (table.shape[1] * (table.shape[1] + 1))
        for role, table in tables.items()
    }
    if not whole > 0 or not max(saved.values()) > 0:
        return None
    return {
        "helps_most": max(saved, key=lambda role: saved[role]),
        "assumed": assumed,
        # Of the standard error, as factors: 0.9 is 10% less.
        **{role: float(np.sqrt(max(0.0, 1 - gain / whole))) for role, gain in saved.items()},
    }
