"""What reinforcement learning bought: against the model that it started from, and against the base."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import as_p_cell, as_percent_cell, as_points, as_range, counted
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences.reinforced import claims_sentence, number, pair_sentence


def reinforced(report: Report) -> Block:
    """pass@1, pass@k and false claims of candidates that were trained by reinforcement, before and after."""
    found: list[dict[str, Any]] = report.block.get("reinforced", [])
    if not found:
        return NOTHING
    intro = tr(
        "The questions are held out: no reward has seen them. Every pair answered the same questions, and intervals are of "
        "each comparison alone; p is for pass@1, adjusted for all pairs (Holm)."
    )
    blocks = paragraph(intro, "note")
    for block in found:
        said = f"{pair_sentence(block)} {claims_sentence(block)}"
        blocks += paragraph(said.strip())
    return blocks + _rates(report, found) + _claims(found)


def _rates(report: Report, found: list[dict[str, Any]]) -> Block:
    level = report.block["thresholds"]["significance"]
    rows = []
    for block in found:
        ever = f"pass@{block['k']}"
        row = {
            tr("Model"): block["model"],
            tr("Against"): block["against"],
            "pass@1, %": percents(block["pass_at_1"]),
            tr("{measure}, difference", measure="pass@1"): difference(block["pass_at_1"]),
            "p": as_p_cell(block["p_adjusted"], level),
        }
        if block["pass_at_k"] is not None:
            row[f"{ever}, %"] = percents(block["pass_at_k"])
            row[tr("{measure}, difference", measure=ever)] = difference(block["pass_at_k"])
        rows.append(row)
    caption = tr(
        "Right answers before and after, in percent, and differences in points with 95% intervals: of pass@1 by a paired test "
        "over questions, of pass@k (is one of k answers right?) by McNemar's."
    )
    data = pd.DataFrame([_flat(block) for block in found])
    return table_block("reinforced", pd.DataFrame(rows), caption, data)


def _claims(found: list[dict[str, Any]]) -> Block:
    shown = [block for block in found if block["claims"] is not None]
    if not shown:
        return NOTHING
    rows = [
        {
            tr("Model"): block["model"],
            tr("Against"): block["against"],
            tr("False per answer"): _counts(block["claims"]["false"]),
            tr("Difference"): _count_difference(block["claims"]["false"]),
            tr("Answers with one, %"): percents(block["claims"]["with_false"]),
            tr("Stated per answer"): _counts(block["claims"]["stated"]),
        }
        for block in shown
    ]
    caption = tr(
        "Arithmetic claims before and after, in all answers to {questions}. Stated are those that could be decided: where "
        "fewer are stated, fewer can be false.",
        questions=counted(shown[0]["claims"]["false"]["n"], "question"),
    )
    data = pd.DataFrame(
        [
            {"model": b["model"], "against": b["against"]}
            | {f"{of}_{k}": v for of, change in b["claims"].items() for k, v in change.items()}
            for b in shown
        ]
    )
    return table_block("claims-before-after", pd.DataFrame(rows), caption, data)


def percents(change: dict[str, Any]) -> str:
    """A rate before and after, in percent."""
    return " → ".join(as_percent_cell(change[end], change["n"]) for end in ("before", "after"))


def difference(change: dict[str, Any]) -> str:
    """What a rate changed by, with its interval."""
    found, low, high = (
        as_points(change[name], change["n"], unit=False) for name in ("difference", "low", "high")
    )
    return f"{found} ({as_range(low, high)})"


def _counts(change: dict[str, Any]) -> str:
    return f"{number(change['before'])} → {number(change['after'])}"


def _count_difference(change: dict[str, Any]) -> str:
    found, low, high = (number(change[name], signed=True) for name in ("difference", "low", "high"))
    return f"{found} ({as_range(low, high)})"


def _flat(block: dict[str, Any]) -> dict[str, Any]:
    flat = {key: block[key] for key in ("model", "against", "role", "k", "reach", "p_adjusted")}
    for name in ("pass_at_1", "pass_at_k"):
        flat |= {f"{name}_{key}": value for key, value in (block[name] or {}).items()}
    return flat
