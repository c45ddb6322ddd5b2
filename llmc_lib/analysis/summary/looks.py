"""An unfinished evaluation, or one that was looked at before it was finished: at which levels it is tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.betting import Bets
from llmc_lib.analysis.compare import together
from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.sequential import FamilyAtLook, Look, at_look, at_round
from llmc_lib.analysis.simultaneous import Family, family_before
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import ALPHA, Thresholds


@dataclass(frozen=True)
class LookAt:
    """A look at the answers to one benchmark.

    `look`: which share of the questions it has, and how looks share the significance; `order`, the ids of the questions that it
    has, as they were drawn; `asked`, how many the benchmark has; `waiting`, candidates without any answer yet, or that a race has
    stopped; `earlier`, how many looks at fewer questions there have been.
    """

    look: Look
    order: Sequence[str]
    asked: int
    waiting: int = 0
    earlier: int = 0
    raced: bool = False  # the look is the last round of a race of all these candidates


def family_of(table: Table, thresholds: Thresholds, at: LookAt | None, seed: int) -> Family:
    """The level of each candidate's comparison; at a look (None: the only one) the nominal one."""

    def made(alpha: float) -> Family:
        return together(table.units, alpha, seed)

    if at is None:
        return made(thresholds.significance)
    # The other benchmarks of a race, too, are of all its candidates.
    if at.raced or (at.look.alone and at.waiting):
        there = made(thresholds.significance)
        whole = family_before(there.candidates + at.waiting, thresholds.significance)
        return at_round(whole, at.look, there.covariance)
    return at_look(made, at.look, thresholds.significance, at.waiting)


def block(at: LookAt, of_all: Family, thresholds: Thresholds) -> dict[str, Any] | None:
    """`look` of a benchmark in metrics.json; None for the only one."""
    if not isinstance(of_all, FamilyAtLook) or of_all.look.alone:
        return None
    return {
        "n_questions": len(at.order),
        "asked": at.asked,
        "planned": at.look.planned,
        "number": at.look.number,
        "earlier": at.earlier,
        "waiting": at.waiting,
        "significance": thresholds.significance,
        "level": of_all.level,
        "level_at_end": of_all.level_at_end,
        "level_alone": of_all.whole.level,
    }


def stopped(
    right: NDArray[np.int64],
    reference: NDArray[np.int64],
    samples: int,
    level: float,
    clusters: ArrayLike | None = None,
) -> dict[str, Any]:
    """The comparison of a candidate that a race has stopped: (n,) right answers to each question it was asked, and labels of their
    clusters."""
    found = difference_test(right - reference, samples, clusters)
    low, high = found.interval(level)
    return {
        "n_questions": len(right),
        "difference": found.difference,
        "low": low,
        "high": high,
        "level": level,
        "p_value": found.p_value,
    }


def bets(table: Table, model: str, at: LookAt) -> dict[str, Any]:
    """`bets` of a comparison: what holds at any time and without a normal distribution (`betting.Bets`).

    `e_value` against no difference on questions like these, None for clusters, whose questions come apart; `full`, what all
    questions of the benchmark will show, at 95%.
    """
    outcomes = table.outcomes
    place = {id_: number for number, id_ in enumerate(outcomes.question_ids)}
    order = np.array([place[id_] for id_ in at.order])
    differences = (outcomes.rates(model) - outcomes.rates(outcomes.reference))[order]
    whole = Bets(differences, at.asked, finite=True)
    return {
        "e_value": None if outcomes.cluster is not None else Bets(differences, at.asked).e_value,
        "full": list(whole.interval(ALPHA)),
    }
