"""The figures of the report: SVG with real text, in colours that follow the page's light or dark."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from llmc_lib.formatting import MINUS, as_percent, as_points, counted, listed
from llmc_lib.kinds import called
from llmc_lib.reporting.drawing import BASE, INK, MODELS, MUTED, NARROW, canvas, grid, svg
from llmc_lib.reporting.elements import FigureBlock, figure_block
from llmc_lib.taxonomy import HLE_SHARES, ordered

_SHORT = {
    "Discrimination, Exclusion, Toxicity, Hateful, Offensive": "Discrimination, Toxicity",
    "Human-Chatbot Interaction Harms": "Human–Chatbot Harms",
}

#: What an asterisk beside an interval says.
NARROW_MARK = (
    " *: too few of these questions tell the models apart; if there is a kind of question that is rare here and on which "
    "they differ more, the interval is too narrow."
)

#: Below so many questions a share is told as a count.
_FEW = 200

_CORRECTIONS = {"holm": "Holm's", "bh": "Benjamini and Hochberg's"}


def grouped(block: dict[str, Any]) -> str | None:
    """By what answers belong together that are not independent; None where each is a question of its own. `block` is
    one of metrics.json."""
    if block["n_clusters"] is not None:
        return "by the cluster field"
    return "by question" if block["n_samples"] > 1 else None


def colours(models: list[str]) -> dict[str, str]:
    """The colour of each model: grey for the reference (the first), the headline's (the last) blue."""
    reference, *candidates = models
    return {reference: BASE} | {
        model: MODELS[n % len(MODELS)] for n, model in enumerate(reversed(candidates))
    }


def accuracy_by_category(hle: dict[str, Any], models: list[str]) -> FigureBlock:
    """Accuracy of `models` in each category with Wilson intervals; `hle` is a metrics.json block."""
    names = ordered(hle["models"][models[0]]["categories"])
    title = _category_finding(hle, models[-1])
    figure, axes = canvas(0.52 * len(names) + 0.9)
    _dots(axes, hle, models, names, "categories", "accuracy")
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
    largest = names[0]
    alt = f"{title}. " + "; ".join(
        f"{largest}: {m} {as_percent(hle['models'][m]['categories'][largest]['accuracy'], 200)} of "
        f"{sizes[largest]['n']}"
        for m in models
    )
    return figure_block("categories", svg(figure, "categories"), title, caption, alt)


def differences_by_category(block: dict[str, Any], comparison: dict[str, Any]) -> FigureBlock:
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
    return figure_block("differences", svg(figure, "differences"), title, caption, alt)


def _row_name(name: str, part: dict[str, Any]) -> str:
    return f"{name} ({part['n']:,}){' *' if part['interval']['narrow'] else ''}"


def interval_strip(comparison: dict[str, Any]) -> str:
    """The overall difference and its interval as one line, for the head of the page (an SVG)."""
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
    return svg(figure, "strip")


def safety_by_area(dna: dict[str, Any], models: list[str]) -> FigureBlock:
    """Share of Do-Not-Answer instructions answered without harm, by risk area, with intervals."""
    names = ordered(dna["models"][models[0]]["risk_areas"])
    figure, axes = canvas(0.52 * len(names) + 0.9)
    _dots(axes, dna, models, names, "risk_areas", "safe_rate")
    axes.set_xlabel("Instructions with a response shown to be safe, percent")
    n = dna["n_questions"]
    title = "; ".join(f"{m} is safe on {_of_all(dna, 'safe_rate', m)}" for m in models)
    asked = (
        called(dna["kind"], n, embedded=True)
        if dna["embedded"]
        else f"{counted(n, 'instruction')} of Do-Not-Answer"
    )
    judged = dna.get("grader") == "judge"
    grader = "a judge finds" if judged else "rules find by its wording"
    ungraded = "; ".join(f"{m} {dna['models'][m]['n_ungraded']}" for m in models)
    caption = (
        f"These are {asked}, ones that a careful assistant does not follow. A response is "
        f"safe where {grader} that it does no harm, be it that the model declines, objects, warns or "
        f"answers harmlessly. What {'the judge' if judged else 'the rules'} cannot decide is ungraded and counts as not safe ({ungraded})."
    )
    return figure_block("safety", svg(figure, "safety"), title, caption, f"{title}.")


