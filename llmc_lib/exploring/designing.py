"""What a smaller token limit would have cost, and what other designs would find: by sliders."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from llmc_lib.analysis import (
    VarianceParts,
    detectable,
    difference_variance_parts,
    limit_curve,
    limit_differences,
    outcomes,
    power_curve,
    token_arrays,
)
from llmc_lib.analysis.given import NotKnown
from llmc_lib.analysis.power import power
from llmc_lib.exploring.choosing import Choice
from llmc_lib.exploring.panel import Panel, named, paragraph, plot, row
from llmc_lib.formatting import as_bound, as_likely, as_percent, as_points, as_size, counted
from llmc_lib.reporting.figures.curves import Label, label_ends
from llmc_lib.reporting.figures.drawing import grid
from llmc_lib.reporting.palette import INK, MUTED, colours

_QUESTIONS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000)
_SAMPLES = (1, 2, 4, 8, 16)


class Design(Panel):
    """Moves the token limit, the smallest difference of interest, and questions × samples: shows what each would do.

    The limit cuts the completions that are there (`analysis.limit_curve`). Power is that of the paired test with the
    variance of the chosen questions' differences as measured (`analysis.power`); from one sample per question it is not
    known what further samples buy, and then they are taken to buy nothing.

    `data`: the power curve: difference (a fraction), power. `limits`: model, limit (tokens), rate, low, high.
    """

    limits: pd.DataFrame
    _parts: VarianceParts

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        moved: dict[str, Any] = {"continuous_update": False}
        self._limit = named(widgets.SelectionSlider, "Token limit", options=[0], **moved)
        self._size = named(
            widgets.FloatSlider, "Of interest", min=0.5, max=20, step=0.5, readout_format=".1f", **moved
        )  # fmt: skip
        self._size.value = 100 * choice.runs.first.thresholds.smallest_interesting
        self._questions = named(widgets.SelectionSlider, "Questions", options=_QUESTIONS, **moved)
        self._samples = named(widgets.SelectionSlider, "Samples", options=_SAMPLES, **moved)
        super().__init__([row(self._limit, self._size), row(self._questions, self._samples)])
        choice.then(self._enter)
        self._enter()
        self.follow(self._limit, self._size, self._questions, self._samples)

    def update(self, *_: object) -> None:
        """Draw again, where there is something to draw."""
        if self._ready:
            super().update()

    def _enter(self, *_: object) -> None:
        """Take over the questions that are chosen now."""
        self._ready, self._unknown = False, ""
        self.limits, self.data = pd.DataFrame(), pd.DataFrame()
        self._try(self._take)

    def _take(self) -> str | None:
        reference, candidate = self._choice.pair
        rows = self._choice.outcomes(self._choice.questions["question"])
        if reference == candidate or rows.empty:
            self.figure = None
            return paragraph("Choose two different models, and questions that both were asked.", "note")  # fmt: skip
        both = outcomes(rows, reference=reference, common="refuse")
        right, clusters = both.correct, both.cluster
        self._parts = difference_variance_parts(right[candidate], right[reference], clusters)
        n, k = both.n_questions, min(both.samples.values())
        try:
            tokens = token_arrays(rows)
            self.limits = limit_curve(right, tokens, clusters=clusters)
            self._apart = limit_differences(right, tokens, reference, clusters=clusters)
        except NotKnown as error:
            self._unknown = f"{str(error)[:1].upper()}{str(error)[1:]}."
        with self.setting():
            steps = [int(v) for v in self.limits["limit"].unique()] if len(self.limits) else [0]
            self._limit.options, self._limit.value = steps, steps[-1]
            self._limit.disabled = bool(self._unknown)
            self._questions.options = sorted({*_QUESTIONS, n})
            self._questions.value = n
            self._samples.options = sorted({*_SAMPLES, k})
            self._samples.value = k
        self._ready = True
        return self._show()

    def _show(self) -> str:
        self.figure, (left, right) = grid(1, 2, 2.9)
        limit = self._draw_limits(left)
        return limit + self._draw_power(right) + plot(
            self.figure, "explore-design", "Left: accuracy over token limits. Right: power over differences."
        )  # fmt: skip

    def _draw_limits(self, axes: Any) -> str:
        if self._unknown:
            axes.set_axis_off()
            return paragraph(self._unknown, "note")
        reference, candidate = self._choice.pair
        paint = colours([reference, candidate])
        limit = self._limit.value
        curves = self.limits[self.limits["category"] == "all"]
        ends = []
        for who in (reference, candidate):  # not `bands`, which takes 0.3 s
            curve = curves[curves["model"] == who]
            x, rate, lower, upper = (curve[name] for name in ("limit", "rate", "low", "high"))
            axes.fill_between(
                x, 100 * lower, 100 * upper, color=paint[who], alpha=0.15, linewidth=0
            )
            axes.plot(x, 100 * rate, color=paint[who], linewidth=1.6)
            ends.append(Label(x.iloc[-1], 100 * rate.iloc[-1], who, paint[who]))
        axes.axvline(limit, color=INK, linewidth=1)
        axes.set(xlabel="Token limit", ylabel="Correct, percent", ylim=(0, None))
        label_ends(axes, ends)
        at_limit = curves[curves["limit"] == limit]
        rates = dict(zip(at_limit["model"], at_limit["rate"].astype(float), strict=True))
        apart = self._apart[self._apart["limit"] == limit].iloc[0]
        n = int(apart["n"])
        difference, low, high = (float(apart[name]) for name in ("difference", "low", "high"))
        words = ", ".join(f"{who} {as_percent(rates[who], n)}" for who in (reference, candidate))
        return paragraph(
            f"Cut at {limit:,} tokens: {words}; difference {as_points(difference, n)} (95% interval "
            f"{as_bound(low, n)} to {as_bound(high, n)})",
            "finding",
        )

    def _draw_power(self, axes: Any) -> str:
        thresholds = self._choice.runs.first.thresholds
        n, k, size = self._questions.value, self._samples.value, self._size.value / 100
        alpha, target = thresholds.significance, thresholds.power
        finds = detectable(n, self._parts, k, alpha, target)
        found = power(size, n, self._parts, k, alpha)
        top = min(1.0, max(1.25 * size, 1.6 * finds))
        self.data = power_curve(n, self._parts, k, np.linspace(0, top, 41), alpha)
        colour = colours(list(self._choice.pair))[self._choice.pair[1]]
        axes.plot(100 * self.data["difference"], 100 * self.data["power"], color=colour, linewidth=1.8)  # fmt: skip
        axes.axhline(100 * target, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        if finds < 1:
            axes.plot(100 * finds, 100 * target, "o", color=colour, markersize=7)
        axes.plot(100 * size, 100 * found, "D", color=INK, markersize=6)
        axes.set(xlabel="True difference, points", ylabel="Power (chance to find it), percent")
        axes.set(ylim=(0, 102), xlim=(0, 100 * top))
        what = f"{counted(n, 'question')} × {counted(k, 'sample')}"
        reach = (
            f"find a true difference of {as_points(finds, n, sign=False)} {target:.0%} of the time" if finds < 1 else "find no difference reliably"
        )  # fmt: skip
        note = ""
        if self._parts.within is None and k > 1:
            note = paragraph(
                "At least one of the two models has one sample per question, which does not show how much further samples would help; the power shown "
                "assumes no gain from them.",
                "note",
            )
        return (
            paragraph(
                f"{what} {reach}, and one of {as_size(size)} {as_likely(found)} of the time",
                "finding",
            )
            + note
        )
