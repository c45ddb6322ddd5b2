"""The reliability figure: how often models are right that say how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn.objects as so

from llmc_lib.analysis.calibration import Calibration
from llmc_lib.formatting import as_percent, as_points
from llmc_lib.language import tr
from llmc_lib.reporting.figures.curves import Label, label_ends
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.figures.intervals import marks
from llmc_lib.reporting.palette import MUTED, colours


def reliability(found: Mapping[str, Calibration]) -> FigureBlock:
    """Accuracy by stated confidence; model → its `calibration`, the reference first, the headline last."""
    models = list(found)
    paint = colours(models)
    figure, axes = canvas(3.9)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        tr("as right as it says"), (50, 50), xytext=(-4, 4), textcoords="offset points", ha="right",
        color=MUTED, fontsize=9,
    )  # fmt: skip
    rows = pd.concat({m: each.curve for m, each in found.items()}, names=["model"]).reset_index()
    data = rows[["model", "confidence", "accuracy", "low", "high", "n"]].rename(
        columns={"n": "answers"}
    )
    total = rows["model"].map({m: each.n for m, each in found.items()})
    rows["size"] = np.sqrt(16 + 160 * np.sqrt(rows["n"] / total))
    part = ["confidence", "accuracy", "low", "high"]
    rows[part] *= 100
    (
        so.Plot(rows, x="confidence", y="accuracy", color="model", marker="model")
        .add(so.Range(linewidth=1.8, alpha=0.8), ymin="low", ymax="high", legend=False)
        .add(so.Line(linewidth=1, alpha=0.6, marker=""), legend=False)
        .add(so.Dot({"clip_on": False, "zorder": 3}, edgewidth=1), pointsize="size", legend=False)
        .scale(color=paint, marker=marks(models), pointsize=None)
        .on(axes)
        .plot()
    )
    ends = [Label(100, rows[rows["model"] == m]["accuracy"].iloc[-1], m, paint[m]) for m in models]
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(tr("Stated confidence, percent"))
    axes.set_ylabel(tr("Answers that are correct, percent"))
    label_ends(axes, ends)
    last = found[models[-1]]
    title = tr(
        "{model} is {mean_confidence} sure on average and right in {accuracy} of these answers",
        model=models[-1],
        mean_confidence=as_percent(last.mean_confidence, last.n_questions),
        accuracy=as_percent(last.accuracy, last.n_questions),
    )
    caption = [
        tr(
            "Each point is a group of answers of about one stated confidence, the larger the more; its height is the "
            "share of them that is correct, with a 95% interval. Below the line a model is less often right than it "
            "says."
        ),
        *(_words(model, each) for model, each in found.items()),
        tr(
            "Expected calibration errors are corrected for what chance alone adds; their bins hold about equal numbers of "
            "answers."
        ),
    ]
    alt = f"{title}. {_spoken(found)}"
    return figure_block("reliability", figure, title, " ".join(caption), alt, data)


def _spoken(found: Mapping[str, Calibration]) -> str:
    return " ".join(
        tr(
            "{model}: mean confidence {mean_confidence}, accuracy {accuracy}.",
            model=model,
            mean_confidence=as_percent(each.mean_confidence, each.n_questions),
            accuracy=as_percent(each.accuracy, each.n_questions),
        )
        for model, each in found.items()
    )


def _words(model: str, each: Calibration) -> str:
    n, ece = each.n_questions, each.ece
    stated = tr("{n:,} answers state a confidence", n=each.n)
    if each.n_without:
        stated += "; " + tr("{n:,} state none", n=each.n_without)
    return tr(
        "{model}: {stated}; expected calibration error {debiased}, 95% interval {low} to {high}.",
        model=model,
        stated=stated,
        debiased=as_points(ece.debiased, n, sign=False),
        low=as_points(ece.low, n, sign=False, unit=False),
        high=as_points(ece.high, n, sign=False, unit=False),
    )
