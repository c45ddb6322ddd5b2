"""Where a verdict depends on answers that are missing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import NOTHING, Block, case_cells, paragraph, table_block
from llmc_lib.reporting.report import Report

_CASES = {
    "wrong, as counted": N_("wrong, as counted"),
    "candidate_right": N_("only those of {model} right"),
    "reference_right": N_("only those of {reference} right"),
    "complete": N_("left out, with their questions"),
}


def missing_answers(report: Report) -> Block:
    """What missing answers could make of each comparison; nothing where they change no word."""
    found = [c for c in report.block["comparisons"] if c["missing"]]
    if not found:
        return NOTHING
    changed = [c for c in found if c["missing"]["changes"]]
    if not changed:
        nowhere = all(case["case"] != "complete" for c in found for case in c["missing"]["cases"])
        text = (
            tr(
                "Some answers are missing and count as wrong. No verdict in this table would change if all of them were "
                "right, on either side."
            )
            if nowhere
            else tr(
                "Some answers are missing and count as wrong. No verdict in this table would change if all of them were "
                "right, on either side, or if their questions were left out."
            )
        )
        return paragraph(text, "note")
    data = pd.DataFrame(
        [
            {"model": c["model"], **case}
            for c in changed
            for case in ({**_counted(c), "case": "wrong, as counted"}, *c["missing"]["cases"])
        ]
    )
    level = report.block["thresholds"]["significance"]
    rows = [
        {
            tr("Candidate"): row["model"],
            tr("Missing answers are"): tr(
                _CASES[row["case"]], model=row["model"], reference=report.reference
            ),
            tr("Questions"): f"{row['n']:,}",
            **case_cells(row, level),
        }
        for row in data.to_dict("records")
    ]
    caption = tr(
        "Where the verdict depends on missing answers: as counted, at the two extremes of what they could have "
        "been, and without the questions that lack one. Leaving questions out is fair only where answers are "
        "missing by chance, no matter whether they would have been right."
    )
    return table_block("missing", pd.DataFrame(rows), caption, data)


def _counted(comparison: dict[str, Any]) -> dict[str, Any]:
    """A comparison as counted, as a row of the table of missing answers."""
    bounds = {name: comparison["interval"][name] for name in ("low", "high")}
    names = ("n", "difference", "p_adjusted", "verdict")
    return {name: comparison[name] for name in names} | bounds
