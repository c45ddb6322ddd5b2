"""Figures on how sure a comparison is: the next run, the power of the design, the choice among candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from llmc_lib.reporting.drawing import BASE, INK, MUTED, canvas, svg
from llmc_lib.reporting.elements import FigureBlock, figure_block
from llmc_lib.reporting.figures import colours
from llmc_lib.words import as_chance, as_percent, as_points, counted

_Z = float(stats.norm.ppf(0.975))


def next_run(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """What a rerun of both models would show: the distribution of the next difference, with its other sign
    filled. `block` of metrics.json, and one of its comparisons."""
    again, n = comparison["rerun"], comparison["n"]
    value = 100 * comparison["difference"]
    deviation = 100 * (again["high"] - again["low"]) / 2 / _Z
    bound = again["basis"] == "bound"
    figure, axes = canvas(2.3)
    x = np.linspace(value - 4 * deviation, value + 4 * deviation, 400)
    y = stats.norm.pdf(x, value, deviation)
    colour = colours(list(block["models"]))[comparison["model"]]
    axes.fill_between(x, y, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.6)
    other = x * value < 0
    axes.fill_between(
        x, y, where=other, color=colour, alpha=0.55, linewidth=0, hatch="//", edgecolor=colour
    )
    axes.axvline(0, color=INK, linewidth=1)
    top = float(y.max())
    axes.plot(
        [100 * again["low"], 100 * again["high"]], [-0.08 * top] * 2, color=colour, linewidth=3
    )
    axes.plot(value, -0.08 * top, "D", color=colour, markersize=7)
    axes.annotate(
        "this run", (value, top), xytext=(0, 3), textcoords="offset points", ha="center", color=MUTED,
        fontsize=9,
    )  # fmt: skip
    chance = as_chance(again["sign_flip"])
    if other.any() and again["sign_flip"] >= 0.02:
        side = -1 if value > 0 else 1
        axes.annotate(
            f"other sign:\n{chance}", (side * deviation * 0.25, 0.18 * top),
            xytext=(side * 2.2 * deviation + min(0.0, value) * (side < 0), 0.6 * top), ha="center", va="center",
            color=INK, fontsize=9, arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.8},
        )  # fmt: skip
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_xlabel(
        f"Difference of the next run, percentage points ({comparison['model']} minus {comparison['reference']})"
    )
    most = "up to " if bound else "about "
    title = (
        f"A rerun could come out the other way, {most}{chance}"
        if again["sign_flip"] >= 0.02 and value
        else "A rerun would most likely come out the same way"
    )
    low, high = (as_points(edge, n, unit=False) for edge in (again["low"], again["high"]))
    basis = (
        "One sample of each question does not tell how much of this is sampling: the figure takes all of it to "
        "be, which is the most there can be. Two samples of each question would measure it."
        if bound
        else f"The spread is measured from {counted(block['n_samples'], 'sample')} of each question."
    )
    caption = (
        f"If both models answered the same questions again, the difference would lie between {low} and {high} "
        f"points with a chance of 95% (the bar below; the diamond is this run). {basis} Which questions were "
        "chosen plays no part here; new questions would add to the spread."
    )
    alt = f"{title}. This run {as_points(comparison['difference'], n)}; the next one from {low} to {high} points."
    return figure_block("next-run", svg(figure, "next-run"), title, caption, alt)


def power_curve(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """The chance that this design finds a difference, over the size of the difference."""
    design, n = block["power"], block["n_questions"]
    target = block["thresholds"]["power"]
    level = block["thresholds"]["significance"]
    x = np.array([100 * point["difference"] for point in design["curve"]])
    y = np.array([100 * point["power"] for point in design["curve"]])
    finds, seen = 100 * comparison["detectable_difference"], abs(100 * comparison["difference"])
    figure, axes = canvas(2.6)
    colour = colours(list(block["models"]))[comparison["model"]]
    axes.plot(x, y, color=colour, linewidth=1.8)
    finds_words = as_points(comparison["detectable_difference"], n, sign=False)
    nothing = comparison["detectable_difference"] >= 1
    title = (
        "This design finds no difference reliably"
        if nothing
        else f"This design finds differences of {finds_words} and more"
    )
    if not nothing:
        axes.plot(
            [0, finds, finds],
            [100 * target, 100 * target, 0],
            color=MUTED,
            linewidth=1,
            linestyle=(0, (3, 3)),
        )
        axes.plot(finds, 100 * target, "o", color=colour, markersize=7)
        axes.annotate(
            f"{finds_words}: found {target:.0%} of the time", (finds, 100 * target),
            xytext=(-9, 3), textcoords="offset points", ha="right", va="bottom", color=INK, fontsize=9,
        )  # fmt: skip
    at = float(np.interp(seen, x, y))
    if seen <= x[-1]:
        axes.plot(seen, at, "D", color=INK, markersize=7)
        axes.annotate(
            f"the size seen: {as_percent(at / 100, 1)}", (seen, at), xytext=(9, -2),
            textcoords="offset points", va="top" if at > 12 else "bottom", color=INK, fontsize=9,
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.set_xlabel("True difference, percentage points")
    axes.set_ylabel("Chance to find it, percent")
    smallest = block["thresholds"]["smallest_interesting"]
    circle = "" if nothing else f"The circle is what it finds {target:.0%} of the time. "
    compared = design["candidates"]
    adjusted = f", adjusted for {compared} candidates" if compared > 1 else ""
    caption = (
        f"{counted(n, 'question')} with {counted(block['n_samples'], 'sample')} each: the chance that the test (level "
        f"{level:g}{adjusted}) finds a true difference of the size below. {circle}The diamond is a "
        f"difference as large as the one seen. Worth finding, says the params file: "
        f"{as_points(smallest, 1, sign=False) if 100 * smallest == round(100 * smallest) else f'{100 * smallest:g} points'}."
    )
    alt = f"{title}. A true difference as large as the one seen would be found {as_percent(at / 100, 1)} of the time."
    return figure_block("power", svg(figure, "power"), title, caption, alt)


def candidates(block: dict[str, Any]) -> FigureBlock:
    """All candidates against the reference, with intervals that hold all at once and shrunken estimates."""
    found = block["selection"]["candidates"]
    n, reference = block["n_questions"], next(iter(block["models"]))
    figure, axes = canvas(0.42 * len(found) + 0.95)
    paint = colours(list(block["models"]))
    for y, row in enumerate(found):
        colour = paint[row["model"]]
        axes.plot([100 * row["low"], 100 * row["high"]], [y, y], color=colour, linewidth=1.8)
        axes.plot(100 * row["difference"], y, "o", color=colour, markersize=7)
        axes.plot(
            100 * row["shrunken"], y, "|", color=INK, markersize=13, markeredgewidth=1.6, zorder=4
        )
        axes.annotate(
            as_percent(row["best"], 1), (1.02, y), xycoords=("axes fraction", "data"), va="center",
            color=MUTED, fontsize=9,
        )  # fmt: skip
    axes.annotate(
        "best",
        (1.02, -0.75),
        xycoords=("axes fraction", "data"),
        va="center",
        color=MUTED,
        fontsize=9,
    )
    axes.axvline(0, color=BASE, linewidth=1.4)
    axes.set_yticks(range(len(found)), [row["model"] for row in found])
    axes.set_ylim(len(found) - 0.5, -0.9)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"Percentage points, candidate minus {reference}")
    above = [row["model"] for row in found if row["low"] > 0]
    below = [row["model"] for row in found if row["high"] < 0]
    title = _candidates_title(above, below, len(found), reference)
    top = max(found, key=lambda row: row["difference"])
    level = 1 - block["thresholds"]["significance"]
    caption = (
        f"Each point is a candidate's difference to {reference}; the lines are {100 * level:.4g}% intervals that hold for all "
        f"{len(found)} at once, so the best of them may be picked. The upright stroke is the shrunken estimate: "
        "what is left of a difference when the spread among candidates that chance makes is taken out. To the "
        "right: how often the candidate is the best one when the questions are drawn anew (bootstrap)."
    )
    alt = (
        f"{title}. Largest: {top['model']} {as_points(top['difference'], n)}, best in {as_percent(top['best'], 1)} "
        "of the resamples."
    )
    return figure_block("candidates", svg(figure, "candidates"), title, caption, alt)


def _candidates_title(above: list[str], below: list[str], count: int, reference: str) -> str:
    if not above and not below:
        return f"None of the {count} candidates differs clearly from {reference}"
    words = [
        f"{len(names)} of {count} {'is' if len(names) == 1 else 'are'} clearly {word}"
        for names, word in ((above, "better"), (below, "worse"))
        if names
    ]
    return f"{' and '.join(words)} than {reference}"
