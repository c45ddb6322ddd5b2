"""Figures on how sure a comparison is: the next run, the power of the design, the choice among candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from llmc_lib.analysis import outlook
from llmc_lib.analysis.rerun import Rerun
from llmc_lib.formatting import (
    all_of,
    as_bound,
    as_chance,
    as_level,
    as_likely,
    as_points,
    as_size,
    best_of,
    counted,
    listed,
)
from llmc_lib.language import plural, tr
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.figures.intervals import points
from llmc_lib.reporting.palette import BASE, INK, MUTED, colours
from llmc_lib.reporting.sentences import outlook as words
from llmc_lib.reporting.sentences.runs import samples_of


def next_run(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """What a rerun of both models would show: the distribution of the next difference, with its other sign
    filled. `block` of metrics.json, and one of its comparisons."""
    again, n = outlook.of_block(comparison["rerun"]), comparison["n"]
    centre, deviation = 100 * again.expected, 100 * again.error
    figure, axes = canvas(2.3)
    x = np.linspace(centre - 4 * deviation, centre + 4 * deviation, 400)
    y = stats.norm.pdf(x, centre, deviation)
    colour = colours(list(block["models"]))[comparison["model"]]
    axes.fill_between(x, y, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.6)
    other = x * again.value < 0
    axes.fill_between(
        x, y, where=other, color=colour, alpha=0.55, linewidth=0, hatch="//", edgecolor=colour
    )
    axes.axvline(0, color=INK, linewidth=1)
    top = float(y.max())
    axes.plot([100 * again.low, 100 * again.high], [-0.08 * top] * 2, color=colour, linewidth=3)
    axes.plot(100 * again.value, -0.08 * top, "D", color=colour, markersize=7)
    axes.annotate(
        tr("this run"), (100 * again.value, -0.08 * top), xytext=(0, -7), textcoords="offset points", ha="center",
        va="top", color=MUTED, fontsize=9,
    )  # fmt: skip
    axes.set_ylim(-0.3 * top, 1.08 * top)
    flat = again.sign_flip or 0.0
    if other.any() and flat >= outlook.UNLIKELY:
        side = -1 if again.value > 0 else 1
        axes.annotate(
            tr("other sign, flat prior:\n{flat}", flat=as_chance(flat)), (side * deviation * 0.25, 0.18 * top),
            xytext=(side * 2.2 * deviation + min(0.0, centre) * (side < 0), 0.6 * top), ha="center", va="center",
            color=INK, fontsize=9, arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.8},
        )  # fmt: skip
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_xlabel(
        tr(
            "Difference of the next run, percentage points ({model} minus {reference})",
            model=comparison["model"],
            reference=comparison["reference"],
        )
    )
    title = words.rerun_title(again, n)
    low, high = (as_bound(edge, n) for edge in (again.low, again.high))
    alt = tr(
        "{title}. This run {difference}; the next one from {low} to {high} points.",
        title=title,
        difference=as_points(again.value, n),
        low=low,
        high=high,
    )
    keys = ("value", "low", "high", "expected", "error", "sign_flip", "sign_flip_sceptical")
    data = pd.DataFrame(
        [{"model": comparison["model"]} | {key: comparison["rerun"][key] for key in keys}]
    ).rename(columns={"value": "difference", "error": "standard_error"})
    caption = _next_caption(block, comparison, again)
    return figure_block("next-run", figure, title, caption, alt, data)


def _next_caption(block: dict[str, Any], comparison: dict[str, Any], again: Rerun) -> str:
    low, high = (as_bound(edge, comparison["n"]) for edge in (again.low, again.high))
    caption = tr(
        "If both models answered the same questions again, the difference would lie between {low} and {high} points with "
        "a probability of {chance} (the bar below; the diamond is this run).",
        low=low,
        high=high,
        chance=tr("at least 95%") if again.basis == "bound" else "95%",
    )
    chosen = tr(
        "Which questions were chosen plays no part here; new questions would add to the spread."
    )
    caption = f"{caption} {_basis(block, comparison, again)} {chosen}"
    if again.value:
        caption += f" {words.sign_sentence(again)} {words.priors()}"
    return caption


def _basis(block: dict[str, Any], comparison: dict[str, Any], again: Rerun) -> str:
    """What the spread and the centre of the next run rest on."""
    measured = again.basis == "repeat" and tr(
        "The spread is measured: it is how often the answers of a model turned that answered twice, and those of the others are taken "
        "to turn as often."
    )
    text = (
        measured
        or (comparison["rerun"]["greedy"] and tr(words.GREEDY))
        or (
            tr(
                "One sample of each question does not tell how much of this is sampling: the figure takes all of it to "
                "be, which is the most there can be. Two samples of each question would measure it."
            )
            if again.basis == "bound"
            else tr(
                "The spread is measured from {samples} of each question.",
                samples=samples_of(block),
            )
        )
    )
    if picked_from := comparison["rerun"]["picked_from"]:
        text += " " + tr(
            "{model} is {picked_from}, so the shrunken difference is used for it: {expected}.",
            model=comparison["model"],
            picked_from=best_of(picked_from),
            expected=as_points(again.expected, comparison["n"]),
        )
    return text


def power_curve(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """The chance that this design finds a difference, over the size of the difference."""
    design, n = block["power"], block["n_questions"]
    target = block["thresholds"]["power"]
    x = np.array([100 * point["difference"] for point in design["curve"]])
    y = np.array([100 * point["power"] for point in design["curve"]])
    finds = 100 * comparison["detectable_difference"]
    smallest = block["thresholds"]["smallest_interesting"]
    figure, axes = canvas(2.6)
    colour = colours(list(block["models"]))[comparison["model"]]
    axes.plot(x, y, color=colour, linewidth=1.8)
    finds_words = as_points(comparison["detectable_difference"], n, sign=False)
    nothing = comparison["detectable_difference"] >= 1
    title = (
        tr("This design finds no difference reliably")
        if nothing
        else tr(
            "This design finds true differences of {size} and more at least {target:.0%} of the time",
            size=finds_words,
            target=target,
        )
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
            f"{finds_words}: {target:.0%}", (finds, 100 * target),
            xytext=(-9, 3), textcoords="offset points", ha="right", va="bottom", color=INK, fontsize=9,
        )  # fmt: skip
    inside = 100 * smallest <= x[-1]  # beyond it nearly every one is found
    found = as_likely(float(np.interp(100 * smallest, x, y)) / 100 if inside else 0.999)
    if inside:
        at = float(np.interp(100 * smallest, x, y))
        words = f"{as_size(smallest)}: {found}"
        _draw_smallest(axes, (100 * smallest, at), words, (finds, 100 * target))
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.set_xlabel(tr("True difference, percentage points"))
    axes.set_ylabel(tr("Power (chance to find it), percent"))
    alt = tr(
        "{title}. A true difference of {smallest} would be found {chance} of the time.",
        title=title,
        smallest=as_size(smallest),
        chance=found,
    )
    caption = _power_caption(block, nothing=nothing, inside=bool(inside))
    return figure_block("power", figure, title, caption, alt, pd.DataFrame(design["curve"]))


def _draw_smallest(
    axes: Axes, point: tuple[float, float], name: str, circle: tuple[float, float]
) -> None:
    """Mark a point of the power curve, its name on no line: neither on the curve nor on those from the axes to `circle`."""
    axes.plot(*point, "D", color=INK, markersize=7)
    x, y = point
    place: dict[str, Any] = {"xytext": (-7, 2), "ha": "right", "va": "bottom"}
    if y > circle[1] - 10:
        x, place = max(x, circle[0]), {"xytext": (9, -2), "va": "top"}
    elif x < circle[0] / 5:  # near the axis, where the curve is flat
        place |= {"xytext": (-4, 18), "ha": "left"}
    axes.annotate(name, (x, y), textcoords="offset points", color=INK, fontsize=9, **place)


def _power_caption(block: dict[str, Any], *, nothing: bool, inside: bool) -> str:
    """`nothing`: no difference is found reliably; `inside`: the smallest difference of interest is in the figure."""
    smallest = as_size(block["thresholds"]["smallest_interesting"])
    caption = [
        tr(
            "{questions} with {samples} each: the chance that the test ({level}) finds a true difference of the size "
            "below.",
            questions=counted(block["n_questions"], "question"),
            samples=samples_of(block),
            level=level_words(block),
        ),
        ""
        if nothing
        else tr(
            "The circle is what it finds {target:.0%} of the time.",
            target=block["thresholds"]["power"],
        ),
        tr(
            "The smallest difference of interest, {smallest} (set by the params file), is the diamond.",
            smallest=smallest,
        )
        if inside
        else tr(
            "The smallest difference of interest, {smallest} (set by the params file), is to the right of this figure.",
            smallest=smallest,
        ),
        _clusters(block),
    ]
    return " ".join(filter(None, caption))


def level_words(block: dict[str, Any]) -> str:
    """The level of a test, and for how many candidates it is adjusted: "level 0.05, adjusted for 3 candidates"."""
    return plural(
        "level {level:g}",
        "level {level:g}, adjusted for {n} candidates",
        block["power"]["candidates"],
        level=block["thresholds"]["significance"],
    )


def _clusters(block: dict[str, Any]) -> str:
    if (count := block["n_clusters"]) is None:
        return ""
    return tr(
        "The questions are in {clusters}; further ones are taken to be in clusters like these.",
        clusters=counted(count, "cluster"),
    )


def candidates(block: dict[str, Any]) -> FigureBlock:
    """All candidates against the reference, with intervals that hold all at once and shrunken estimates."""
    found = block["selection"]["candidates"]
    n, reference = block["n_questions"], next(iter(block["models"]))
    figure, axes = canvas(0.42 * len(found) + 0.95)
    paint = colours(list(block["models"]))
    table = pd.DataFrame(found)
    rates = 100 * table[["difference", "low", "high"]].rename(columns={"difference": "value"})
    points(axes, rates.assign(row=table.index, model=table["model"]), paint, lone=True)
    for y, row in enumerate(found):
        axes.plot(
            100 * row["shrunken"], y, "|", color=INK, markersize=13, markeredgewidth=1.6, zorder=4
        )
        axes.annotate(
            as_likely(row["best"]), (1.02, y), xycoords=("axes fraction", "data"), va="center",
            color=MUTED, fontsize=9,
        )  # fmt: skip
    axes.annotate(
        tr("best"),
        (1.02, -0.75),
        xycoords=("axes fraction", "data"),
        va="center",
        color=MUTED,
        fontsize=9,
    )
    axes.axvline(0, color=BASE, linewidth=1.4)
    axes.set_yticks(range(len(found)), [row["model"] for row in found])
    axes.set_ylim(len(found) - 0.5, -0.9)
    axes.set_xlabel(tr("Percentage points, candidate minus {reference}", reference=reference))
    above = [row["model"] for row in found if row["low"] > 0]
    below = [row["model"] for row in found if row["high"] < 0]
    title = _candidates_title(above, below, len(found), reference)
    top = max(found, key=lambda row: row["difference"])
    level = block["thresholds"]["significance"]
    caption = tr(
        "Each point is a candidate's difference from {reference}; the lines are {level}% intervals that hold "
        "for {all_of} at once, so they also hold for the one that was picked. The vertical tick is the shrunken "
        "difference: moved towards the mean of all candidates as far as their spread can be chance. To the right: "
        "how often the candidate is the best one when the questions are redrawn (bootstrap).",
        reference=reference,
        level=as_level(level),
        all_of=all_of(len(found)),
    )
    alt = tr(
        "{title}. Largest: {model} {difference}, best in {best} of the resamples.",
        title=title,
        model=top["model"],
        difference=as_points(top["difference"], n),
        best=as_likely(top["best"]),
    )
    return figure_block("candidates", figure, title, caption, alt, table)


def _candidates_title(above: list[str], below: list[str], count: int, reference: str) -> str:
    if not above and not below:
        if count == 2:
            return tr("Neither candidate differs clearly from {reference}", reference=reference)
        return tr(
            "None of the {count} candidates differs clearly from {reference}",
            count=count,
            reference=reference,
        )
    better = plural(
        "{n} of {count} is clearly better",
        "{n} of {count} are clearly better",
        len(above),
        count=count,
    )
    worse = plural(
        "{n} of {count} is clearly worse",
        "{n} of {count} are clearly worse",
        len(below),
        count=count,
    )
    told = listed([text for text, names in ((better, above), (worse, below)) if names])
    return tr(
        "{are_better_or_worse} than {reference}", are_better_or_worse=told, reference=reference
    )
