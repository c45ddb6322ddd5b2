"""The figures of the data set but its waterfall: composition, lengths, pass rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn.objects as so

from llmc_lib.analysis.intervals import wilson
from llmc_lib.formatting import are, counted, share, were
from llmc_lib.params import Params
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
    axes.set_xlabel("Share of rows, percent")
    data = pd.DataFrame(
        {
            "category": n,
            "rows": mixed.get(n, 0),
            "share": mixed.get(n, 0) / total,
            "target": target[n],
        }
        for n in names
    )
    distance = manifest["total_variation"]
    title = "The data set has the target's composition"
    if distance > 0.01:
        gaps = {name: mixed.get(name, 0) / total - target[name] for name in names}
        worst = max(names, key=lambda name: abs(gaps[name]))
        points = round(100 * abs(gaps[worst]))
        title = (
            f"The data set misses the target's composition by {distance:.1%}; {worst} has "
            f"{counted(points, 'point')} too {'many' if gaps[worst] > 0 else 'few'}"
        )
    caption = (
        "Point: share of a category in the data set (rows in brackets). Upright stroke: the target, "
        f"{manifest['target_origin']}. {_distance(distance, total)} {_limit(manifest)}"
    )
    largest = names[0]
    alt = (
        f"{title}. {counted(total, 'row')}; {largest} {share(mixed.get(largest, 0), total)}, target "
        f"{target[largest]:.0%}."
    )
    return figure_block("composition", figure, title, caption, alt, data)


def _distance(distance: float, total: int) -> str:
    if not distance:
        return "Shares and target agree exactly (total-variation distance 0)."
    rows = round(distance * total)
    words = (
        f"{counted(rows, 'row')} of {total:,} would have to be of another category"
        if rows
        else "as near as whole rows allow"
    )
    return f"Total-variation distance between the two: {distance:.4f}, {words}."


def _limit(manifest: dict[str, Any]) -> str:
    """What set the size of the data set, and what that cost."""
    cost, limiting = manifest["mixture_cost"], manifest["limiting_category"]
    if limiting:
        why = f"{limiting} has the fewest rows for its share and limits the size"
        left_out = (
            f"{counted(cost, 'usable row')} of the wanted categories {were(cost)} left out for it"
        )
    else:
        why = "dataset.max_rows sets the size"
        left_out = f"{counted(cost, 'usable row')} {were(cost)} left out"
    return f"{why}; {left_out}." if cost else f"{why}; no usable row was left out."


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
    marks = [(median, f"median {median:,}", INK), (max_length, f"limit {max_length:,}", MODELS[0])]
    for x, words, colour in marks if near else marks[:1]:
        axes.axvline(x, color=colour, linewidth=1.4)
        axes.annotate(
            words, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), color=colour,
            textcoords="offset points", ha="center", va="bottom", fontsize=9,
        )  # fmt: skip
    axes.set_xlim(0, end * 1.02)
    axes.set_xlabel("Tokens of an example, prompt and completion together")
    axes.set_ylabel("Examples")
    axes.grid(axis="x", visible=False)
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis)
    title = f"Half of the examples have at most {counted(median, 'token')}, the longest {longest:,}"
    beyond = int((tokens > max_length).sum())
    if beyond:
        title += f"; {beyond:,} {are(beyond)} longer than training takes"
    caption = (
        f"Lengths of {counted(len(tokens), 'training example')} in the tokens of the base model, its "
        f"chat template included; 95% have at most {high:,}, all together {int(tokens.sum()):,}. "
        f"Training takes examples of up to {max_length:,} tokens (training.max_length) and never "
        "cuts one."
    )
    alt = f"{title}. The limit is {max_length:,}."
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
    axes.set_xlabel("Samples of a problem that are right, percent")
    axes.set_ylabel("Problems")
    axes.grid(axis="x", visible=False)
    whole_numbers(axes.yaxis)
    solved, problems = found["solved_at_least_once"], found["problems"]
    samples = counted(found["samples"], "sample")
    title = (
        f"{found['model']} solves {solved:,} of {counted(problems, 'problem')} at least once in "
        f"{samples}; {found['mean']:.0%} of its samples are right"
    )
    low, high = wilson(found["samples"] // 2, found["samples"])
    caption = (
        f"Each problem was put to the model {counted(found['samples'], 'time')}; a bar counts the "
        f"problems with that share of right samples. Kept are rates from {band.min_pass_rate:.0%} to "
        f"{band.max_pass_rate:.0%}; the bars that hold such rates are blue. The rate of a single "
        f"problem is uncertain: with {found['samples'] // 2} of {samples} right, its 95% Wilson "
        f"interval goes from {low:.0%} to {high:.0%}."
    )
    data = pd.DataFrame(
        {"pass_rate_from": tenth / 10, "pass_rate_to": (tenth + 1) / 10, "problems": n}
        for tenth, n in enumerate(counts)
    )
    alt = f"{title}. Never solved: {problems - solved:,}."
    return figure_block("pass-rates", figure, title, caption, alt, data)
