"""If this were run again, and what it would take to know."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis import outlook
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.formatting import as_bound, as_count, as_likely, as_p, as_size, counted
from llmc_lib.language import plural, tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import runs as words


def rerun(report: Report) -> Block:
    """The spread of the next run of both models."""
    if report.block["n_questions"] < outlook.FEW_QUESTIONS:
        return paragraph(report.headline["rerun"]["sentence"], "note")
    found = figures.design.next_run(report.block, report.headline) + paragraph(_pairing(report))
    runs = [words.runs_sentence(report.block), words.another_run_sentence(report.headline)]
    told = " ".join(filter(None, runs))
    return found + (paragraph(told) if told else NOTHING)


def power(report: Report) -> Block:
    """What this design finds, and what others would."""
    comparison = report.headline
    if why := _unknown(report.block, comparison):
        return paragraph(why, "note")
    need = paragraph(comparison["needed"]) if comparison["needed"] else NOTHING
    return need + figures.design.power_curve(report.block, comparison) + _designs(report)


def _unknown(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    """Why these answers do not say what a design finds; "" where they do."""
    n, clusters = block["n_questions"], block["n_clusters"]
    if (n if clusters is None else clusters) < outlook.FEW_QUESTIONS:
        if clusters is not None and n >= outlook.FEW_QUESTIONS:
            return tr(
                "Questions in {clusters} are too few to say how large a difference such a design finds, or what a "
                "smaller one would take.",
                clusters=counted(clusters, "cluster"),
            )
        return plural(
            "{n:,} question is too few to say how large a difference such a design finds, or what a smaller one would "
            "take.",
            "{n:,} questions are too few to say how large a difference such a design finds, or what a smaller one would "
            "take.",
            n,
        )
    if comparison["gained"] + comparison["lost"] == 0:
        return tr(
            "No question tells the two models apart, so these answers do not say how large a difference such a design "
            "finds, or what a smaller one would take."
        )
    parts = VarianceParts(
        comparison["variance"]["total"], comparison["variance"]["within"], n / (clusters or n)
    )
    if outlook.unknown(n, block["n_samples"], parts):
        return tr(
            "The two models differ by the same amount on every question, so these answers do not say how large a "
            "difference such a design finds, or what a smaller one would take."
        )
    return ""


def _pairing(report: Report) -> str:
    """What comparing on the same questions gains over a comparison that ignores it."""
    comparison, n = report.headline, report.block["n_questions"]
    apart = comparison["unpaired"]
    low, high = (as_bound(bound, n) for bound in apart["ci95"])
    text = tr(
        "Compared without pairing, the same difference has the 95% interval {low} to {high} (p {p}).",
        low=low,
        high=high,
        p=as_p(apart["p_value"], ALPHA),
    )
    saved, correlation = comparison["variance_reduction"], comparison["correlation"]
    if saved is None or correlation is None or comparison["gained"] + comparison["lost"] == 0:
        return text
    if saved < -0.01:
        brings = tr(
            "The two models tend to fail on different questions, so this interval is too narrow."
        )
        return f"{text} {brings}"
    if saved < 0.01:
        brings = tr(
            "Pairing changes little here: what one model fails on says little about the other."
        )
        return f"{text} {brings}"
    times = tr("more than 100") if saved > 0.99 else f"{1 / (1 - saved):.1f}"
    alike = tr("above 0.99") if 0.995 <= correlation < 1 else f"{correlation:.2f}"
    brings = tr(
        "Pairing removes {saved} of the variance (the correlation of the two models is {alike}): an unpaired "
        "comparison would take {times} times the questions.",
        saved=as_likely(saved),
        alike=alike,
        times=times,
    )
    return f"{text} {brings}"


def _designs(report: Report) -> Block:
    """Questions and samples for differences of several sizes."""
    design, thresholds = report.block["power"], report.block["thresholds"]
    data = pd.DataFrame(design["designs"])
    rows = [
        {
            tr("True difference"): as_size(row["difference"]),
            tr("Samples per question"): f"{row['samples']}",
            tr("Questions"): as_count(row["questions"]),
            tr("Answers per model"): as_count(row["answers"]),
            tr("These questions"): tr("enough") if row["enough"] else tr("too few"),
        }
        for row in design["designs"]
    ]
    caption = tr(
        "What it takes to find a true difference {power:.0%} of the time ({level}), with the variances measured here.",
        power=thresholds["power"],
        level=figures.design.level_words(report.block),
    )
    if not design["variance_known"]:
        caption += " " + tr(
            "One sample of each question does not tell what several would save, so all designs here have one."
        )
    return table_block("designs", pd.DataFrame(rows), caption, data)
