"""The mixtures of a run, drawn from the same selected rows: its own, and those of the candidates.

A candidate whose params give a mixture has rows of its own; the others are trained on the run's. What
holds between the mixtures (no row that one is validated on is trained on by another) is in `mixture`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.benchmarks import declared
from llmc_lib.dataset.finish import Written
from llmc_lib.dataset.steps.mixture import Mixture, held_out, mix
from llmc_lib.errors import UserError
from llmc_lib.language import N_
from llmc_lib.params import DatasetParams
from llmc_lib.store import Run
from llmc_lib.taxonomy import CATEGORIES, GENERAL, HLE_SHARES


@dataclass(frozen=True)
class Drawn:
    """A mixture, and what it was drawn for."""

    folder: str  # within the data set's: the candidate's name, or "" for the run's own mixture
    mixture: Mixture
    target: dict[str, float]
    target_origin: str  # in words
    available: dict[str, int]  # rows of each category that it could draw from

    def facts(self, written: Written) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "target": self.target,
            "target_origin": self.target_origin,
            "available": self.available,
            "mixed": self.mixture.counts,
            "limiting_category": self.mixture.limiting_category,
            "mixture_cost": self.mixture.cost,
            "total_variation": round(self.mixture.total_variation, 4),
            "rows": written.rows,
            "composition": {name: dict(sorted(n.items())) for name, n in written.by.items()},
            "tokens": written.token_facts(),
        }


def draw(run: Run, rows: pd.DataFrame) -> list[Drawn]:
    """Draw all mixtures of the run, its own first.

    Parameters: the selected `rows` of all sources, with the columns that `mix` asks for but held.

    Raises `UserError` with a line for each mixture that cannot be had.
    """
    rows = rows.assign(held=held_out(rows, run.params.dataset.validation))
    seeds = _draw_seeds(run)
    wanted = [("", "dataset", run.params.dataset)]
    wanted += [
        (name, f"candidates: {name}: mixture", params) for name, params in own_mixtures(run).items()
    ]
    drawn, errors = [], []
    for folder, key, params in wanted:
        pool = redrawn(rows, seeds[folder]) if folder in seeds else rows
        try:
            drawn.append(_draw(run, pool, folder, key, params))
        except UserError as error:
            errors.append(f"{run.params_file.name}: {error}")
    if errors:
        raise UserError("\n".join(errors))
    return drawn


def own_mixtures(run: Run) -> dict[str, DatasetParams]:
    """The mixtures that candidates have of their own, by their folders; trainings that differ in the order alone share one."""
    return {recipe.rows: recipe.mixture for recipe in run.params.recipes if recipe.mixture}


def _draw_seeds(run: Run) -> dict[str, int]:
    """Folder → the seed by which its rows are drawn, where that is not the run's."""
    recipes = run.params.recipes
    return {r.rows: r.draw_seed for r in recipes if r.mixture and r.draw_seed is not None}


def redrawn(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows with other values of `draw` and `order`, so that a mixture draws others of them, in another order. What is held
    out stays.

    Each value is mixed with the seed by SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014), which is one-to-one: two rows never get one value.
    """
    mixed = {name: _mixed(rows[name].to_numpy(np.uint64), seed) for name in ("draw", "order")}
    return rows.assign(**mixed)


def _mixed(values: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    golden = 0x9E3779B97F4A7C15
    found = values + np.uint64((seed + 1) * golden % 2**64)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(found ^ (found >> np.uint64(31)))


def in_common(run: Run, drawn: list[Drawn]) -> dict[str, float]:
    """Candidate → the share of its rows that two of its trainings have in common, on average over all pairs, where each
    draws its own."""
    rows = {each.folder: np.unique(each.mixture.train) for each in drawn}
    trainings: dict[str, list[NDArray[Any]]] = {}
    for recipe in run.params.recipes:
        if recipe.draw_seed is not None:
            trainings.setdefault(recipe.of, []).append(rows[recipe.rows])
    return {
        name: float(
            np.mean(
                [
                    len(np.intersect1d(a, b)) / max(1, min(len(a), len(b)))
                    for a, b in itertools.combinations(parts, 2)
                ]
            )
        )
        for name, parts in trainings.items()
        if len(parts) > 1
    }


def mixture_settings(run: Run) -> dict[str, dict[str, Any]]:
    """What decides the candidates' mixtures, beside what decides the rows; JSON-able."""
    keys = {"mixture", "shares", "max_rows", "allow_shortfall", "repeat"}
    seeds = _draw_seeds(run)
    return {
        name: {
            "sources": [source.name for source in params.sources],
            **params.model_dump(mode="json", include=keys),
            **({"seed": seeds[name]} if name in seeds else {}),
        }
        for name, params in own_mixtures(run).items()
    }


def target_shares(run: Run, params: DatasetParams) -> tuple[dict[str, float], str]:
    """The target share of each category in a mixture, and where it comes from, in words."""
    given = params.shares or {}
    general = {name: given[name] for name in GENERAL if name in given}
    of_hle = {name: share for name, share in given.items() if name not in general}
    if of_hle:
        shares, origin = of_hle, N_("set by the params file")
    else:
        shares, origin = _shares_of_hle(run)
        if general:
            listed = " and ".join(f"{share:.3g} for {name}" for name, share in general.items())
            origin = f"{listed}, set by the params file; the rest {origin}"
    rest = 1 - sum(general.values())
    return {name: share * rest for name, share in shares.items()} | general, origin


def _shares_of_hle(run: Run) -> tuple[dict[str, float], str]:
    for benchmark in run.params.evaluation.benchmarks:
        if declared(benchmark.module).categories == CATEGORIES:
            questions = question_bank.load(benchmark)
            counts = Counter(question.category for question in questions)
            shares = {name: counts[name] / len(questions) for name in HLE_SHARES}
            return shares, f"counted from this run's {len(questions):,} benchmark questions"
    return dict(HLE_SHARES), N_("HLE's published shares")


def _draw(run: Run, rows: pd.DataFrame, folder: str, key: str, params: DatasetParams) -> Drawn:
    rows = rows[rows["source"].isin([source.name for source in params.sources])]
    available = {str(name): int(n) for name, n in rows["category"].value_counts().items() if n}
    shares, origin = target_shares(run, params)
    missing = [name for name in GENERAL if available.get(name) and name not in shares]
    if params.mixture and missing:
        counts = " and ".join(f"{name} ({available[name]:,} rows)" for name in missing)
        raise UserError(
            f"{key}.shares: no share is given for {counts}; give one, as in {{{missing[0]}: 0.1}} (the other "
            "categories share the rest), or 0 to leave these rows out"
        )
    if not params.mixture:
        shares = {name: n / max(1, len(rows)) for name, n in available.items()}
        origin = N_("that of the rows that are left: the mixture was off")
    return Drawn(folder, mix(rows, shares, params, key), shares, origin, available)
