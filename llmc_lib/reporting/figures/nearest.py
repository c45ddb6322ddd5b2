"""The gain of the questions nearest to what was trained on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn.objects as so

from llmc_lib.formatting import as_points
from llmc_lib.language import tr
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.palette import MUTED, colours


def gain_by_similarity(comparison: dict[str, Any], level: float) -> FigureBlock:
    """The mean difference of the questions at least so similar, over similarity, with the band that is simultaneous at
    1 - `level`."""
    model, found = comparison["model"], comparison["nearest"]
    data = pd.DataFrame(found["curve"])
    percent = data.assign(**{name: 100 * data[name] for name in ("gain", "low", "high")})
    paint = colours([comparison["reference"], model])[model]
    figure, axes = canvas(3.6)
    (
        so.Plot(percent, x="similarity", y="gain")
        .add(so.Band(alpha=0.25, color=MUTED), ymin="low", ymax="high", legend=False)
        .add(so.Line(linewidth=1.8, color=paint, marker="o", pointsize=4), legend=False)
        .on(axes)
        .plot()
    )
    axes.axhline(100 * comparison["difference"], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xlabel(tr("Similarity to the nearest training row, at least"))
    axes.set_ylabel(tr("Difference, points"))
    title = _title(found["found"], model)
    caption = tr(
        "The difference between {model} and {reference} on the questions at least so similar to a training row: on the right the "
        "{fewest:,} nearest, on the left the nearer half. The grey band is where "
        "the curve lies in {share:.0%} of runs, at all similarities at once, if the difference has nothing to do with similarity "
        "(permutations of the questions); the dashed line is the difference on all.",
        model=model,
        reference=comparison["reference"],
        fewest=int(data["n"].iloc[0]),
        share=1 - level,
    )
    first = data.iloc[0]
    alt = tr(
        "{title}. On the {n:,} nearest questions the difference is {gain}, on all {all}; the band there is {low} to {high}.",
        title=title,
        n=int(first["n"]),
        gain=as_points(first["gain"], int(first["n"])),
        all=as_points(comparison["difference"], comparison["n"]),
        low=as_points(first["low"], int(first["n"]), unit=False),
        high=as_points(first["high"], int(first["n"])),
    )
    return figure_block("nearest", figure, title, caption, alt, data)


def _title(found: str, model: str) -> str:
    if found == "larger":
        return tr(
            "{model} gains more on the questions nearest to what it was trained on", model=model
        )
    if found == "smaller":
        return tr(
            "{model} gains less on the questions nearest to what it was trained on", model=model
        )
    return tr(
        "{model} gains about as much on the questions nearest to what it was trained on",
        model=model,
    )
