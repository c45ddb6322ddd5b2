"""The reliability figure: how often models are right that say how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn.objects as so

from llmc_lib.analysis.calibration import Calibration
from llmc_lib.formatting import as_percent, as_points
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
        "as right as it says", (50, 50), xytext=(-4, 4), textcoords="offset points", ha="right",
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
    axes.set_xlabel("Stated confidence, percent")
    axes.set_ylabel("Answers that are correct, percent")
    label_ends(axes, ends)
    last = found[models[-1]]
    title = (
        f"{models[-1]} is {as_percent(last.mean_confidence, last.n_questions)} sure on average and right in "
        f"{as_percent(last.accuracy, last.n_questions)} of these answers"
    )
    caption = (
        "Each point is a group of answers of about one stated confidence, the larger the more; its height is "
        "the share of them that is correct, with a 95% interval. Below the line a model "
        "is less often right than it says. "
        + " ".join(_words(model, each) for model, each in found.items())
        + " Expected calibration errors are without what chance alone adds; these bins are of about equal "
        "numbers of answers."
    )
    alt = f"{title}. " + " ".join(
        f"{model}: mean confidence {as_percent(each.mean_confidence, each.n_questions)}, accuracy "
        f"{as_percent(each.accuracy, each.n_questions)}."
        for model, each in found.items()
    )
    return figure_block("reliability", figure, title, caption, alt, data)


def _words(model: str, each: Calibration) -> str:
    n, ece = each.n_questions, each.ece
    none = f"; {each.n_without:,} state none" if each.n_without else ""
    return (
        f"{model}: {each.n:,} answers state a confidence{none}; expected calibration error "
        f"{as_points(ece.debiased, n, sign=False)}, 95% interval {as_points(ece.low, n, sign=False, unit=False)} "
        f"to {as_points(ece.high, n, sign=False, unit=False)}."
    )
