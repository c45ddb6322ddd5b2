"""The difference on the questions nearest to the training rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn.objects as so

from llmc_lib.formatting import as_points
from llmc_lib.language import N_, tr
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.palette import MUTED, colours

_TITLES = {
    "larger": N_("The difference is higher on the questions nearest to the training rows"),
    "smaller": N_("The difference is lower on the questions nearest to the training rows"),
    "none": N_("No clear relation of the difference to similarity with the training rows"),
}


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
    title = tr(_TITLES[found["found"]])
    caption = tr(
        "The difference between {model} and {reference} on the questions that are at least this similar to a training row: on the right "
        "the {fewest:,} nearest, on the left the nearer half. The grey band is where "
        "the whole curve lies in {share:.0%} of runs if the difference has nothing to do with similarity "
        "(permutations of the questions); the dashed line is the difference on all questions.",
        model=model,
        reference=comparison["reference"],
        fewest=int(data["n"].iloc[0]),
        share=1 - level,
    )
    first = data.iloc[0]
    alt = tr(
        "{title}. On the {n:,} nearest questions the difference is {gain}, on all questions {all}; the band there is {low} to {high}.",
        title=title,
        n=int(first["n"]),
        gain=as_points(first["gain"], int(first["n"])),
        all=as_points(comparison["difference"], comparison["n"]),
        low=as_points(first["low"], int(first["n"]), unit=False),
        high=as_points(first["high"], int(first["n"])),
    )
    return figure_block("nearest", figure, title, caption, alt, data)
