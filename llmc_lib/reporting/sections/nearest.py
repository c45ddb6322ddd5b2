"""Where the gain comes from: is it larger on the questions nearest to the training rows?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.summary.nearest import REPEATED, VERBATIM
from llmc_lib.language import tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, case_cells, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.trained_on import row_texts

_LISTED = 20
_EXCERPT = 160


def nearest(report: Report) -> Block:
    """The gain from the nearest questions on, the verdict without them, and those that seem repeated; nothing where the gain has
    nothing to do with it, none is repeated, and no verdict changes."""
    comparison = report.headline
    found = comparison["nearest"]
    if not found or not (found["found"] != "none" or found["repeated"] or found["changes"]):
        return NOTHING
    level = report.block["thresholds"]["significance"]
    figure = (
        figures.nearest.gain_by_similarity(comparison, level)
        if len(found["curve"]) > 1
        else NOTHING
    )
    return paragraph(found["sentence"]) + figure + _without(report) + _repeated(report)


def _without(report: Report) -> Block:
    comparison = report.headline
    counted = {name: comparison[name] for name in ("n", "difference", "p_adjusted", "verdict")}
    counted |= {name: comparison["interval"][name] for name in ("low", "high")}
    data = pd.DataFrame([{"case": "all", **counted}, *comparison["nearest"]["without"]])
    level = report.block["thresholds"]["significance"]
    rows = [
        {
            tr("Questions"): _name(row["case"]),
            tr("Number"): f"{row['n']:,}",
            **case_cells(row, level),
        }
        for row in data.to_dict("records")
    ]
    caption = tr(
        "{model} against {reference} without the questions nearest to {model}'s training rows. If the training rows are of the "
        "benchmark's kind, many questions are near one without being a copy.",
        model=comparison["model"],
        reference=report.reference,
    )
    return table_block("nearest", pd.DataFrame(rows), caption, data)


def _name(case: str) -> str:
    if case == "all":
        return tr("all")
    if case == "repeated":
        return tr("without those that seem repeated")
    return tr("without the nearest {share:.0%}", share=float(case))


def _repeated(report: Report) -> Block:
    """The questions that seem repeated, each with its row; of a benchmark that is withheld their ids alone."""
    found: list[dict[str, Any]] = report.headline["nearest"]["repeated"]
    if not found:
        return NOTHING
    data = pd.DataFrame(found)
    shown = found[:_LISTED]
    hidden = report.main in report.results.withheld
    questions = report.results.questions[report.main]
    texts = {} if hidden else row_texts(report.run, report.headline["model"], [r["row"] for r in shown])  # fmt: skip
    rows = [
        {
            tr("Question"): _cell(row["question_id"], "" if hidden else questions[row["question_id"]].question),
            tr("Training row"): _cell(row["row"], texts.get(row["row"], "")),
            tr("Similarity"): f"{row['similarity']:.2f}",
            tr("Same answer"): tr("yes") if row["same_answer"] else tr("no"),
        }
        for row in shown
    ]  # fmt: skip
    caption = tr(
        "Questions that seem repeated among the rows that {model} was trained on: a row with the same answer has a similarity of at "
        "least {least:g} (cosine of the TF-IDF vectors of their words and numbers), or any row has one of at least {verbatim:g}.",
        model=report.headline["model"],
        least=REPEATED,
        verbatim=VERBATIM,
    )
    if len(found) > _LISTED:
        caption += " " + tr("The CSV has all {n:,}.", n=len(found))
    return table_block("repeated", pd.DataFrame(rows), caption, data)


def _cell(name: str, text: str) -> str:
    short = " ".join(text.split())
    short = short if len(short) <= _EXCERPT else short[:_EXCERPT] + "…"
    return f"{name}: {short}" if short else name
