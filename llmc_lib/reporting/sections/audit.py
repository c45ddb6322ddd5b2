"""Grades checked by people: the grader's errors, and what is left of rates and differences without them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import (
    as_bounds,
    as_percent,
    as_percent_cell,
    as_percent_range,
    as_points,
)
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import audit as words
from llmc_lib.reporting.sentences.audit import STATUS


def audit(report: Report) -> Block:
    """For each benchmark with labels: error rates, corrected rates and differences, and where to label next."""
    shown = NOTHING
    for name, block in report.metrics["benchmarks"].items():
        found = block.get("audit")
        if found is None:
            continue
        if found["outdated"]:
            shown += paragraph(words.audit_outdated(name), "note")
            continue
        shown += paragraph(words.audit_lead(name, found))
        if "models" in found:
            shown += _all(name, block, found)
    return shown


def _all(name: str, block: dict[str, Any], found: dict[str, Any]) -> Block:
    made = _models(name, block, found)
    if found["regraded"]:
        text = tr(
            "The answers were graded again after they were drawn: the grader's errors are those of the earlier grades; the "
            "corrected rates and differences still hold."
        )
        made += paragraph(text, "note")
    for comparison in found["comparisons"]:
        made += paragraph(words.audit_difference(comparison, block))
    return made + _differences(name, block, found) + _next(name, found)


def _models(name: str, block: dict[str, Any], found: dict[str, Any]) -> Block:
    n = block["n_questions"]
    rows, data = [], []
    for model, facts in found["models"].items():
        errors = facts["errors"]
        rows.append(
            {
                tr("Model"): model,
                tr("As graded, %"): as_percent_cell(facts["graded"], n),
                tr("Corrected, %"): as_percent_cell(facts["corrected"], n),
                tr("95% interval"): as_percent_range(facts["ci95"], n),
                tr("Labels"): f"{facts['labelled']}",
                tr("Graded correct, but wrong"): _share(errors.get("correct")),
                tr("Graded incorrect, but right"): _share(errors.get("incorrect")),
                tr("Ungraded, but right"): _share(errors.get("ungraded")),
            }
        )
        flat = {"model": model, **{k: facts[k] for k in ("graded", "corrected", "labelled")},
                "low": facts["ci95"][0], "high": facts["ci95"][1],
                "low_labels": facts["ci95_labels"][0], "high_labels": facts["ci95_labels"][1]}  # fmt: skip
        for status, error in errors.items():
            flat |= {f"{status}_{key}": error[key] for key in ("answers", "labelled", "share")}
        data.append(flat)
    caption = tr(
        "Rates as graded and as corrected by the labels, and for each grade the share of answers that the labels contradict ({benchmark}; "
        "95% intervals in brackets). The interval of a corrected rate includes the noise of the choice of questions and of the labels. "
        "Answers that were cut, failed or are missing stay wrong.",
        benchmark=name,
    )
    return table_block(f"audit-{name}", pd.DataFrame(rows), caption, pd.DataFrame(data))


def _share(error: dict[str, Any] | None) -> str:
    if error is None:
        return "–"
    if error["share"] is None:
        return tr("no label")
    n = error["labelled"]
    return f"{as_percent(error['share'], n)} ({as_percent_range(error['ci95'], n)})"


def _differences(name: str, block: dict[str, Any], found: dict[str, Any]) -> Block:
    rows, data = [], []
    for c in found["comparisons"]:
        own = next(o for o in block["comparisons"] if o["model"] == c["model"])
        n = own["n"]
        rows.append(
            {
                tr("Candidate"): c["model"],
                tr("As graded, points"): as_points(c["graded"], n, own["digits"], unit=False),
                tr("Corrected, points"): as_points(c["corrected"], n, own["digits"], unit=False),
                tr("Interval"): as_bounds(c["interval"], n),
                tr("From the labels alone"): as_bounds(c["interval_labels"], n),
            }
        )
        data.append({**{k: v for k, v in c.items() if not isinstance(v, list)},
                     **{f"{end}{part}": c[f"interval{part}"][at]
                        for part in ("", "_labels") for at, end in enumerate(("low", "high"))}})  # fmt: skip
    if not rows:
        return NOTHING
    caption = tr(
        "Differences from {reference}, as graded and as corrected. The interval from the labels alone says where the difference on these "
        "very answers would lie if all of them were labelled.",
        reference=found["comparisons"][0]["reference"],
    )
    return table_block(f"audit-differences-{name}", pd.DataFrame(rows), caption, pd.DataFrame(data))


def _next(name: str, found: dict[str, Any]) -> Block:
    listed = sorted(found["next"], key=lambda row: -row["more"])
    rows = [
        {
            tr("Model"): row["model"],
            tr("Graded"): tr(STATUS[row["status"]]),
            tr("Models differ"): tr("yes") if row["discordant"] else tr("no"),
            tr("Graders differ"): tr("yes") if row["disputed"] else tr("no"),
            tr("Answers"): f"{row['answers']:,}",
            tr("Labelled"): f"{row['labelled']:,}",
            tr("Of these graded wrongly"): f"{row['wrong']:,}",
            tr("Label next"): f"{row['more']:,}",
        }
        for row in listed
    ]
    caption = tr(
        "Where the next 50 labels would narrow the intervals most ({benchmark}); make audit draws them accordingly.",
        benchmark=name,
    )
    table = table_block(
        f"audit-next-{name}", pd.DataFrame(rows), caption, pd.DataFrame(found["next"])
    )
    return folded(tr("Which answers to label next"), table)
