"""The figure of several samples: is one of k samples right, and is the majority of them?"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from llmc_lib.formatting import as_percent
from llmc_lib.language import N_, tr
from llmc_lib.reporting.figures.curves import Label, bands, label_ends
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block
from llmc_lib.reporting.palette import colours


def pass_at_k(
    passed: Mapping[str, pd.DataFrame], majority: Mapping[str, pd.DataFrame] | None = None
) -> FigureBlock:
    """pass@k and, dashed, majority@k by k; model → its curve, the reference first, the headline last."""
    models = list(passed)
    paint = colours(models)
    figure, axes = canvas(3.6)
    curves = {(model, N_("one right")): passed[model] for model in models}
    curves |= {(model, N_("majority")): curve for model, curve in (majority or {}).items()}
    rows = pd.concat(curves, names=["model", "kind"]).reset_index()
    data = rows[["model", "kind", "k", "n_questions", "rate", "low", "high"]]
    bands(axes, rows, "k", "rate", paint, linestyle="kind", group="kind")
    ends = [_end(curve, f"{m}, {tr(kind)}", paint[m]) for (m, kind), curve in curves.items()]
    ks = sorted({int(k) for curve in passed.values() for k in curve["k"]})
    if len(ks) > 1:
        axes.set_xscale("log")
        axes.set_xlim(ks[0], ks[-1])
    axes.xaxis.set_major_locator(FixedLocator(ks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.set_ylim(bottom=0)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(tr("Samples of a question, k"))
    axes.set_ylabel(tr("Questions, percent"))
    label_ends(axes, ends)
    title = _finding(passed[models[-1]], models[-1])
    caption = [
        tr("Full lines: the share of questions that at least one of k samples solves (pass@k)."),
        tr("Dashed: the share that the most frequent answer of k samples solves (majority@k).")
        if majority
        else "",
        tr(
            "Both are means over all choices of k of the samples; bands are 95% intervals, of each k alone. pass@k "
            "grows with luck too: a guess among four choices is right at least once in eight tries nine times out of "
            "ten."
        ),
    ]
    alt = f"{title}. " + " ".join(_words(model, passed[model], "pass") for model in models)
    if majority:
        alt += " " + " ".join(_words(model, curve, "majority") for model, curve in majority.items())
    caption_text = " ".join(filter(None, caption))
    return figure_block("pass-at-k", figure, title, caption_text, alt, data)


def _end(curve: pd.DataFrame, text: str, colour: str) -> Label:
    last = curve.iloc[-1]
    return Label(float(last["k"]), 100 * float(last["rate"]), text, colour)


def _finding(curve: pd.DataFrame, model: str) -> str:
    first, last = curve.iloc[0], curve.iloc[-1]
    n = int(last["n_questions"])
    if int(last["k"]) == int(first["k"]):
        return tr(
            "{model} solves {rate} of the questions in one try",
            model=model,
            rate=as_percent(first["rate"], n),
        )
    return tr(
        "{model} solves {rate} of the questions in one try and {last_rate} at least once in {k}",
        model=model,
        rate=as_percent(first["rate"], n),
        last_rate=as_percent(last["rate"], n),
        k=int(last["k"]),
    )


def _words(model: str, curve: pd.DataFrame, what: str) -> str:
    last = curve.iloc[-1]
    n, k = int(last["n_questions"]), int(last["k"])
    return tr(
        "{model} {measure} {rate}, interval {low} to {high}.",
        model=model,
        measure=f"{what}@{k}",
        rate=as_percent(last["rate"], n),
        low=as_percent(last["low"], n),
        high=as_percent(last["high"], n),
    )
