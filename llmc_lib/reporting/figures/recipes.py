"""The figure of recipes: their trainings, what they do on average, and what another training would show."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import as_bound, as_points, as_range, listed
from llmc_lib.language import plural, tr
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.palette import BASE, INK, MUTED, colours


def trainings(block: dict[str, Any]) -> FigureBlock:
    """A row a recipe: its trainings as discs, its effect with the interval, and where one more training would lie."""
    found = block["recipes"]["effects"]
    reference = next(iter(block["models"]))
    paint = colours(list(block["models"]))
    figure, axes = canvas(0.62 * len(found) + 1.1)
    for y, effect in enumerate(found):
        colour = paint[effect["models"][-1]]
        interval, new = effect["interval"], effect["new_training"]
        axes.plot([100 * new["low"], 100 * new["high"]], [y + 0.16] * 2, color=MUTED, linewidth=1)
        axes.plot(
            [100 * interval["low"], 100 * interval["high"]], [y] * 2, color=colour, linewidth=3
        )
        axes.plot(100 * effect["difference"], y, "D", color=colour, markersize=7)
        seen = [100 * value for value in effect["differences"].values()]
        axes.plot(
            seen, [y + 0.16] * len(seen), "o", color=colour, markersize=5, markerfacecolor="none"
        )
    axes.axvline(0, color=BASE, linewidth=1.4)
    axes.set_yticks(range(len(found)), [effect["recipe"] for effect in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", colors=INK)
    axes.set_xlabel(tr("Percentage points, recipe minus {reference}", reference=reference))
    title = _title(found, reference)
    caption = tr(
        "The diamond is the mean of a recipe's trainings, the thick line its interval for new trainings and new questions. Circles are "
        "the trainings; the thin line is where another one would lie on these questions with a probability of 95%."
    )
    told = [
        tr(
            "{recipe}: {difference}, {interval}; trainings {trainings}",
            recipe=effect["recipe"],
            difference=as_points(effect["difference"], effect["n"]),
            interval=as_range(
                *(as_bound(effect["interval"][e], effect["n"]) for e in ("low", "high"))
            ),
            trainings=listed(
                [as_points(d, effect["n"], unit=False) for d in effect["differences"].values()]
            ),
        )
        for effect in found
    ]
    data = pd.DataFrame(
        [
            {
                "recipe": effect["recipe"],
                "model": model,
                "difference": difference,
                "mean": effect["difference"],
                "low": effect["interval"]["low"],
                "high": effect["interval"]["high"],
                "next_low": effect["new_training"]["low"],
                "next_high": effect["new_training"]["high"],
            }
            for effect in found
            for model, difference in effect["differences"].items()
        ]
    )
    return figure_block("trainings", figure, title, caption, f"{title}. {'. '.join(told)}.", data)


def _title(found: list[dict[str, Any]], reference: str) -> str:
    above = [effect["recipe"] for effect in found if effect["interval"]["low"] > 0]
    below = [effect["recipe"] for effect in found if effect["interval"]["high"] < 0]
    if not above and not below:
        return plural(
            "The recipe does not differ clearly from {reference}",
            "No recipe differs clearly from {reference}",
            len(found),
            reference=reference,
        )
    given = {"reference": reference}
    texts = [
        plural(
            "{names} is better than {reference} as a recipe",
            "{names} are better than {reference} as recipes",
            len(above),
            names=listed(above or [""]),
            **given,
        ),
        plural(
            "{names} is worse than {reference} as a recipe",
            "{names} are worse than {reference} as recipes",
            len(below),
            names=listed(below or [""]),
            **given,
        ),
    ]
    return listed([text for text, names in zip(texts, (above, below), strict=True) if names])
