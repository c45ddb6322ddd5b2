"""The figures of the data set but its waterfall: composition, lengths, pass rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn.objects as so

from llmc_lib.analysis.intervals import wilson
from llmc_lib.formatting import counted, share
from llmc_lib.language import plural, tr
from llmc_lib.params import DifficultyParams, Params
from llmc_lib.reporting.elements import NOTHING, Block
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block, whole_numbers
from llmc_lib.reporting.palette import BASE, INK, MODELS, MUTED, RULE
from llmc_lib.taxonomy import ROW_CATEGORIES


def composition(manifest: dict[str, Any]) -> FigureBlock:
    """Share of each category in the data set beside the target, and what the target cost."""
    target, mixed = manifest["target"], manifest["mixed"]
    names = [name for name in ROW_CATEGORIES if target.get(name)]
    total = sum(mixed.values())
    figure, axes = canvas(0.3 * len(names) + 0.8)
    shares = [100 * mixed.get(name, 0) / total for name in names]
    (
        so.Plot(x=shares, y=range(len(names)))
        .add(so.Bar(color=RULE, alpha=1, edgewidth=0, width=0.23), orient="y")
        .add(so.Dot(color=MODELS[0], pointsize=7, edgewidth=1))
        .add(so.Dash(color=INK, linewidth=1.6, width=0.55), x=[100 * target[name] for name in names], orient="y")
        .label(x="", y="")
        .on(axes)
        .plot()
    )  # fmt: skip
    axes.set_yticks(range(len(names)), [f"{name} ({mixed.get(name, 0):,})" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlim(left=0)
    axes.set_xlabel(tr("Share of rows, percent"))
    distance = manifest["total_variation"]
    title = tr("The data set has the target's composition")
    if distance > 0.01:
        gaps = {name: mixed.get(name, 0) / total - target[name] for name in names}
        worst = max(names, key=lambda name: abs(gaps[name]))
        points = round(100 * abs(gaps[worst]))
        given = {"distance": distance, "category": worst, "points": counted(points, "point")}
        title = (
            tr(
                "The data set misses the target's composition by {distance:.1%}; {category} has {points} too many",
                **given,
            )
            if gaps[worst] > 0
            else tr(
                "The data set misses the target's composition by {distance:.1%}; {category} has {points} too few",
                **given,
            )
        )
    caption = tr(
        "Point: share of a category in the data set (rows in brackets). Vertical tick: the target, {target_origin}.",
        target_origin=tr(manifest["target_origin"]),
    )
    caption = f"{caption} {_distance(distance, total)} {_limit(manifest)}"
    largest = names[0]
    alt = tr(
        "{title}. {rows}; {category} {share}, target {target:.0%}.",
        title=title,
        rows=counted(total, "row"),
        category=largest,
        share=share(mixed.get(largest, 0), total),
        target=target[largest],
    )
    return figure_block("composition", figure, title, caption, alt, _shares(manifest, names))


def _shares(manifest: dict[str, Any], names: list[str]) -> pd.DataFrame:
    mixed, total = manifest["mixed"], sum(manifest["mixed"].values())
    return pd.DataFrame(
        {
            "category": name,
            "rows": mixed.get(name, 0),
            "share": mixed.get(name, 0) / total,
            "target": manifest["target"][name],
        }
        for name in names
    )


def _distance(distance: float, total: int) -> str:
    if not distance:
        return tr("Shares and target agree exactly (total-variation distance 0).")
    rows = round(distance * total)
    if not rows:
        return tr(
            "Total-variation distance between the two: {distance:.4f}, as near as whole rows allow.",
            distance=distance,
        )
    return tr(
        "Total-variation distance between the two: {distance:.4f}, {rows} of {total:,} would have to be of another "
        "category.",
        distance=distance,
        rows=counted(rows, "row"),
        total=total,
    )


def _limit(manifest: dict[str, Any]) -> str:
    """What set the size of the data set, and what that cost."""
    cost, limiting = manifest["mixture_cost"], manifest["limiting_category"]
    if limiting:
        why = tr(
            "{limiting} has the fewest rows for its share and limits the size", limiting=limiting
        )
        left_out = plural(
            "{n:,} usable row of the wanted categories was left out for it.",
            "{n:,} usable rows of the wanted categories were left out for it.",
            cost,
        )
    else:
        why = tr("dataset.max_rows sets the size")
        left_out = plural(
            "{n:,} usable row was left out.", "{n:,} usable rows were left out.", cost
        )
    return f"{why}; {left_out if cost else tr('no usable row was left out.')}"


def lengths(train: pd.DataFrame, max_length: int) -> FigureBlock:
    """Histogram of the lengths of training examples in tokens.

    Parameters: `train` with the column n_tokens; `max_length`, the longest example (in tokens) that
    training takes.
    """
    tokens = train["n_tokens"].to_numpy()
    median, high, longest = (
        int(n) for n in np.quantile(tokens, (0.5, 0.95, 1), method="inverted_cdf")
    )
    figure, axes = canvas(2.5)
    # Where the limit is far away, drawing it would press all bars into a corner.
    near = max_length <= 2 * longest
    end = max_length if near and max_length > longest else longest + 1
    bars = so.Bars(color=BASE, alpha=1, edgewidth=0)
    so.Plot(x=tokens).add(bars, so.Hist(bins=40, binrange=(0, end))).on(axes).plot()
    marks = [
        (median, tr("median {n:,}", n=median), INK),
        (max_length, tr("limit {n:,}", n=max_length), MODELS[0]),
    ]
    for x, words, colour in marks if near else marks[:1]:
        axes.axvline(x, color=colour, linewidth=1.4)
        axes.annotate(
            words, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), color=colour,
            textcoords="offset points", ha="center", va="bottom", fontsize=9,
        )  # fmt: skip
    axes.set_xlim(0, end * 1.02)
    axes.set_xlabel(tr("Tokens of an example, prompt and completion together"))
    axes.set_ylabel(tr("Examples"))
    axes.grid(axis="x", visible=False)
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis)
    title = tr(
        "Half of the examples have at most {tokens}, the longest {longest:,}",
        tokens=counted(median, "token"),
        longest=longest,
    )
    beyond = int((tokens > max_length).sum())
    if beyond:
        title += "; " + plural(
            "{n:,} is longer than training takes", "{n:,} are longer than training takes", beyond
        )
    caption = tr(
        "Lengths of {examples} in the tokens of the base model, its chat template included; 95% have at most "
        "{high:,}, all together {tokens:,}. Training takes examples of up to {max_length:,} tokens "
        "(training.max_length) and never cuts one.",
        examples=counted(len(tokens), "training example"),
        high=high,
        tokens=int(tokens.sum()),
        max_length=max_length,
    )
    alt = tr("{title}. The limit is {max_length:,}.", title=title, max_length=max_length)
    return figure_block("lengths", figure, title, caption, alt, train[["n_tokens"]])


def pass_rates(manifest: dict[str, Any], params: Params) -> Block:
    """How often the reference model solves the problems; nothing where that was not measured."""
    found = manifest["reference"]
    if found is None or not found["problems"]:
        return NOTHING
    band = params.dataset.difficulty
    counts = found["histogram"]
    figure, axes = canvas(2.3)
    middles = [10 * tenth + 5 for tenth in range(len(counts))]
    # A bar holds the rates from its lower end to below its upper end, the last one also 100%.
    inside = [
        tenth / 10 <= band.max_pass_rate and (band.min_pass_rate < (tenth + 1) / 10 or tenth == 9)
        for tenth in range(len(counts))
    ]
    (
        so.Plot(x=middles, y=counts)
        .add(so.Bar(alpha=1, edgewidth=0, width=0.92), color=inside, legend=False)
        .add(so.Text({"clip_on": False}, color=MUTED, fontsize=9, valign="bottom", offset=2), text=[f"{n:,}" if n else "" for n in counts])
        .scale(color={True: MODELS[0], False: BASE})
        .on(axes)
        .plot()
    )  # fmt: skip
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlim(0, 100)
    axes.set_xlabel(tr("Samples of a problem that are right, percent"))
    axes.set_ylabel(tr("Problems"))
    axes.grid(axis="x", visible=False)
    whole_numbers(axes.yaxis)
    solved, problems = found["solved_at_least_once"], found["problems"]
    title, caption = _measured(found, band) if found["samples"] else _stored(found, band)
    data = pd.DataFrame(
        {"pass_rate_from": tenth / 10, "pass_rate_to": (tenth + 1) / 10, "problems": n}
        for tenth, n in enumerate(counts)
    )
    alt = tr("{title}. Never solved: {problems:,}.", title=title, problems=problems - solved)
    return figure_block("pass-rates", figure, title, caption, alt, data)


def _measured(found: dict[str, Any], band: DifficultyParams) -> tuple[str, str]:
    """Title and caption of rates that were measured for this data set."""
    solved, problems = found["solved_at_least_once"], found["problems"]
    samples = counted(found["samples"], "sample")
    title = tr(
        "{model} solves {solved:,} of {problems} at least once in {samples}; {mean:.0%} of its samples are right",
        model=found["model"],
        solved=solved,
        problems=counted(problems, "problem"),
        samples=samples,
        mean=found["mean"],
    )
    low, high = wilson(found["samples"] // 2, found["samples"])
    caption = tr(
        "Each problem was put to the model {times}; a bar counts the problems with that share of right samples. "
        "Kept are rates from {min_pass_rate:.0%} to {max_pass_rate:.0%}; the bars that hold such rates are blue. "
        "The rate of a single problem is uncertain: with {half} of {samples} right, its 95% Wilson interval "
        "goes from {low:.0%} to {high:.0%}.",
        times=counted(found["samples"], "time"),
        min_pass_rate=band.min_pass_rate,
        max_pass_rate=band.max_pass_rate,
        half=found["samples"] // 2,
        samples=samples,
        low=low,
        high=high,
    )
    return title, caption


def _stored(found: dict[str, Any], band: DifficultyParams) -> tuple[str, str]:
    """Title and caption of rates that were measured before, of which a file has no more."""
    title = tr(
        "{model} solves {solved:,} of {problems} now and then, by rates that were measured before; their mean is {mean:.0%}",
        model=found["model"],
        solved=found["solved_at_least_once"],
        problems=counted(found["problems"], "problem"),
        mean=found["mean"],
    )
    caption = tr(
        "The rates are those of a file; a bar counts the problems with that share of right samples. Kept are rates from "
        "{min_pass_rate:.0%} to {max_pass_rate:.0%}; the bars that hold such rates are blue.",
        min_pass_rate=band.min_pass_rate,
        max_pass_rate=band.max_pass_rate,
    )
    return title, caption
