"""Points with their intervals, a row each: what figures of rates share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

import pandas as pd
import seaborn.objects as so
from matplotlib.axes import Axes

from llmc_lib.reporting.figures.tables import plain, with_plain_texts
from llmc_lib.reporting.palette import colours

_SHORT = {
    "Discrimination, Exclusion, Toxicity, Hateful, Offensive": "Discrimination, Toxicity",
    "Human-Chatbot Interaction Harms": "Human–Chatbot Harms",
}


def marks(models: Iterable[str]) -> dict[str, str]:
    """A marker for each model: colour is not all that tells them apart."""
    return dict(zip(models, cycle("os^vD"), strict=False))


@with_plain_texts
def points(axes: Axes, rows: pd.DataFrame, paint: Mapping[str, str], *, lone: bool = False) -> None:
    """Points and their intervals in rows from the top down, the models of a row below each other.

    Parameters: `rows` with the columns row (0 is the top), model, and value, low and high in percent; where it has a column
    `name`, that is written after the interval. `paint`: model → colour. `lone`: each row is a
    model, named by the axis; its point is a larger disc.
    """
    rows = plain(rows)
    models = rows["model"].unique()
    rows = rows.assign(y=_below_each_other(rows))
    layer = {"orient": "y", "legend": False}
    # A point at the end of the axis is whole.
    dot = so.Dot({"clip_on": False, "zorder": 3}, pointsize=7 if lone else 6, edgewidth=1)
    (
        so.Plot(rows, y="y", x="value", color="model", marker="model")
        .add(so.Range(linewidth=1.8, alpha=0.8), xmin="low", xmax="high", **layer)
        .add(dot, **layer)
        .scale(color=dict(paint), marker=dict.fromkeys(models, "o") if lone else marks(models))
        .label(x="", y="")
        .on(axes)
        .plot()
    )
    for row in rows[rows["name"] != ""].to_dict("records") if "name" in rows else ():
        axes.annotate(
            row["name"], (row["high"], row["y"]), (6, 0), textcoords="offset points",
            color=paint[row["model"]], fontsize=9, va="center_baseline", annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(rows["row"].max() + 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def _below_each_other(rows: pd.DataFrame) -> pd.Series:
    """Where each point is: the models of a row nearer to each other than to the next row. (`so.Dodge` does the same and takes a
    fifth of a figure's time.)"""
    models = {model: number for number, model in enumerate(rows["model"].unique())}
    places = rows["model"].map(models).groupby(rows["row"]).rank()
    middles = places.groupby(rows["row"]).transform("mean")
    return rows["row"] + 0.6 / len(models) * (places - middles)


def by_group(
    axes: Axes, block: dict[str, Any], models: list[str], names: list[str], groups: str, rate: str
) -> None:
    """A point and its interval for each of `models` in each group; those of the first group name the models."""
    found = {model: block["models"][model][groups] for model in models}
    rows = pd.DataFrame(
        row_of(y, model, parts[name], rate) | {"name": "" if y else model}
        for model, parts in found.items()
        for y, name in enumerate(names)
    )
    points(axes, rows, colours(list(block["models"])))
    sizes = found[models[0]]
    axes.set_yticks(range(len(names)), [f"{_SHORT.get(n, n)} ({sizes[n]['n']:,})" for n in names])
    axes.set_xlim(left=0)


def rates(
    block: dict[str, Any], models: list[str], names: list[str], groups: str, rate: str
) -> pd.DataFrame:
    """What `by_group` draws, as fractions: model, group, questions, the rate by its name in metrics.json, low, high."""
    found = {model: block["models"][model][groups] for model in models}
    return pd.DataFrame(
        {
            "model": model,
            "group": name,
            "questions": parts[name]["n"],
            rate: parts[name][rate],
            "low": parts[name]["ci95"][0],
            "high": parts[name]["ci95"][1],
        }
        for model, parts in found.items()
        for name in names
    )


def row_of(row: int, model: str, facts: Mapping[str, Any], rate: str) -> dict[str, Any]:
    """A row of `points` from facts of metrics.json: a rate and its `ci95`."""
    low, high = facts["ci95"]
    return {
        "row": row,
        "model": model,
        "value": 100 * facts[rate],
        "low": 100 * low,
        "high": 100 * high,
    }
