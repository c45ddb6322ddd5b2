"""Points with their intervals, a row each: what figures of rates share."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from llmc_lib.reporting.palette import colours

_SHORT = {
    "Discrimination, Exclusion, Toxicity, Hateful, Offensive": "Discrimination, Toxicity",
    "Human-Chatbot Interaction Harms": "Human–Chatbot Harms",
}


def dots(
    axes: Axes, block: dict[str, Any], models: list[str], names: list[str], groups: str, rate: str
) -> None:
    """A point and its interval for each model and group, models dodged within a group."""
    paint = colours(list(block["models"]))
    for number, model in enumerate(models):
        shift = (number - (len(models) - 1) / 2) * 0.3
        for y, name in enumerate(names):
            part = block["models"][model][groups][name]
            low, high = (100 * bound for bound in part["ci95"])
            axes.plot([low, high], [y + shift] * 2, color=paint[model], linewidth=1.8, alpha=0.8)
            axes.plot(
                100 * part[rate], y + shift, "os^vD"[number % 5], color=paint[model], markersize=6,
                clip_on=False, zorder=3,  # a point at 0 is whole
            )  # fmt: skip
    # Labels beside the first group's points name the models: no legend to look up.
    first = block["models"]
    for number, model in enumerate(models):
        shift = (number - (len(models) - 1) / 2) * 0.3
        high = 100 * first[model][groups][names[0]]["ci95"][1]
        axes.annotate(
            model, (high, shift), xytext=(6, 0), textcoords="offset points", va="center",
            color=paint[model], fontsize=9,
        )  # fmt: skip
    sizes = block["models"][models[0]][groups]
    axes.set_yticks(range(len(names)), [f"{_SHORT.get(n, n)} ({sizes[n]['n']:,})" for n in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
