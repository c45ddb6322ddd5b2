"""The figures of accuracy: by category, as paired differences, and the line in the head of the page."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from llmc_lib.formatting import MINUS, as_percent, as_points, listed
from llmc_lib.reporting.figures.drawing import (
    NARROW,
    FigureBlock,
    Picture,
    canvas,
    figure_block,
    svg,
)
from llmc_lib.reporting.figures.intervals import by_group, rates
from llmc_lib.reporting.palette import INK, MODELS, MUTED
from llmc_lib.taxonomy import HLE_SHARES, ordered

#: What an asterisk beside an interval says.
NARROW_MARK = (
    " *: too few of these questions tell the models apart; if there is a kind of question that is rare here and on which "
    "they differ more, the interval is too narrow."
)

_CORRECTIONS = {"holm": "Holm's", "bh": "Benjamini and Hochberg's"}


def grouped(block: dict[str, Any]) -> str | None:
    """By what answers belong together that are not independent; None where each is a question of its own. `block` is
    one of metrics.json."""
    if block["n_clusters"] is not None:
        return "by the cluster field"
    return "by question" if block["n_samples"] > 1 else None


def by_category(hle: dict[str, Any], models: list[str]) -> FigureBlock:
    """Accuracy of `models` in each category with Wilson intervals; `hle` is a metrics.json block."""
    names = ordered(hle["models"][models[0]]["categories"])
    title = _category_finding(hle, models[-1])
    figure, axes = canvas(0.52 * len(names) + 0.9)
    by_group(axes, hle, models, names, "categories", "accuracy")
    shares = _shares(axes, names)
    axes.set_xlabel("Questions answered correctly, percent")
    sizes = hle["models"][models[0]]["categories"]
    by = grouped(hle)
    kind = f"interval, clustered {by}" if by else "Wilson interval"
    caption = (
        "Each point is the share of a category's questions that a model answers correctly, each line "
        f"its 95% {kind}; the number of questions is beside the category. Unanswered "
        "and truncated questions count as wrong. Where the lines of two models overlap widely, the "
        f"category alone says little.{shares}"
    )
    data = rates(hle, models, names, "categories", "accuracy").rename(columns={"group": "category"})
    largest = names[0]
    alt = f"{title}. " + "; ".join(
        f"{largest}: {m} {as_percent(hle['models'][m]['categories'][largest]['accuracy'], 200)} of "
        f"{sizes[largest]['n']}"
        for m in models
    )
    return figure_block("categories", figure, title, caption, alt, data)


def differences(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """Forest plot of a candidate's paired differences to the reference, overall and by category; `block` of
    metrics.json, and one of its comparisons."""
    thresholds = block["thresholds"]
    parts = comparison["categories"]
    interval = comparison["interval"]
    names = ordered(parts)
    rows = [("All questions", comparison), *((name, parts[name]) for name in names)]
    figure, axes = canvas(0.34 * len(rows) + 0.9)
    colour = MODELS[0]
    for y, (_, part) in enumerate(rows):
        low, high = (100 * part["interval"][end] for end in ("low", "high"))
        strong = part["significant"]
        axes.plot([low, high], [y, y], color=colour, linewidth=3 if y == 0 else 1.6, alpha=0.9)
        axes.plot(
            100 * part["difference"], y, marker="D" if y == 0 else "o", markersize=7 if y == 0 else 6,
            color=colour, markerfacecolor=colour if strong else "none", linestyle="none",
        )  # fmt: skip
        axes.annotate(
            f"+{part['gained']} {MINUS}{part['lost']}", (1.01, y), xycoords=("axes fraction", "data"),
            va="center", color=MUTED, fontsize=9,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(rows)), [_row_name(name, part) for name, part in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"Percentage points, {comparison['model']} minus {comparison['reference']}")
    by = grouped(block)
    test = f"test clustered {by}" if by else "McNemar mid-p test"
    gained, lost = (
        ("only the candidate is right", "only the reference is right")
        if block["n_samples"] == 1
        else ("the candidate is right more often", "the reference is right more often")
    )
    clear = [name for name in names if parts[name]["significant"]]
    title = (
        f"The difference is clear in {listed(clear)}"
        if clear
        else "No single category shows a clear difference"
    )
    compared = interval["candidates"]
    adjusted = f", adjusted for {compared} candidates" if compared > 1 else ""
    if len(names) > 1:
        adjusted += (
            f"{' and' if compared > 1 else ', adjusted'} for the {len(names)} categories (by "
            f"{_CORRECTIONS[thresholds['correction']]} method); the intervals are not adjusted for the categories"
        )
    mark = NARROW_MARK if any(part["interval"]["narrow"] for _, part in rows) else ""
    caption = (
        f"Difference in accuracy on the same questions with its {interval['label']}: at the top on all questions, below "
        "that in each category. A mark is filled where the "
        f"p-value ({test}) is below {thresholds['significance']:g}{adjusted}. To the right: questions gained ({gained}) "
        f"and lost ({lost}).{mark}"
    )
    alt = (
        f"{title}. All questions: {as_points(comparison['difference'], comparison['n'], comparison['digits'])}, interval "
        f"{' to '.join(interval['printed'])} points."
    )
    return figure_block("differences", figure, title, caption, alt, _parts(rows))


def _parts(rows: list[tuple[str, dict[str, Any]]]) -> pd.DataFrame:
    """The differences of the forest plot, as fractions."""
    keys = ("difference", "p_value", "p_adjusted", "gained", "lost")
    return pd.DataFrame(
        {"category": name, "questions": part["n"]}
        | {key: part.get(key) for key in keys[:1]}
        | {end: part["interval"][end] for end in ("low", "high")}
        | {key: part.get(key) for key in keys[1:]}
        for name, part in rows
    )


def _row_name(name: str, part: dict[str, Any]) -> str:
    return f"{name} ({part['n']:,}){' *' if part['interval']['narrow'] else ''}"


def interval_strip(comparison: dict[str, Any]) -> Picture:
    """The overall difference and its interval as one line, for the head of the page."""
    low, high = 100 * comparison["interval"]["low"], 100 * comparison["interval"]["high"]
    figure, axes = canvas(0.72, width=NARROW)
    axes.plot([low, high], [0, 0], color=MODELS[0], linewidth=5, solid_capstyle="butt", alpha=0.55)
    axes.plot(100 * comparison["difference"], 0, "D", color=MODELS[0], markersize=9)
    axes.axvline(0, color=INK, linewidth=1.2)
    reach = 1.25 * max(abs(low), abs(high), 2)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-1, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    near = high - low < reach / 3  # the two numbers would touch: each is set outwards of its bound
    places = [
        ("no difference", 0.0, 1, "center"),
        (comparison["interval"]["printed"][0], low, -1, "right" if near else "center"),
        (comparison["interval"]["printed"][1], high, -1, "left" if near else "center"),
    ]
    for text, x, side, align in places:
        axes.annotate(
            text, (x, side), xytext=(0, 2 * side), textcoords="offset points", ha=align,
            va="bottom" if side > 0 else "top", color=MUTED, fontsize=9,
        )  # fmt: skip
    alt = comparison["sentence"]
    return Picture(
        f'<div class="plot strip" role="img" aria-label="{html.escape(alt, quote=True)}">'
        f"{svg(figure, 'strip')}</div>",
        figure,
        alt,
        text="",  # the sentence is above it
    )


# ---- drawing ---------------------------------------------------------------------------------


def _shares(axes: Axes, names: list[str]) -> str:
    """HLE's shares between its categories and the axis, and what the caption says of them; nothing beside others."""
    if not set(names) <= set(HLE_SHARES):
        return ""
    told: dict[str, Any] = {
        "color": MUTED,
        "fontsize": 9,
        "textcoords": "offset points",
        "ha": "right",
    }
    for y, name in enumerate(names):
        axes.annotate(
            f"{HLE_SHARES[name]:.0%}", (0, y), xycoords=("axes fraction", "data"), xytext=(-7, 0), va="center",
            **told,
        )  # fmt: skip
    axes.annotate("of HLE", (0, 1), xycoords="axes fraction", xytext=(-7, 2), **told)
    axes.tick_params(axis="y", pad=34)
    return " Before the axis: each category's share of the questions of HLE."


