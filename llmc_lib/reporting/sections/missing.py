"""Where a verdict depends on answers that are missing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import as_bound, as_p_cell, as_points
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report

_CASES = {
    "candidate_right": "only those of {model} right",
    "reference_right": "only those of {reference} right",
    "complete": "left out, with their questions",
}


def missing_answers(report: Report) -> Block:
    """What missing answers could make of each comparison; nothing where they change no word."""
    found = [c for c in report.block["comparisons"] if c["missing"]]
    if not found:
        return NOTHING
    changed = [c for c in found if c["missing"]["changes"]]
    if not changed:
        nowhere = all(case["case"] != "complete" for c in found for case in c["missing"]["cases"])
        also = "" if nowhere else ", or if their questions were left out"
        return paragraph(
            "Some answers are missing and count as wrong. No verdict in this table would change if all of them were "
            f"right, on either side{also}.",
            "note",
        )
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
            "Candidate": row["model"],
            "Missing answers are": _CASES.get(row["case"], row["case"]).format(
                model=row["model"], reference=report.reference
            ),
            "Questions": f"{row['n']:,}",
            "Difference, points": as_points(row["difference"], row["n"], unit=False),
            "Interval": f"{as_bound(row['low'], row['n'])} to {as_bound(row['high'], row['n'])}",
            "p adjusted": as_p_cell(row["p_adjusted"], level),
            "Verdict": row["verdict"],
        }
        for row in data.to_dict("records")
    ]
    caption = (
        "Where the verdict depends on missing answers: as counted, at the two extremes of what they could have been, "
        "and without the questions that lack one. Leaving questions out is fair only where answers are missing by "
        "chance, no matter whether they would have been right."
    )
    return table_block("missing", pd.DataFrame(rows), caption, data)


def _counted(comparison: dict[str, Any]) -> dict[str, Any]:
    """A comparison as counted, as a row of the table of missing answers."""
    bounds = {name: comparison["interval"][name] for name in ("low", "high")}
    names = ("n", "difference", "p_adjusted", "verdict")
    return {name: comparison[name] for name in names} | bounds
