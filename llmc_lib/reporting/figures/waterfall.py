"""The way of the rows from the sources to the mixture: a figure, and what each step removed and why."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from llmc_lib.dataset import steps
from llmc_lib.dataset.steps import mixture, named
from llmc_lib.formatting import MINUS, counted
from llmc_lib.language import plural, tr
from llmc_lib.params import Params
from llmc_lib.reporting.elements import NOTHING, Block, folded, table_block
from llmc_lib.reporting.figures.drawing import FigureBlock, canvas, figure_block, whole_numbers
from llmc_lib.reporting.palette import BASE, INK, MODELS, MUTED


class _Bar(NamedTuple):
    label: str
    start: float
    stop: float
    number: str  # after the label
    kind: str  # "read", "removed", "train" or "validation"
    note: str = ""  # beside the bar


def switched_off(params: Params) -> set[str]:
    """The steps that the params file leaves out; the others ran, also where they removed nothing."""
    return {step.name for step in steps.STEPS if not step.is_on(params.dataset)}


def waterfall(manifest: dict[str, Any], params: Params) -> FigureBlock:
    """From the rows of the sources, step by step, to the rows that are trained on.

    Parameters: the data set's manifest, and the params that it was built from.
    """
    off = switched_off(params)
    bars = _bars(manifest, off)
    figure, axes = canvas(0.29 * len(bars) + 0.8)
    largest = max(max(bar.start, bar.stop) for bar in bars)
    for y, bar in enumerate(bars):
        _draw_bar(axes, y, bar, largest)
    # The numbers are between the names and the bars, so that a phone shows them without scrolling.
    axes.tick_params(axis="y", pad=16 + 5.8 * max(len(bar.number) for bar in bars))
    axes.set_yticks(range(len(bars)), [_label(bar.label) for bar in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, largest or 1)
    axes.set_xlabel(tr("Rows"))
    whole_numbers(axes.xaxis)
    axes.grid(axis="y", visible=False)
    read = sum(source["read"] for source in manifest["sources"].values())
    train, held = manifest["rows"]["train"], manifest["rows"]["validation"]
    title = (
        plural(
            "Of {rows}, {n:,} is trained on and {held:,} held out",
            "Of {rows}, {n:,} are trained on and {held:,} held out",
            train, rows=counted(read, "row"), held=held,
        )
        if held
        else plural(
            "Of {rows}, {n:,} is trained on", "Of {rows}, {n:,} are trained on", train, rows=counted(read, "row")
        )
    )  # fmt: skip
    step = max(manifest["steps"], key=lambda step: int(step["removed"]))
    if step["removed"]:
        cost = tr(named(step["step"]).cost)
        gone = sum(int(each["removed"]) for each in manifest["steps"])
        drawn = step["step"] == mixture.STEP.name and manifest["limiting_category"] is None
        if drawn and 2 * step["removed"] > gone:
            cost = (
                tr("the others were left out by dataset.max_rows")
                if step["removed"] == gone
                else tr("most of the others were left out by dataset.max_rows")
            )
        title += f"; {cost}"
    caption = tr(
        "From top to bottom: the rows that each source gives (grey), what each step takes away (hollow), and "
        "what is left (blue). A step with 0 ran and removed no row. Provenance and form remove a completion but "
        "keep its problem, which may still get another completion; a response or a chat is removed with its "
        "prompt."
    )
    removed = "; ".join(
        f"{tr(named(step['step']).title)} {tr('off') if step['step'] in off else format(step['removed'], ',')}"
        for step in manifest["steps"]
    )
    data = pd.DataFrame(
        {"what": bar.label, "kind": bar.kind, "rows": abs(round(bar.stop - bar.start))}
        for bar in bars
    )
    alt = tr("{title}. Rows removed: {removed}.", title=title, removed=removed)
    return figure_block("waterfall", figure, title, caption, alt, data)


def _bars(manifest: dict[str, Any], off: set[str]) -> list[_Bar]:
    """The waterfall from top to bottom."""
    bars, at = [], 0
    for name, source in manifest["sources"].items():
        bars.append(_Bar(name, at, at + source["read"], f"{source['read']:,}", "read"))
        at += source["read"]
    if len(bars) > 1:
        bars.append(_Bar(tr("All rows"), 0, at, f"{at:,}", "read"))
    for step in manifest["steps"]:
        gone, without = step["removed"], step["completions_removed"]
        number = tr("off") if step["step"] in off else f"{MINUS}{gone:,}" if gone else "0"
        note = (
            plural("{n:,} completion removed", "{n:,} completions removed", without)
            if without
            else ""
        )
        name = tr(named(step["step"]).title)
        bars.append(_Bar(name, at - gone, at, number, "removed", note))
        at -= gone
    train, held = manifest["rows"]["train"], manifest["rows"]["validation"]
    if train + held > at:  # dataset.repeat
        again = train + held - at
        bars.append(_Bar(tr("Repeated"), at, at + again, f"+{again:,}", "read"))
    bars.append(_Bar(tr("Trained on"), 0, train, f"{train:,}", "train"))
    if held:
        bars.append(_Bar(tr("Held out"), train, train + held, f"{held:,}", "validation"))
    return bars


def _draw_bar(axes: Axes, y: int, bar: _Bar, largest: float) -> None:
    colour = {"read": BASE, "removed": MUTED}.get(bar.kind, MODELS[0])
    if bar.number != tr("off"):
        axes.barh(
        y, bar.stop - bar.start, left=bar.start, height=0.56, linewidth=1,
        color="none" if bar.kind == "removed" else colour, edgecolor=colour,
        alpha=0.45 if bar.kind == "validation" else 1,
    )  # fmt: skip
    if bar.note:
        # On the side that has more room.
        left = bar.start > largest / 2
        axes.annotate(
            bar.note, (bar.start if left else bar.stop, y), xytext=(-6 if left else 6, 0),
            textcoords="offset points", ha="right" if left else "left", va="center", color=MUTED,
            fontsize=9,
        )  # fmt: skip
    axes.annotate(
        bar.number, (0, y), xycoords=("axes fraction", "data"), xytext=(-8, 0),
        textcoords="offset points", ha="right", va="center_baseline", fontsize=9.5,
        color=MUTED if bar.number in ("0", tr("off")) else INK,
    )  # fmt: skip


def _label(name: str) -> str:
    """A name as a tick's label: short."""
    return name if len(name) <= 28 else name[:27] + "…"