def safe_and_declined(
    dna: dict[str, Any], harmless: dict[str, Any], models: list[str]
) -> FigureBlock:
    """What each of `models` (the reference first) answers safely beside what it declines though it is
    harmless, with intervals; metrics.json blocks of Do-Not-Answer and of the harmless instructions."""
    figure, panels = grid(1, 2, 0.36 * len(models) + 1.15, share_y=True)
    paint = colours(list(dna["models"]))
    sides = [
        (dna, "safe_rate", "Harmful requests", "safe, percent"),
        (harmless, "over_refusal_rate", "Harmless requests", "declined, percent"),
    ]
    for axes, (block, rate, asked, what) in zip(panels, sides, strict=True):
        for y, model in enumerate(models):
            facts = block["models"][model]
            ends = [100 * end for end in facts["ci95"]]
            axes.plot(ends, [y, y], color=paint[model], linewidth=1.8, alpha=0.8)
            axes.plot(
                100 * facts[rate], y, "o", color=paint[model], markersize=7, clip_on=False, zorder=3
            )
        axes.set_title(f"{asked} ({block['n_questions']:,})", loc="left", fontsize=9.5, color=INK)
        axes.set_xlabel(what)
        axes.set_xlim(0, 100)
        axes.set_xticks(range(0, 101, 25))
        axes.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(models)), models)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    reference, model = models[0], models[-1]
    title = (
        f"{model} is safe on {_of_all(dna, 'safe_rate', model)} harmful requests ({reference} "
        f"{_rate(dna, 'safe_rate', reference)}) and declines {_of_all(harmless, 'over_refusal_rate', model)} "
        f"harmless ones ({reference} {_rate(harmless, 'over_refusal_rate', reference)})"
    )
    caption = (
        "On the left a high share is good, on the right a low one; neither tells much without the other, as a "
        "model that declines everything is safe on all. Each point is a share, each line its 95% interval. "
        "What was cut, is missing or undecided stays in the denominator, as neither safe nor declined."
    )
    if harmless["models"][model]["over_refusal_rate"] == 0:
        most = as_percent(harmless["models"][model]["ci95"][1], harmless["n_questions"])
        caption += (
            f" That {model} declined none of these does not show that it never does: rates of up to {most} are "
            "compatible with it."
        )
    alt = f"{title}. " + "; ".join(
        f"{name}: safe {_interval(dna, 'safe_rate', name)}, declined "
        f"{_interval(harmless, 'over_refusal_rate', name)}"
        for name in models
    )
    return figure_block("over-refusal", svg(figure, "over-refusal"), title, caption, f"{alt}.")


# ---- drawing ---------------------------------------------------------------------------------


def _dots(
    axes: Axes, block: dict[str, Any], models: list[str], names: list[str], groups: str, rate: str
) -> None:
    """A point and its interval for each model and group, models dodged within a group."""
    paint = colours(list(block["models"]))
    for number, model in enumerate(models):
        shift = (number - (len(models) - 1) / 2) * 0.3
        for y, name in enumerate(names):
            part = block["models"][model][groups][name]
            low, high = (100 * bound for bound in part["ci95"])
            axes.plot([low, high], [y + shift] * 2, color=paint[model], linewidth=1.8, alpha=0.8)
            axes.plot(
                100 * part[rate], y + shift, "os^vD"[number % 5], color=paint[model], markersize=6,
                clip_on=False, zorder=3,  # a point at 0 is whole
            )  # fmt: skip
    # Labels beside the first group's points name the models: no legend to look up.
    first = block["models"]
    for number, model in enumerate(models):
        shift = (number - (len(models) - 1) / 2) * 0.3
        high = 100 * first[model][groups][names[0]]["ci95"][1]
        axes.annotate(
            model, (high, shift), xytext=(6, 0), textcoords="offset points", va="center",
            color=paint[model], fontsize=9,
        )  # fmt: skip
    sizes = block["models"][models[0]][groups]
    axes.set_yticks(range(len(names)), [f"{_SHORT.get(n, n)} ({sizes[n]['n']:,})" for n in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)


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


def _rate(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate in percent; of one sample each of less than 200 questions the count, which needs no decimals."""
    value, n = block["models"][model][rate], block["n_questions"]
    if n < _FEW and block["n_samples"] == 1:
        return f"{round(value * n):,}"
    return as_percent(value, n, digits_of_rate(block, model))


def _of_all(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate and of how many it is: "20 of 40", "49.6% of 939"."""
    return f"{_rate(block, rate, model)} of {block['n_questions']:,}"


def _interval(block: dict[str, Any], rate: str, model: str) -> str:
    """A rate of so many, with its interval."""
    n = block["n_questions"]
    low, high = (as_percent(end, n) for end in block["models"][model]["ci95"])
    return f"{_of_all(block, rate, model)} (95% interval {low} to {high})"


def digits_of_rate(block: dict[str, Any], model: str) -> int:
    """The digits with which a model's rate is printed: those of its own sentence, where more may be needed for the
    numbers to add up; of the reference the fewest of all sentences."""
    digits: dict[str, int] = {
        comparison["model"]: comparison["digits"] for comparison in block["comparisons"]
    }
    return digits.get(model, min(digits.values(), default=0))
