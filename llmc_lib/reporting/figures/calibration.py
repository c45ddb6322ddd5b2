"""The reliability figure: how often models are right that say how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from llmc_lib.analysis.calibration import Calibration
from llmc_lib.formatting import as_percent, as_points
from llmc_lib.reporting.elements import FigureBlock, figure_block
from llmc_lib.reporting.figures.curves import Label, label_ends
from llmc_lib.reporting.figures.drawing import canvas, svg
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
    ends = []
    for number, (model, each) in enumerate(found.items()):
        curve = each.curve
        x, y = 100 * curve["confidence"].to_numpy(), 100 * curve["accuracy"].to_numpy()
        axes.vlines(x, 100 * curve["low"], 100 * curve["high"], color=paint[model], linewidth=1.8, alpha=0.8)  # fmt: skip
        size = 16 + 160 * np.sqrt(curve["n"] / each.n)
        axes.plot(x, y, color=paint[model], linewidth=1, alpha=0.6)
        axes.scatter(
            x, y, s=size, color=paint[model], marker="os^vD"[number % 5], zorder=3, clip_on=False
        )
        ends.append(Label(100, float(y[-1]), model, paint[model]))
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
    return figure_block("reliability", svg(figure, "reliability"), title, caption, alt)


def _words(model: str, each: Calibration) -> str:
    n, ece = each.n_questions, each.ece
    none = f"; {each.n_without:,} state none" if each.n_without else ""
    return (
        f"{model}: {each.n:,} answers state a confidence{none}; expected calibration error "
        f"{as_points(ece.debiased, n, sign=False)}, 95% interval {as_points(ece.low, n, sign=False, unit=False)} "
        f"to {as_points(ece.high, n, sign=False, unit=False)}."
    )