# ---- what each step removed ------------------------------------------------------------------


def removals(manifest: dict[str, Any], params: Params) -> Block:
    """A table of what each step removed and why; folded below it, examples."""
    off = switched_off(params)
    rows = [
        {
            tr("Step"): tr(named(step["step"]).title),
            tr("Rows"): "–" if step["step"] in off else f"{step['removed']:,}",
            tr("Completions"): "–" if step["step"] in off else f"{step['completions_removed']:,}",
            tr("Rows left"): f"{step['left']:,}",
            tr("Why"): tr("off")
            if step["step"] in off
            else _reasons(Counter(step["completion_reasons"]) + Counter(step["reasons"])),
        }
        for step in manifest["steps"]
    ]
    reasons = [
        {"step": step["step"], "removed": what, "reason": reason, "count": n}
        for step in manifest["steps"]
        for what, counts in (("row", step["reasons"]), ("completion", step["completion_reasons"]))
        for reason, n in counts.items()
    ]
    data = pd.DataFrame(reasons, columns=["step", "removed", "reason", "count"])
    caption = tr("Rows and completions that each step removed, the rows that were left, and why.")
    caption += " " + (
        tr(
            "Every removed row is in removed.parquet, but for those that a candidate's own mixture has."
        )
        if manifest["mixtures"]
        else tr("Every removed row is in removed.parquet.")
    )
    table = table_block("steps", pd.DataFrame(rows), caption, data)
    return table + _examples(manifest)


def _reasons(counts: dict[str, int], shown: int = 5) -> str:
    """ "wrong answer (12), empty completion (3)"; beyond `shown` reasons their number."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    words = [f"{tr(reason)} ({n:,})" for reason, n in ordered[:shown]]
    if len(ordered) > shown:
        rest = ordered[shown:]
        words.append(f"{counted(len(rest), 'other reason')} ({sum(n for _, n in rest):,})")
    return ", ".join(words)


def _examples(manifest: dict[str, Any]) -> Block:
    rows = [
        {
            tr("Step"): tr(named(step["step"]).title),
            tr("Row"): example["id"],
            tr("Why"): tr(example["reason"]),
            tr("Detail"): example["detail"],
        }
        for step in manifest["steps"]
        for example in step["examples"]
    ]
    if not rows:
        return NOTHING
    caption = tr("One row for each reason, the first of those that were removed for it.")
    table = table_block("removed", pd.DataFrame(rows), caption)
    return folded(tr("Examples of removed rows"), table)
