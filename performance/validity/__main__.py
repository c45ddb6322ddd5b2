"""Claim: every 95% interval of llmc_lib/analysis covers the truth in 93.5% to 96.5% of simulated cases (where few
questions carry it at least that, as each row says) or is marked as too narrow, every test finds a difference that is not
there in at most 5.5%, and power is within 3 points of its formula (4 for one of several candidates, 8 below it where
few questions differ).

    .venv/bin/python -m performance.validity [--only intervals power] [--repetitions 4000] [--seed 0]

Runs `rows(seed, repetitions)` of every module here, which says in its docstring for which designs it is
promised, and where it is not. After each topic its rows in docs/analysis/validity.csv, validity.svg and docs/analysis.md are replaced, so
that a run can be stopped and continued with --only; another number of repetitions or another seed is printed alone. Ends with status 1
if a value lies outside its allowed range. With 4,000 repetitions the Monte Carlo standard error of a coverage of 95% is
0.34 points. One core, no network, the same numbers for the same seed, whichever topics run with it.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
DOCS = FOLDER.parents[1] / "docs" / "analysis"
REPETITIONS, SEED = 4_000, 0
_SUMMARY = re.compile(r"\| Topic \| Shown \|.*?\n(?=\n)", re.DOTALL)
TOPICS = sorted(
    module.name
    for module in pkgutil.iter_modules([str(FOLDER)])
    if module.name not in ("__main__", "draws")
)


def validity(topic: str, seed: int, repetitions: int) -> pd.DataFrame:
    """The table of a topic: topic, what, kind, setting, value, low, high, repetitions, holds."""
    module = importlib.import_module(f"performance.validity.{topic}")
    rows = []
    for row in module.rows(seed, repetitions):
        rows.append({"topic": topic, **row})
        print("{what}, {kind}, {setting}: {value:.4f}".format(**row), file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    within = (table["low"] <= table["value"]) & (table["value"] <= table["high"])
    return table.assign(holds=within)


def merge(table: pd.DataFrame) -> None:
    """Put a topic's table in the place of its rows in the documentation, in the table, its summary and the figure."""
    DOCS.mkdir(parents=True, exist_ok=True)
    path = DOCS / "validity.csv"
    if path.exists():
        old = pd.read_csv(path)
        kept = old[old["topic"].isin(set(TOPICS) - set(table["topic"]))]
        table = pd.concat([kept, table]).sort_values("topic", kind="stable", ignore_index=True)
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
    page = DOCS.with_suffix(".md")
    if page.exists():
        text = page.read_text(encoding="utf-8")
        page.write_text(_SUMMARY.sub(summary(table) + "\n", text), encoding="utf-8")
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "validity"}):
        figure(table).savefig(DOCS / "validity.svg", metadata={"Date": None})


def summary(table: pd.DataFrame) -> str:
    """The table in docs/analysis.md: of each topic and kind the rows, the least and the largest value."""
    lines = ["| Topic | Shown | Settings | Least | Largest |", "|---|---|---:|---:|---:|"]
    for (topic, kind), part in table.groupby(["topic", "kind"], sort=True):
        least, largest = (
            f"{value:+.2f}" if kind == "bias" else f"{value:.1%}"
            for value in (part["value"].min(), part["value"].max())
        )
        lines.append(f"| {topic} | {kind} | {len(part)} | {least} | {largest} |")
    return "\n".join(lines)


def figure(table: pd.DataFrame) -> Figure:
    """A panel a kind: the values as points, their allowed ranges as bars, a line a setting."""
    kinds = list(dict.fromkeys(table["kind"]))
    heights = [int((table["kind"] == kind).sum()) for kind in kinds]
    made = Figure(figsize=(9, 0.19 * sum(heights) + 0.75 * len(kinds)), layout="constrained")
    FigureCanvasAgg(made)
    panels = made.subplots(len(kinds), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, kind in zip(panels, kinds, strict=True):
        part = table[table["kind"] == kind].reset_index(drop=True)
        at = np.arange(len(part))[::-1]
        panel.hlines(at, part["low"], part["high"], color="#bbbbbb", linewidth=6)
        colours = np.where(part["holds"], "#0072B2", "#D55E00")
        panel.scatter(part["value"], at, c=list(colours), s=16, zorder=3)
        labels = part["topic"] + ": " + part["what"] + ", " + part["setting"]
        panel.set_yticks(at, list(labels), fontsize=6.5)
        panel.set_title(f"{kind}: grey is the allowed range", fontsize=9, loc="left")
        panel.tick_params(axis="x", labelsize=7)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
        panel.margins(y=0.5 / max(len(part), 1))
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m performance.validity", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=TOPICS, default=TOPICS, help="these topics")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    rows = outside = 0
    for topic in options.only:
        start = time.process_time()
        table = validity(topic, options.seed, options.repetitions)
        print(f"{topic}: {time.process_time() - start:.0f} s of processor time")
        print(table.to_string(index=False, float_format="{:.3f}".format), flush=True)
        rows, outside = rows + len(table), outside + int((~table["holds"]).sum())
        if (options.repetitions, options.seed) == (REPETITIONS, SEED):
            merge(table)
    print(f"{rows} rows, {outside} outside their allowed range")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
