"""Lines with bands, and their names at their ends: what figures of a rate over something share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import seaborn.objects as so
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from llmc_lib.reporting.figures.tables import plain, with_plain_texts

# Points between the baselines of two labels.
_LINE = 12.0


class Label(NamedTuple):
    """A name at the end of a line."""

    x: float
    y: float  # in the units of the axis
    text: str
    colour: str


@with_plain_texts
def bands(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, paint: Mapping[str, str], **lines: Any
) -> None:
    """Lines of `y` over `x` with their intervals (low, high) as bands, a colour a model; all three in percent on the axis.

    `lines`: further properties by column, as `so.Plot` takes them: `linestyle="kind", group="kind"`.
    """
    percent = plain(rows).assign(
        **{column: 100 * rows[column].to_numpy() for column in (y, "low", "high")}
    )
    (
        so.Plot(percent, x=x, y=y, color="model", **lines)
        .add(so.Band(alpha=0.16), ymin="low", ymax="high", legend=False)
        .add(so.Line(linewidth=1.8), legend=False)
        .scale(color=dict(paint))
        .label(x="", y="")
        .on(axes)
        .plot()
    )


def label_ends(axes: Axes, labels: Sequence[Label]) -> None:
    """Names to the right of the lines' ends, moved apart where they would touch. The limits of the axes must
    stand already."""
    low, high = axes.get_ylim()
    height = axes.bbox.height * 72 / axes.figure.dpi
    step = _LINE * (high - low) / height
    placed = _apart([label.y for label in labels], step)
    for label, y in zip(labels, placed, strict=True):
        offset = (y - label.y) * height / (high - low)
        axes.annotate(
            label.text, (label.x, label.y), xytext=(10, offset), textcoords="offset points",
            va="center", color=label.colour, fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _apart(wanted: Sequence[float], step: float) -> list[float]:
    """Places in the order of the wanted ones, at least `step` apart, each group around its middle."""
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    groups: list[list[int]] = []
    places: dict[int, float] = {}
    for number in order:
        group = [number]
        while True:
            middle = sum(wanted[n] for n in group) / len(group)
            start = middle - step * (len(group) - 1) / 2
            if not groups or places[groups[-1][-1]] + step <= start + 1e-12:
                break
            group = groups.pop() + group
        places |= {n: start + step * place for place, n in enumerate(group)}
        groups.append(group)
    return [places[n] for n in range(len(wanted))]


def token_axis(axes: Axes, shortest: float, longest: float) -> None:
    """A logarithmic axis of tokens, marked at 1, 2 and 5 times powers of ten, and at its end."""
    axes.set_xscale("log")
    around = 2.0 if shortest == longest else 1.0  # all completions may be of one length
    axes.set_xlim(shortest / around, longest * around)
    marks = [m * 10.0**p for p in range(8) for m in (1, 2, 5)]
    inside = [mark for mark in marks if shortest <= mark <= longest / 1.25]
    axes.xaxis.set_major_locator(FixedLocator([*inside[-6:], longest]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="x", visible=False)