# ---- words -----------------------------------------------------------------------------------


def _category_finding(hle: dict[str, Any], model: str) -> str:
    """What the category figure shows, in words that the tests support."""
    comparison = next((c for c in hle["comparisons"] if c["model"] == model), None)
    if comparison is None:
        return "Accuracy by category"
    parts = comparison["categories"]
    up = [n for n in ordered(parts) if parts[n]["significant"] and parts[n]["difference"] > 0]
    down = [n for n in ordered(parts) if parts[n]["significant"] and parts[n]["difference"] < 0]
    if up and down:
        return f"{listed(up)} gained, {listed(down)} lost"
    if len(parts) > 1 and len(parts) in (len(up), len(down)):
        return f"Every category {'gained' if up else 'lost'}"
    if up or down:
        others = "; no other category differs clearly" if len(parts) > 1 else ""
        return f"{listed(up or down)} {'gained' if up else 'lost'}{others}"
    return "No category differs clearly"


def digits_of_rate(block: dict[str, Any], model: str) -> int:
    """The digits with which a model's rate is printed: those of its own sentence, where more may be needed for the
    numbers to add up; of the reference the fewest of all sentences."""
    digits: dict[str, int] = {
        comparison["model"]: comparison["digits"] for comparison in block["comparisons"]
    }
    return digits.get(model, min(digits.values(), default=0))
