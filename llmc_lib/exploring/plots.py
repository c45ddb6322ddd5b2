"""Plots of the chosen answers by any column."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.exploring.choosing import Choice
from llmc_lib.exploring.panel import Panel, buttons, named, paragraph, plot, row, table
from llmc_lib.formatting import as_percent, counted
from llmc_lib.reporting.figures.drawing import canvas, grid
from llmc_lib.reporting.figures.intervals import points
from llmc_lib.reporting.palette import INK, colours
from llmc_lib.taxonomy import ordered

#: How each choice groups answers, given them and the questions' outcomes.
BY: dict[str, Callable[[pd.DataFrame, pd.Series], pd.Series]] = {
    "category": lambda data, outcome: data["category"].astype(str),
    "model": lambda data, outcome: pd.Series("all", data.index),
    "outcome": lambda data, outcome: data["question"].astype(str).map(outcome),
    "how it ended": lambda data, outcome: data["finish_reason"].astype(str),
    "length": lambda data, outcome: _fifths(data["tokens"].astype(float), "tokens"),
    "confidence": lambda data, outcome: _fifths(data["confidence"].astype(float), "%"),
    "sample": lambda data, outcome: "sample " + data["sample"].astype(str),
    "extracted answer": lambda data, outcome: data["extracted"].astype(str).str[:40].replace("", "(none)"),
}  # fmt: skip
#: Groups of a plot: of more, the largest.
_GROUPS = 16
#: Points of a curve: more cannot be told apart.
_POINTS = 400
_FIFTHS = 5
#: Curves of a panel.
_CURVES = 8


class Plots(Panel):
    """Draws the chosen answers: accuracy with intervals, lengths, agreement, what flips between samples.

    `data`: the numbers that are drawn, `figure`: the plot. Of accuracy: model, group, rate, low, high (fractions; the
    interval is `analysis.clustered_rate`'s at 95%, of each group alone), answers, questions. Of lengths: model, group and
    tokens of each answer. Of agreement: the share of questions on which two models are both right or both wrong, for
    each pair; of a model with itself, of two of its samples. Of samples: model, question, right (of `samples`).
    """

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._kind = buttons(["Accuracy", "Lengths", "Agreement", "Samples"])
        self._by = named(widgets.Dropdown, "By", options=list(BY))
        super().__init__([row(self._kind, self._by)])
        self.follow(self._kind, self._by)
        choice.then(self.update)
        self.update()

    def _show(self) -> str:
        if self._choice.data.empty:
            self.data, self.figure = pd.DataFrame(), None
            return paragraph("No answer is chosen.", "note")
        self._by.disabled = self._kind.value in ("Agreement", "Samples")
        draw = {
            "Accuracy": self._accuracy, "Lengths": self._lengths, "Agreement": self._agreement, "Samples": self._samples,
        }  # fmt: skip
        return draw[self._kind.value]()

    @property
    def _whos(self) -> list[str]:
        return list(dict.fromkeys(self._choice.data["who"].astype(str)))

    def _grouped(self) -> tuple[pd.DataFrame, list[str]]:
        """The chosen answers with the column `group`, and the groups in order; of many the largest."""
        data = self._choice.data
        by = self._by.value
        outcome = self._choice.questions.set_index("question")["outcome"]
        group = BY[by](data, outcome)
        rows = data.assign(group=group).dropna(subset="group")
        counts = rows["group"].value_counts()
        names = list(counts.index[:_GROUPS])
        if isinstance(group.dtype, pd.CategoricalDtype):
            names = [name for name in group.cat.categories if name in names]
        elif by == "category":
            names = [name for name in ordered(rows["group"]) if name in names]
        elif by in ("sample", "outcome"):
            names = sorted(names)
        return rows[rows["group"].isin(names)], names

    def _accuracy(self) -> str:
        rows, names = self._grouped()
        if not names:
            return self._nothing()
        self.data = accuracy(rows, self._whos, names)
        paint = colours(_first(self._whos, self._choice.pair))
        height = 0.9 + len(names) * max(0.32, 0.17 * len(self._whos))
        self.figure, axes = canvas(height)
        drawn = self.data.assign(
            row=self.data["group"].map({name: n for n, name in enumerate(names)}),
            value=100 * self.data["rate"], low=100 * self.data["low"], high=100 * self.data["high"],
        )  # fmt: skip
        drawn["name"] = np.where(drawn["row"] == 0, drawn["model"], "")
        points(axes, drawn.dropna(subset="value"), paint)
        sizes = self.data.groupby("group")["questions"].max()
        axes.set_yticks(range(len(names)), [f"{name} ({sizes[name]:,})" for name in names])
        axes.set_xlim(left=0)
        axes.set_xlabel("Correct, percent of answers, with 95% intervals (questions in brackets)")
        best = self.data.sort_values("rate").dropna(subset="rate").iloc[-1]
        alt = f"Accuracy by {self._by.value}; highest: {best['model']}, {best['group']}, {as_percent(best['rate'], int(best['questions']))}."
        return plot(self.figure, "explore-accuracy", alt)

    def _lengths(self) -> str:
        rows, names = self._grouped()
        rows = rows.dropna(subset="tokens").assign(model=lambda t: t["who"].astype(str))
        if rows.empty:
            return self._nothing("No length in tokens is known of these answers.")
        self.data = rows[["model", "group", "tokens"]].reset_index(drop=True)
        whos = [who for who in self._whos if who in set(rows["model"])]
        paint = colours(_first(whos, self._choice.pair))
        if self._by.value == "model":
            parts = [("", rows, "model", whos, paint)]
        else:
            names = names[:_CURVES]
            shades = dict(zip(names, sns.color_palette("husl", len(names)).as_hex(), strict=True))
            pair = [who for who in dict.fromkeys(self._choice.pair) if who in whos] or whos[:2]
            parts = [(who, rows[rows["model"] == who], "group", names, shades) for who in pair]
        most = max(len(part[3]) for part in parts)
        self.figure, panels = grid(1, len(parts), 2.7 + 0.17 * most, share_y=True)
        for axes, (title, part, hue, order, palette) in zip(panels, parts, strict=True):
            shown = part[part[hue].isin(order)]
            thin = pd.concat([_thinned(each, hue) for _, each in shown.groupby(hue, observed=True)])
            sns.ecdfplot(
                thin, x="tokens", hue=hue, hue_order=[n for n in order if n in set(thin[hue])],
                palette=palette, log_scale=True, ax=axes, linewidth=1.4,
            )  # fmt: skip
            axes.set(xlabel="Tokens", ylabel="Share of answers up to this length")
            axes.set_title(title, loc="left", fontsize=9.5)
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            _legend_below(axes, 0.2)
        medians = self.data.groupby("model", sort=False)["tokens"].median()
        words = ", ".join(f"{who} {int(medians[who]):,}" for who in whos)
        return paragraph(f"Median length in tokens: {words}", "finding") + plot(
            self.figure, "explore-lengths", f"Cumulative lengths. Medians: {words}."
        )

    def _agreement(self) -> str:
        rates, samples = _rates(self._choice.data)
        self.data = agreement(rates, samples)
        size = len(self.data)
        self.figure, axes = canvas(0.9 + 0.42 * size, width=min(7.4, 3.2 + 0.75 * size))
        low, high = (
            10 * np.floor(10 * self.data.min().min()),
            10 * np.ceil(10 * self.data.max().max()),
        )
        sns.heatmap(
            100 * self.data, annot=True, fmt=".0f", cmap="crest", vmin=low, vmax=high, cbar=False, ax=axes,
            linewidths=1, linecolor="none",
        )  # fmt: skip
        axes.set(xlabel="", ylabel="")
        axes.tick_params(axis="x", rotation=30 if size > 3 else 0)
        axes.tick_params(axis="y", rotation=0)
        note = (
            "Percent of questions on which both are right or both wrong. The diagonal is two samples of one model: what "
            "lies below it is more than sampling noise."
            if min(samples.values()) > 1
            else "Percent of questions on which both are right or both wrong, one sample of each."
        )
        return plot(self.figure, "explore-agreement", note) + paragraph(note, "note")

    def _samples(self) -> str:
        rates, samples = _rates(self._choice.data)
        right = (rates * pd.Series(samples)).round().astype(int)[list(rates.columns)]
        self.data = (
            right.rename_axis("model", axis="columns").melt(ignore_index=False, value_name="right")
            .reset_index()
        )  # fmt: skip
        self.data["samples"] = self.data["model"].map(samples)
        if set(samples.values()) == {1}:
            self.figure = None
            return paragraph("Each question was asked once: nothing can flip. Two samples of each question would tell how "
                             "much of a difference is sampling (evaluation.samples).", "note")  # fmt: skip
        self.figure, axes = canvas(2.6)
        whos = list(rates.columns)
        shares = (
            self.data.groupby("model", sort=False)["right"].value_counts(normalize=True)
            .mul(100).rename("share").reset_index()
        )  # fmt: skip
        sns.barplot(
            shares, x="right", y="share", hue="model", hue_order=whos, ax=axes, legend=len(whos) > 1, saturation=1,
            palette=colours(_first(whos, self._choice.pair)),
        )  # fmt: skip
        _legend_below(axes, 0.22, ncols=6)
        numbers = sorted(set(samples.values()))
        asked = " to ".join(dict.fromkeys((f"{numbers[0]}", f"{numbers[-1]}")))
        axes.set(xlabel=f"Right answers of {asked} samples", ylabel="Percent of questions")
        hits = self.data["right"].to_numpy()
        flips = self.data[(hits > 0) & (hits < self.data["samples"].to_numpy())]
        times = Counter(flips["model"])
        words = ", ".join(
            f"{who} {as_percent(times[who] / len(rates), len(rates))}" for who in whos
        )
        candidate = whos[-1] if self._choice.pair[1] not in whos else self._choice.pair[1]
        shaky = flips[flips["model"] == candidate].copy()
        shaky["split"] = (shaky["right"] - shaky["samples"] / 2).abs()
        first = shaky.sort_values("split", kind="stable")[["question", "right", "samples"]]
        found = counted(len(first), "question")
        details = f"<details><summary>{html.escape(f'{found} that {candidate}')} answers now right, now wrong</summary>{table(first)}</details>"
        return (
            paragraph(f"Questions that flip between samples: {words}", "finding")
            + plot(self.figure, "explore-samples", f"Right answers of {asked} samples. {words}")
            + details
        )

    def _nothing(self, why: str = "Nothing is known of it for these answers.") -> str:
        self.data, self.figure = pd.DataFrame(), None
        return paragraph(why, "note")


def accuracy(rows: pd.DataFrame, models: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
    """The rate of each model (column `who`) in each `group`, with the interval of `clustered_rate`: a question with several
    answers in a group is one unit. Columns: model, group, rate, low, high, answers, questions."""
    question, ids = pd.factorize(rows["question"].astype(str))
    group = pd.Categorical(rows["group"], categories=list(groups)).codes
    parts = []
    for model in models:
        own = (rows["who"] == model).to_numpy()
        asked = np.zeros((len(ids), len(groups)))
        right = np.zeros_like(asked)
        np.add.at(asked, (question[own], group[own]), 1)
        good = own & rows["correct"].to_numpy()
        np.add.at(right, (question[good], group[good]), 1)
        rate, low, high = clustered_rate(right, asked)
        parts.append(
            pd.DataFrame(
                {
                    "model": model, "group": list(groups), "rate": rate, "low": low, "high": high,
                    "answers": asked.sum(axis=0).astype(int), "questions": (asked > 0).sum(axis=0),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def agreement(rates: pd.DataFrame, samples: Mapping[str, int]) -> pd.DataFrame:
    """For each pair of models the chance that both are right or both wrong on a question, over questions.

    `rates`: a row a question, a column a model, the share of its samples that are right. Of two models the samples
    are independent given the question: p q + (1 - p)(1 - q). Of a model with itself two different ones of its samples
    are meant: of r right ones of k (`samples` of each model), (r (r - 1) + (k - r)(k - r - 1)) / (k (k - 1)); with one
    sample it is 1.
    """
    values = rates.to_numpy(float)
    both = (values.T @ values + (1 - values).T @ (1 - values)) / len(values)
    k = np.array([samples[name] for name in rates.columns])
    right, wrong = values * k, (1 - values) * k
    pairs = (right * (right - 1) + wrong * (wrong - 1)).mean(axis=0)
    np.fill_diagonal(both, np.where(k > 1, pairs / np.maximum(k * (k - 1), 1), 1.0))
    return pd.DataFrame(both, list(rates.columns), list(rates.columns))


def _rates(data: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Question × model → share of right samples, of the questions that all chosen models have; samples of each model."""
    rows = data.assign(who=data["who"].astype(str), question=data["question"].astype(str))
    order = list(dict.fromkeys(rows["who"]))
    rates = rows.pivot_table(
        index="question", columns="who", values="correct", aggfunc="mean", sort=False
    )
    counts = rows.groupby(["who", "question"], observed=True).size().groupby("who").max()
    samples = {str(who): int(k) for who, k in counts.items()}
    return rates[order].dropna().astype(float), samples


def _thinned(rows: pd.DataFrame, hue: str) -> pd.DataFrame:
    """As many answers as a curve has points, evenly over their order."""
    values = np.sort(rows["tokens"].to_numpy(float))
    places = np.unique(np.linspace(0, len(values) - 1, _POINTS).round().astype(int))
    return pd.DataFrame({"tokens": values[places], hue: rows[hue].iloc[0]})


def _fifths(values: pd.Series, unit: str) -> pd.Series:
    """Values in up to five groups of about as many each, named by their range."""
    known = values.dropna()
    steps = np.linspace(0, 1, _FIFTHS + 1)
    borders: list[float] = np.unique(np.quantile(known, steps)).tolist() if len(known) else []
    if len(borders) < 2:
        return pd.Series([f"{v:,.0f} {unit}" if v == v else None for v in values], values.index)
    names = [f"{a:,.0f} to {b:,.0f} {unit}" for a, b in pairwise(borders)]
    return pd.cut(values, borders, labels=names, include_lowest=True, ordered=True)


def _legend_below(axes: Axes, distance: float, **more: Any) -> None:
    """Move the legend, if there is one, below the plot; `distance` in heights of it."""
    if axes.get_legend():
        sns.move_legend(
            axes, "upper left", bbox_to_anchor=(0, -distance), title="", fontsize=8.5, frameon=False, labelcolor=INK, **more
        )  # fmt: skip


def _first(whos: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """The models with the reference first, which is grey, and the candidate last, which is blue."""
    middle = [who for who in whos if who not in pair]
    return list(dict.fromkeys([pair[0], *middle, pair[1]]))
