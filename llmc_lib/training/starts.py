"""What the trainings of a run start from, and in which order that has them trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmc_lib.errors import UserError
from llmc_lib.models.resolve import Model, models_of
from llmc_lib.params import Recipe
from llmc_lib.params.starts import in_order
from llmc_lib.store import Run, read_manifest


def in_training_order(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The candidates so that each comes after the one that it starts from, else as they are listed."""
    named = {recipe.name: recipe for recipe in recipes}
    return [named[name] for name in in_order({r.name: r.start for r in recipes})]


def start_of(run: Run, base: Model, recipe: Recipe) -> Model:
    """What a candidate starts from: the base model, or the last model of another candidate, which is trained."""
    start = started_from(run, recipe)
    if start is None:
        return base
    facts = read_manifest(run.training / start.name)
    if facts is None:
        raise UserError(
            f"{run.training / start.name}: {start.name!r} is not trained yet; run notebook 2 again"
        )
    last = models_of(run, facts)[-1]
    return replace(last, label=f"{last.name} ({last.label})")


def started_from(run: Run, recipe: Recipe) -> Recipe | None:
    """The candidate that a candidate starts from; None: it starts from the base model."""
    return next((other for other in run.params.recipes if other.name == recipe.start), None)
