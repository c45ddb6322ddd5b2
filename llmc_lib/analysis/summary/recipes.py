"""What recipes do that were trained several times, beside what their checkpoints do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from llmc_lib.analysis.recipe import RecipeEffect, new_training, recipe_effect, seed_spread
from llmc_lib.analysis.recipe_design import Costs, next_step
from llmc_lib.analysis.summary.looks import LookAt
from llmc_lib.analysis.summary.table import Table, ends, groups_key
from llmc_lib.analysis.verdict import Thresholds, word_of
from llmc_lib.records import Word


@dataclass(frozen=True)
class Trained:
    """What is known of the trainings of a run."""

    recipes: Mapping[str, tuple[str, ...]]  # recipe → its models, two and more
    # Those whose models are the ends of trainings, and no earlier exports.
    whole: frozenset[str] = frozenset()
    costs: Mapping[str, Costs] = field(default_factory=dict)  # recipe → what more of it costs
    more_questions: frozenset[str] = frozenset()  # benchmarks of which not all were asked


def block(
    table: Table, thresholds: Thresholds, at: LookAt | None, trained: Trained, benchmark: str
) -> dict[str, Any] | None:
    """`recipes` of a benchmark in metrics.json: `effects`, one a recipe against the reference, and `pairs`, each recipe against
    those before it, at the end of their trainings. None where too few questions (clusters) are there.

    Effects are adjusted for the number of recipes, pairs for that of pairs (Bonferroni: with so few degrees of freedom, of other
    numbers for each, their joint distribution is not known well enough to spend less), and both for looks, as the verdicts on
    checkpoints.
    """
    outcomes = table.outcomes
    groups = outcomes.n_questions if outcomes.n_clusters is None else outcomes.n_clusters
    if groups < 2:
        return None
    names = list(table.recipes)
    level = _level(thresholds, at, max(1, len(names)))
    pairs = list(itertools.combinations([n for n in names if n in trained.whole], 2))
    return {
        "effects": [
            _effect(table, thresholds, at, name, outcomes.reference, len(names))
            | _more(table, name, thresholds, trained, benchmark in trained.more_questions)
            | {"whole": name in trained.whole, groups_key(table.kind): _groups(table, name, level)}
            for name in names
        ],
        "pairs": [
            _effect(table, thresholds, at, later, earlier, len(pairs)) for earlier, later in pairs
        ],
    }


def _effect(
    table: Table,
    thresholds: Thresholds,
    at: LookAt | None,
    name: str,
    reference: str,
    compared: int,
) -> dict[str, Any]:
    """A recipe against a model, or against another recipe."""
    level = _level(thresholds, at, compared)
    sides = _Sides(table, table.recipes[name], table.recipes.get(reference, (reference,)), level)
    found = sides.effect()
    clear = found.p_value < level

    def word(effect: RecipeEffect) -> Word:
        at_level = effect.p_value < level
        return word_of(effect, thresholds, at_level, low_is_good=table.low_is_good)

    unknown, given = _unknown(sides, word), word(found)
    if given == "equal" and unknown and set(unknown["verdicts"]) != {"equal"}:
        given = "unclear"  # as of checkpoints (`comparisons`)
    return {
        "recipe": name,
        "models": list(sides.ours),
        "reference": reference,
        "reference_models": list(sides.theirs),
        "n": found.n,
        "difference": found.difference,
        "interval": {
            **ends(found),
            "level": level,
            "recipes": compared,
            **({"looks": True} if at is not None and not at.look.alone else {}),
        },
        "p_value": found.p_value,
        "p_adjusted": min(1.0, found.p_value * thresholds.significance / level),
        "significant": clear,
        "verdict": given,
        "unknown": unknown,
        **_error(found),
    }


def _level(thresholds: Thresholds, at: LookAt | None, compared: int) -> float:
    """At which each of so many effects is tested."""
    level = thresholds.significance / compared
    return level if at is None else at.look.level(level)


@dataclass(frozen=True)
class _Sides:
    """The trainings of a recipe and what they are compared with, on all questions or those at some places."""

    table: Table
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    level: float
    places: Any = ...  # of the questions

    def effect(self, *, ours: bool = False, theirs: bool = False) -> RecipeEffect:
        """The effect as counted; with `ours` or `theirs`, answers of these that are not known count as right (declined)."""
        return recipe_effect(
            [self._of(model, known=not ours) for model in self.ours],
            [self._of(model, known=not theirs) for model in self.theirs],
            self.level,
            self.table.outcomes.clusters(self.places),
        )

    def unknown(self) -> int:
        """How many answers are not known."""
        models = (*self.ours, *self.theirs)
        return sum(int(self.table.unknown[model][self.places].sum()) for model in models)

    def _of(self, model: str, *, known: bool) -> Any:
        right = self.table.outcomes.correct[model]
        return (right if known else right | self.table.unknown[model])[self.places]


def _unknown(sides: _Sides, word: Callable[[RecipeEffect], Word] | None = None) -> Any:
    """What answers that are not known could change, None where all are: their number `answers`; the widest ends of `equivalence`
    with them as counted, all against the recipe, and all for it; `verdicts` of the latter two. They also make trainings differ
    more, or less."""
    answers = sides.unknown()
    if not answers:
        return None
    least, most = sides.effect(theirs=True), sides.effect(ours=True)
    ends = [(each.inner_low, each.inner_high) for each in (sides.effect(), least, most)]
    equivalence = [min(low for low, _ in ends), max(high for _, high in ends)]
    found = {"answers": answers, "equivalence": equivalence}
    return found if word is None else {**found, "verdicts": [word(least), word(most)]}


def _groups(table: Table, name: str, level: float) -> dict[str, dict[str, Any]]:
    """The effect of a recipe in each category; with one question (cluster) there is no interval but all that is possible."""
    models, reference, clusters = (
        table.recipes[name],
        table.outcomes.reference,
        table.outcomes.cluster,
    )
    found = {}
    for group, places in table.groups.items():
        if len(places if clusters is None else np.unique(clusters[places])) < 2:
            right = [float(rates[places].mean()) for rates in _of(table, (*models, reference))]
            interval = {"low": -1.0, "high": 1.0, "narrow": True, "equivalence": [-1.0, 1.0]}
            difference, unknown = float(np.mean(right[:-1])) - right[-1], None
        else:
            sides = _Sides(table, models, (reference,), level, places)
            effect = sides.effect()
            interval, difference, unknown = ends(effect), effect.difference, _unknown(sides)
        found[group] = {
            "n": len(places),
            "difference": difference,
            "interval": interval,
            "unknown": unknown,
        }
    return found


def _error(found: RecipeEffect) -> dict[str, Any]:
    questions, *trainings = found.parts.shares
    return {
        "standard_error": found.parts.error,
        "degrees_of_freedom": found.parts.freedom,
        # Parts of the variance; with two trainings the interval is wider than necessary.
        "shares": {"questions": questions, "trainings": sum(trainings)},
        "two_trainings": 2 in (found.trainings, found.against),
    }


def _more(
    table: Table, name: str, thresholds: Thresholds, trained: Trained, more_questions: bool
) -> dict[str, Any]:
    """How much the trainings differ, what another one would show, and what to add."""
    outcomes = table.outcomes
    models, base = _of(table, table.recipes[name]), outcomes.correct[outcomes.reference]
    rate = float(base.mean())
    alpha = thresholds.significance
    step = next_step(
        models,
        base,
        trained.costs.get(name),
        alpha=alpha,
        more_questions=more_questions,
        more_samples=not table.greedy,
        clusters=outcomes.cluster,
    )
    return {
        "differences": {
            model: float(outcomes.correct[model].mean()) - rate for model in table.recipes[name]
        },
        "spread": asdict(seed_spread(models, clusters=outcomes.cluster)),
        "new_training": asdict(new_training(models, base, clusters=outcomes.cluster)),
        "next": asdict(step),
    }


def _of(table: Table, models: Sequence[str]) -> list[Any]:
    return [table.outcomes.correct[model] for model in models]
