"""The figures of accuracy: by category, as paired differences, and the line in the head of the page."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from llmc_lib.formatting import MINUS, as_percent, as_points, as_range, listed
from llmc_lib.language import N_, plural, tr
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
NARROW_MARK = N_(
    "*: too few of these questions tell the models apart; if there is a kind of question that is rare here "
    "and on which they differ more, the interval is too narrow."
)

_CORRECTIONS = {"holm": N_("Holm's method"), "bh": N_("Benjamini and Hochberg's method")}


def grouped(block: dict[str, Any]) -> str | None:
    """ "clustered by question" or by what else answers belong together that are not independent; None where each is a
    question of its own. `block` is one of metrics.json."""
    if block["n_clusters"] is not None:
        return tr("clustered by questions that belong together")
    return tr("clustered by question") if block["n_samples"] > 1 else None


def by_category(hle: dict[str, Any], models: list[str]) -> FigureBlock:
    """Accuracy of `models` in each category with Wilson intervals; `hle` is a metrics.json block."""
    names = ordered(hle["models"][models[0]]["categories"])
    title = _category_finding(hle, models[-1])
    figure, axes = canvas(0.52 * len(names) + 0.9)
    by_group(axes, hle, models, names, "categories", "accuracy")
    axes.set_xlabel(tr("Questions answered correctly, percent"))
    sizes = hle["models"][models[0]]["categories"]
    by = grouped(hle)
    caption = tr(
        "Each point is the share of a category's questions that a model answers correctly, each line its {interval}; "
        "the number of questions is beside the category. Unanswered and truncated questions count as wrong. Where the "
        "lines of two models overlap widely, the category alone says little.",
        interval=tr("95% interval, {clustered}", clustered=by) if by else tr("95% Wilson interval"),
    )
    if _draw_shares(axes, names):
        caption += " " + tr("Before the axis: each category's share of the questions of HLE.")
    data = rates(hle, models, names, "categories", "accuracy").rename(columns={"group": "category"})
    largest = names[0]
    alt = f"{title}. " + "; ".join(
        tr(
            "{category}: {model} {accuracy} of {n}",
            category=largest,
            model=m,
            accuracy=as_percent(hle["models"][m]["categories"][largest]["accuracy"], 200),
            n=sizes[largest]["n"],
        )
        for m in models
    )
    return figure_block("categories", figure, title, caption, alt, data)


def differences(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
    """Forest plot of a candidate's paired differences to the reference, overall and by category; `block` of
    metrics.json, and one of its comparisons."""
    parts = comparison["categories"]
    interval = comparison["interval"]
    names = ordered(parts)
    rows = [(tr("All questions"), comparison), *((name, parts[name]) for name in names)]
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
    axes.set_xlabel(
        tr(
            "Percentage points, {model} minus {reference}",
            model=comparison["model"],
            reference=comparison["reference"],
        )
    )
    clear = [name for name in names if parts[name]["significant"]]
    title = (
        tr("The difference is clear in {clear}", clear=listed(clear))
        if clear
        else tr("No single category shows a clear difference")
    )
    alt = tr(
        "{title}. All questions: {difference}, interval {interval} points.",
        title=title,
        difference=as_points(comparison["difference"], comparison["n"], comparison["digits"]),
        interval=as_range(*interval["printed"]),
    )
    return figure_block(
        "differences", figure, title, _paired_caption(block, comparison), alt, _parts(rows)
    )


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


def _paired_caption(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    parts, interval = comparison["categories"], comparison["interval"]
    by = grouped(block)
    test = tr("test {clustered}", clustered=by) if by else tr("McNemar mid-p test")
    caption = [
        tr(
            "Difference in accuracy on the same questions with its {label}: at the top on all questions, below that in "
            "each category.",
            label=interval["label"],
        ),
        _filled(test, block["thresholds"], interval["candidates"], len(parts)),
        tr(
            "To the right: questions gained (only the candidate is right) and lost (only the reference is right)."
        )
        if block["n_samples"] == 1
        else tr(
            "To the right: questions gained (the candidate is right more often) and lost (the reference is right more "
            "often)."
        ),
    ]
    if any(part["interval"]["narrow"] for part in (comparison, *parts.values())):
        caption.append(tr(NARROW_MARK))
    return " ".join(caption)


def _filled(test: str, thresholds: dict[str, Any], compared: int, categories: int) -> str:
    """Where a mark is filled, and for what its p-value is adjusted."""
    given = {
        "test": test,
        "level": thresholds["significance"],
        "categories": categories,
        "method": tr(_CORRECTIONS[thresholds["correction"]]),
    }
    if categories > 1:
        return plural(
            "A mark is filled where the p-value ({test}) is below {level:g}, adjusted for the {categories} categories (by "
            "{method}); the intervals are not adjusted for the categories.",
            "A mark is filled where the p-value ({test}) is below {level:g}, adjusted for {n} candidates and for the "
            "{categories} categories (by {method}); the intervals are not adjusted for the categories.",
            compared, **given,
        )  # fmt: skip
    return plural(
        "A mark is filled where the p-value ({test}) is below {level:g}.",
        "A mark is filled where the p-value ({test}) is below {level:g}, adjusted for {n} candidates.",
        compared,
        **given,
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
        (tr("no difference"), 0.0, 1, "center"),
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


def _draw_shares(axes: Axes, names: list[str]) -> bool:
    """HLE's shares between its categories and the axis; nothing beside other categories. Returns whether they are."""
    if not set(names) <= set(HLE_SHARES):
        return False
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
    axes.annotate(tr("of HLE"), (0, 1), xycoords="axes fraction", xytext=(-7, 2), **told)
    axes.tick_params(axis="y", pad=34)
    return True


# ---- words -----------------------------------------------------------------------------------


def _category_finding(hle: dict[str, Any], model: str) -> str:
    """What the category figure shows, in words that the tests support."""
    comparison = next((c for c in hle["comparisons"] if c["model"] == model), None)
    if comparison is None:
        return tr("Accuracy by category")
    parts = comparison["categories"]
    up = [n for n in ordered(parts) if parts[n]["significant"] and parts[n]["difference"] > 0]
    down = [n for n in ordered(parts) if parts[n]["significant"] and parts[n]["difference"] < 0]
    if up and down:
        return tr("{up} gained, {down} lost", up=listed(up), down=listed(down))
    if len(parts) > 1 and len(parts) in (len(up), len(down)):
        return tr("Every category gained") if up else tr("Every category lost")
    if not up and not down:
        return tr("No category differs clearly")
    if len(parts) == 1:
        return tr("{up} gained", up=listed(up)) if up else tr("{down} lost", down=listed(down))
    if up:
        return tr("{up} gained; no other category differs clearly", up=listed(up))
    return tr("{down} lost; no other category differs clearly", down=listed(down))


def digits_of_rate(block: dict[str, Any], model: str) -> int:
    """The digits with which a model's rate is printed: those of its own sentence, where more may be needed for the
    numbers to add up; of the reference the fewest of all sentences."""
    digits: dict[str, int] = {
        comparison["model"]: comparison["digits"] for comparison in block["comparisons"]
    }
    return digits.get(model, min(digits.values(), default=0))
