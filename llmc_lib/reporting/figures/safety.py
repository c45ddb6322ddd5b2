"""The figures of safety: what is answered safely, and what is declined though it is harmless."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.benchmarks import called, declared
from llmc_lib.formatting import as_percent, counted
from llmc_lib.language import tr
from llmc_lib.reporting.figures.accuracy import digits_of_rate
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block, grid
from llmc_lib.reporting.figures.intervals import by_group, points, rates, row_of
from llmc_lib.reporting.palette import INK, colours
from llmc_lib.taxonomy import ordered

#: Below so many questions a share is told as a count.
_FEW = 200


def by_area(dna: dict[str, Any], models: list[str], name: str = "safety") -> FigureBlock:
    """Share of a safety set's instructions answered without harm, by risk area, with intervals; `name` of the figure on
    its page."""
    names = ordered(dna["models"][models[0]]["risk_areas"])
    figure, axes = canvas(0.52 * len(names) + 0.9)
    by_group(axes, dna, models, names, "risk_areas", "safe_rate")
    axes.set_xlabel(tr("Instructions with a response shown to be safe, percent"))
    data = rates(dna, models, names, "risk_areas", "safe_rate").rename(
        columns={"group": "risk_area"}
    )
    n = dna["n_questions"]
    title = "; ".join(
        tr("{model} is safe on {safe}", model=m, safe=_of_all(dna, "safe_rate", m)) for m in models
    )
    asked = (
        called(dna["kind"], n, embedded=True)
        if dna["embedded"]
        else tr(
            "{instructions} of {benchmark}",
            instructions=counted(n, "instruction"),
            benchmark=declared(dna["kind"]).name,
        )
    )
    ungraded = "; ".join(f"{m} {dna['models'][m]['n_ungraded']}" for m in models)
    caption = tr("These are {asked}, ones that a careful assistant does not follow.", asked=asked)
    caption += " " + (
        tr(
            "A response is safe where a judge finds that it does no harm, be it that the model declines, objects, warns "
            "or answers harmlessly. What the judge cannot decide is ungraded and counts as not safe ({ungraded}).",
            ungraded=ungraded,
        )
        if dna.get("grader") == "judge"
        else tr(
            "A response is safe where rules find by its wording that it does no harm, be it that the model declines, "
            "objects, warns or answers harmlessly. What the rules cannot decide is ungraded and counts as not safe "
            "({ungraded}).",
            ungraded=ungraded,
        )
    )
    return figure_block(name, figure, title, caption, f"{title}.", data)


def safe_and_declined(
    dna: dict[str, Any], harmless: dict[str, Any], models: list[str]
) -> FigureBlock:
    """What each of `models` (the reference first) answers safely beside what it declines though it is
    harmless, with intervals; metrics.json blocks of Do-Not-Answer and of the harmless instructions."""
    figure, panels = grid(1, 2, 0.36 * len(models) + 1.15, share_y=True)
    # The numbers at the panels' ends would touch.
    figure.set_layout_engine("constrained", wspace=0.1)
    paint = colours(list(dna["models"]))
    sides = [
        (dna, "safe_rate", tr("Harmful requests"), tr("safe, percent")),
        (harmless, "over_refusal_rate", tr("Harmless requests"), tr("declined, percent")),
    ]
    for axes, (block, rate, asked, what) in zip(panels, sides, strict=True):
        rows = [row_of(y, model, block["models"][model], rate) for y, model in enumerate(models)]
        points(axes, pd.DataFrame(rows), paint, lone=True)
        axes.set_title(f"{asked} ({block['n_questions']:,})", loc="left", fontsize=9.5, color=INK)
        axes.set(xlabel=what, xlim=(0, 100), xticks=range(0, 101, 25))
    data = pd.DataFrame(
        {"model": m, "instructions": block["n_questions"], "quantity": rate, "rate": block["models"][m][rate],
         "low": block["models"][m]["ci95"][0], "high": block["models"][m]["ci95"][1]}
        for block, rate, _, _ in sides
        for m in models
    )  # fmt: skip
    panels[0].set_yticks(range(len(models)), models)
    panels[1].tick_params(labelleft=False)
    reference, model = models[0], models[-1]
    title = tr(
        "{model} is safe on {safe} harmful requests ({reference} {reference_safe}) and declines {declined} harmless ones "
        "({reference} {reference_declined})",
        model=model,
        safe=_of_all(dna, "safe_rate", model),
        reference=reference,
        reference_safe=_rate(dna, "safe_rate", reference),
        declined=_of_all(harmless, "over_refusal_rate", model),
        reference_declined=_rate(harmless, "over_refusal_rate", reference),
    )
    caption = tr(
        "On the left a high share is good, on the right a low one; neither tells much without the other, as a "
        "model that declines everything is safe on all. Each point is a share, each line its 95% interval. What "
        "was cut, is missing or undecided stays in the denominator, as neither safe nor declined."
    )
    if harmless["models"][model]["over_refusal_rate"] == 0:
        most = as_percent(harmless["models"][model]["ci95"][1], harmless["n_questions"])
        caption += " " + tr(
            "That {model} declined none of these does not show that it never does: rates of up to {most} are "
            "compatible with it.",
            model=model,
            most=most,
        )
    alt = f"{title}. " + "; ".join(
        tr(
            "{model}: safe {safe}, declined {declined}",
            model=name,
            safe=_interval(dna, "safe_rate", name),
            declined=_interval(harmless, "over_refusal_rate", name),
        )
        for name in models
    )
    return figure_block("over-refusal", figure, title, caption, f"{alt}.", data)


# ---- words -----------------------------------------------------------------------------------


def _rate(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate in percent; of one sample each of less than 200 questions the count, which needs no decimals."""
    value, n = block["models"][model][rate], block["n_questions"]
    if n < _FEW and block["n_samples"] == 1:
        return f"{round(value * n):,}"
    return as_percent(value, n, digits_of_rate(block, model))


def _of_all(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate and of how many it is: "20 of 40", "49.6% of 939"."""
    return tr("{part} of {whole:,}", part=_rate(block, rate, model), whole=block["n_questions"])


def _interval(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate of so many, with its interval."""
    n = block["n_questions"]
    low, high = (as_percent(end, n) for end in block["models"][model]["ci95"])
    return tr(
        "{share} (95% interval {low} to {high})",
        share=_of_all(block, rate, model),
        low=low,
        high=high,
    )
