"""What recipes do that were trained several times, beside what their checkpoints do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from llmc_lib.analysis.recipe import RecipeEffect, new_training, recipe_effect, seed_spread
from llmc_lib.analysis.recipe_design import Costs, next_step
from llmc_lib.analysis.summary.looks import LookAt
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import Thresholds, word_of


@dataclass(frozen=True)
class Trained:
    """What is known of the trainings of a run."""

    recipes: Mapping[str, tuple[str, ...]]  # recipe → its models, two and more
    whole: frozenset[str] = (
        frozenset()
    )  # those whose models are the ends of trainings, and no earlier exports
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
    pairs = list(itertools.combinations([n for n in names if n in trained.whole], 2))
    return {
        "effects": [
            _effect(table, thresholds, at, name, outcomes.reference, len(names))
            | _more(table, name, thresholds, trained, benchmark in trained.more_questions)
            | {"whole": name in trained.whole}
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
    level = thresholds.significance / compared
    if at is not None:
        level = at.look.level(level)
    ours = table.recipes[name]
    theirs = table.recipes.get(reference, (reference,))
    found = recipe_effect(_of(table, ours), _of(table, theirs), level, table.outcomes.cluster)
    clear = found.p_value < level
    return {
        "recipe": name,
        "models": list(ours),
        "reference": reference,
        "reference_models": list(theirs),
        "n": found.n,
        "difference": found.difference,
        "interval": {
            "low": found.low,
            "high": found.high,
            "level": level,
            "recipes": compared,
            "narrow": found.narrow,
            "equivalence": [found.inner_low, found.inner_high],
            **({"looks": True} if at is not None and not at.look.alone else {}),
        },
        "p_value": found.p_value,
        "p_adjusted": min(1.0, found.p_value * thresholds.significance / level),
        "significant": clear,
        "verdict": word_of(found, thresholds, clear, low_is_good=table.low_is_good),
        **_error(found),
    }


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
