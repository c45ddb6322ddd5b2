"""The figures of lengths: accuracy at smaller token limits, and by the length of the completion."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from llmc_lib.analysis.length import ALL
from llmc_lib.analysis.token_limit import order_changes
from llmc_lib.formatting import as_percent, as_points, as_range, counted, in_points, listed
from llmc_lib.language import N_, tr
from llmc_lib.reporting.figures.curves import Label, bands, label_ends, token_axis
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block, grid
from llmc_lib.reporting.figures.intervals import points
from llmc_lib.reporting.palette import INK, MUTED, colours

# A bin with fewer answers is no finding.
_FEW_ANSWERS = 10
_CAVEAT = N_(
    "This is what cutting these completions would have done; a model that is told of a smaller budget might "
    "answer more briefly."
)


def accuracy_at_limits(
    curve: pd.DataFrame, differences: pd.DataFrame, models: list[str], limit: int | None = None
) -> FigureBlock:
    """Accuracy of `models` had completions been cut at smaller limits, and below it their difference.

    Parameters: `curve`, what `limit_curve` gives; `differences`, what `limit_differences` gives; `models`, the
    reference and the candidate of the headline; `limit`, the token limit of the evaluation, None where it is
    not known.
    """
    curve = curve[(curve["category"] == ALL) & curve["model"].isin(models)]
    paint = colours(models)
    figure, (upper, lower) = grid(2, 1, 4.7)
    first, last = float(curve["limit"].min()), float(curve["limit"].max())
    parts = {model: curve[curve["model"] == model].sort_values("limit") for model in models}
    bands(upper, curve, "limit", "rate", paint)
    upper.set_ylim(bottom=0)
    difference = differences[differences["model"] == models[-1]].sort_values("limit")
    bands(lower, difference, "limit", "difference", paint)
    lower.axhline(0, color=INK, linewidth=1)
    for axes in (upper, lower):
        token_axis(axes, first, last)
    upper.tick_params(labelbottom=False)
    upper.set_ylabel(tr("Accuracy, percent"))
    lower.set_ylabel(tr("Difference, points"))
    lower.set_xlabel(tr("Token limit"))
    label_ends(
        upper,
        [Label(last, 100 * rows["rate"].iloc[-1], m, paint[m]) for m, rows in parts.items()],
    )
    data = pd.concat(
        {"accuracy": curve.rename(columns={"rate": "value"}),
         "difference": difference.rename(columns={"difference": "value"})},
        names=["quantity"],
    ).reset_index("quantity")[["quantity", "model", "limit", "value", "low", "high"]]  # fmt: skip
    title = _limit_finding(parts[models[-1]], models[-1], difference)
    caption = [
        tr(
            "Above: the share of questions answered correctly, had every completion longer than the limit been cut and "
            "counted as wrong. Below: {candidate} minus {reference} on the same questions. Bands are 95% intervals of "
            "each limit alone.",
            candidate=models[-1],
            reference=models[0],
        ),
        tr("The limit of this evaluation is {limit:,}.", limit=limit) if limit else "",
        _order(difference),
        tr(_CAVEAT),
    ]
    alt = f"{title}. " + "; ".join(_ends(model, rows) for model, rows in parts.items()) + "."
    caption_text = " ".join(filter(None, caption))
    return figure_block("limits", figure, title, caption_text, alt, data)


def accuracy_by_length(table: pd.DataFrame, models: list[str]) -> FigureBlock:
    """Accuracy of `models` in bins of completion length, what `llmc_lib.analysis.length` gives."""
    table = table[table["category"] == ALL]
    paint = colours(models)
    bins = sorted(table["bin"].unique())
    figure, axes = canvas(0.5 * len(bins) + 0.95)
    shown = table[(table["n"] > 0) & table["model"].isin(models)]
    rates = 100 * shown[["rate", "low", "high"]].rename(columns={"rate": "value"})
    points(axes, rates.assign(row=shown["bin"], model=shown["model"]), paint)
    for number, model in enumerate(models):
        rows = table[(table["model"] == model) & (table["n"] > 0)]
        for row in rows.to_dict("records"):
            axes.annotate(
                f"{row['n']:,}", (1, row["bin"]), xycoords=("axes fraction", "data"), va="center",
                xytext=(5 + 36 * number, 0), textcoords="offset points", color=paint[model], fontsize=9,
            )  # fmt: skip
        if len(rows):
            top = rows.iloc[0]
            beside = list(shown[shown["bin"] == top["bin"]]["model"])
            shift = (beside.index(model) - (len(beside) - 1) / 2) * 0.3
            place: dict[str, Any] = {"xytext": (6, 0), "va": "center"}
            # Not over the numbers: above the lines, and below
            if top["high"] > 0.6 * shown["high"].max():
                place = {"xytext": (0, -5), "va": "top", "ha": "right"}
                if not number:
                    place = {"xytext": (0, 4), "va": "bottom", "ha": "right"}
            axes.annotate(
                model, (100 * top["high"], top["bin"] + shift), color=paint[model],
                textcoords="offset points", fontsize=9, **place,
            )  # fmt: skip
    axes.set_yticks(bins, [_bin_name(table, number) for number in bins])
    axes.set_ylim(len(bins) - 0.5, -0.5)
    axes.set_xlim(0, 122 * float(shown["high"].max()))  # room for the names
    axes.set_xlabel(tr("Answers that are correct, percent"))
    _head(axes)
    data = shown[["model", "above", "up_to", "n", "rate", "low", "high"]].rename(
        columns={
            "above": "above_tokens",
            "up_to": "up_to_tokens",
            "n": "answers",
            "rate": "accuracy",
        }
    )
    title = _length_finding(table[table["model"] == models[-1]], models[-1])
    unknown = {m: int(table[table["model"] == m]["unknown"].iloc[0]) for m in models}
    left_out = "; ".join(f"{m} {n:,}" for m, n in unknown.items() if n)
    caption = tr(
        "Each point is the share of a model's answers of that length that are correct, each line its 95% "
        "interval; the number of answers is at the right. The bins are the same for all models and hold about "
        "equally many answers, all models counted together. Longer answers may belong to harder questions: this "
        "does not say that thinking longer harms."
    )
    if left_out:
        caption += " " + tr(
            "Answers of unknown length are in no bin: {left_out}.", left_out=left_out
        )
    alt = f"{title}. " + "; ".join(
        _bin_words(shown[shown["model"] == m], m) for m in models if (shown["model"] == m).any()
    )
    return figure_block("by-length", figure, title, caption, f"{alt}.", data)


# ---- words -----------------------------------------------------------------------------------


def _limit_finding(rows: pd.DataFrame, model: str, difference: pd.DataFrame) -> str:
    """What half of the longest would have cost, and whether another model would have led."""
    last = rows.iloc[-1]
    n = int(last["questions"])
    half = rows[rows["limit"] <= last["limit"] / 2]
    if half.empty:
        return tr("Accuracy at token limits up to {limit:,}", limit=int(last["limit"]))
    at = half.iloc[-1]
    cost = as_points(float(last["rate"] - at["rate"]), n, sign=False, unit=False)
    given = {"limit": int(at["limit"]), "model": model}
    title = (
        tr("A limit of {limit:,} tokens would have cost {model} nothing", **given)
        if cost == "0"
        else tr(
            "Cut at {limit:,} tokens, {model} would have lost {cost}", cost=in_points(cost), **given
        )
    )
    clear = [change for change in order_changes(difference).to_dict("records") if change["clear"]]
    if clear:
        leads = clear[-1]["model"] if clear[-1]["difference"] > 0 else clear[-1]["reference"]
        title += "; " + tr(
            "at {at:,} {leads} would have been ahead", at=clear[-1]["at"], leads=leads
        )
    return title


def _order(difference: pd.DataFrame) -> str:
    changes = order_changes(difference)
    if changes.empty:
        return tr("At no limit would the order of the two models have been reversed.")
    spans = listed(
        [
            as_range(f"{c['from_limit']:,}", f"{c['to_limit']:,}")
            if c["from_limit"] < c["to_limit"]
            else f"{c['at']:,}"
            for c in changes.to_dict("records")
        ]
    )
    if changes["clear"].any():
        return tr(
            "The order of the two models would have been reversed at limits of {spans} tokens.",
            spans=spans,
        )
    return tr(
        "The order of the two models would have been reversed at limits of {spans} tokens, by no more than chance can "
        "explain.",
        spans=spans,
    )


def _ends(model: str, rows: pd.DataFrame) -> str:
    middle, last = rows.iloc[len(rows) // 2], rows.iloc[-1]
    return tr(
        "{model}: {rate} at {limit:,} tokens, {last_rate} at {last_limit:,}",
        model=model,
        rate=as_percent(middle["rate"], int(last["questions"])),
        limit=int(middle["limit"]),
        last_rate=as_percent(last["rate"], int(last["questions"])),
        last_limit=int(last["limit"]),
    )


def _length_finding(rows: pd.DataFrame, model: str) -> str:
    full = rows[rows["n"] >= _FEW_ANSWERS]
    if len(full) < 2:
        return tr("Accuracy by length of the completion")
    short, long = full.iloc[0], full.iloc[-1]
    fewest = int(min(short["questions"], long["questions"]))
    return tr(
        "{rate} of {model}'s answers of {short} tokens are correct, {long_rate} of those of {long}",
        rate=as_percent(short["rate"], fewest),
        model=model,
        short=_span(short),
        long_rate=as_percent(long["rate"], fewest),
        long=_span(long),
    )


def _bin_name(table: pd.DataFrame, number: int) -> str:
    row = table[table["bin"] == number].iloc[0]
    return tr("{lengths} tokens", lengths=_span(row)) if number == 0 else _span(row)


def _span(row: pd.Series) -> str:
    """The lengths in a bin: "up to 11" of the first, "12 to 15"."""
    if row["above"] == 0:
        return tr("up to {up_to:,.0f}", up_to=row["up_to"])
    return as_range(f"{row['above'] + 1:,.0f}", f"{row['up_to']:,.0f}")


def _bin_words(rows: pd.DataFrame, model: str) -> str:
    full = rows[rows["n"] > 0]
    return f"{model}: " + ", ".join(
        tr(
            "{rate} of {answers}",
            rate=as_percent(row["rate"], int(row["questions"])),
            answers=counted(row["n"], "answer"),
        )
        for row in (full.iloc[[0, -1]] if len(full) > 1 else full).to_dict("records")
    )


def _head(axes: Axes) -> None:
    axes.annotate(
        tr("answers"), (1.01, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
        color=MUTED, fontsize=9,
    )  # fmt: skip
