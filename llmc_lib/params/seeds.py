"""Several trainings of one recipe: a candidate with `seeds` becomes one training a seed, and their models belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from llmc_lib.params import Recipe
    from llmc_lib.params.dataset import DatasetParams

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[tuple[Seed, ...], Field(max_length=100, strict=False)]
#: What the seed of a training decides: its rows and their order, or the order alone.
Vary = Literal["rows", "order"]


def check_seeds(number: int, seeds: Sequence[int], given: Iterable[str]) -> None:
    """Can a candidate have these seeds, with these keys `given`? Raises `ValueError(keys, message)`."""
    twice = next((seed for seed in seeds if list(seeds).count(seed) > 1), None)
    if twice is not None:
        raise ValueError(
            ("candidates", number, "seeds"),
            f"{twice} is listed twice, and would be the same training again; give it once",
        )
    if "vary" in given and not seeds:
        raise ValueError(
            ("candidates", number, "vary"),
            "is what seeds change; give `seeds` too, or leave it out",
        )


def expanded(
    recipe: Recipe, seeds: Sequence[int], vary: Vary, dataset: DatasetParams
) -> list[Recipe]:
    """The trainings of a candidate: itself, or one a seed, named <name>-seed<k>."""
    if not seeds:
        return [recipe]
    trainings = [
        replace(recipe, name=f"{recipe.name}-seed{k}", seed=k, of=recipe.name) for k in seeds
    ]
    if vary == "order":
        return trainings
    return [
        replace(t, mixture=recipe.mixture or dataset, rows=t.name, draw_seed=t.seed)
        for t in trainings
    ]


#: Of a recipe's name, where its models are exports before the end of the trainings.
_EXPORT = re.compile(r", export \d+ of \d+$")


def is_whole(name: str) -> bool:
    """Are the models of a recipe, named as `repeated` names it, those at the end of its trainings?"""
    return _EXPORT.search(name) is None


def trained_as(name: str) -> str:
    """The candidate whose trainings these are."""
    return _EXPORT.sub("", name)


def repeated(
    recipes: Iterable[Recipe], given: Mapping[str, Sequence[str]], models: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Recipe → the models of its trainings, of two and more: those of one export each, in the order of the seeds.

    `recipes`: all trainings of the run; `given`: recipes whose models the params file lists (`report.recipes`); `models`:
    those that there are. The last export of a training has the recipe's name, an earlier one its number besides. A
    training of which an export is missing so far is left out.
    """
    there = list(models)
    found = {name: [m for m in there if m in listed] for name, listed in given.items()}
    trainings: dict[str, list[list[str]]] = {}
    for recipe in recipes:
        if recipe.of:
            step = re.compile(re.escape(recipe.model_name("#")).replace(re.escape("#"), r"(\d+)"))
            steps = sorted((int(match[1]), m) for m in there if (match := step.fullmatch(m)))
            trainings.setdefault(recipe.of, []).append([model for _, model in steps])
    for name, exports in trainings.items():
        most = max(map(len, exports))
        whole = [models for models in exports if len(models) == most]
        for number in range(most):
            unit = name if number == most - 1 else f"{name}, export {number + 1} of {most}"
            found[unit] = [models[number] for models in whole]
    return {name: tuple(models) for name, models in found.items() if len(models) > 1}
