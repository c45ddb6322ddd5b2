"""Length and truncation, stated confidence, several samples: what the answers are like."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.calibration import Calibration, CalibrationError
from llmc_lib.formatting import as_percent_cell, as_percent_range
from llmc_lib.language import N_, tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import runs as words

_ENDS = {
    "stop": N_("finished"),
    "length": N_("cut at the token limit"),
    "failed": N_("request failed"),
    "missing": N_("no answer"),
}


def lengths(report: Report) -> Block:
    """Accuracy had the token limit been smaller, by length, and by how a completion ended."""
    block, models = report.block, [report.reference, report.headline["model"]]
    if block["length"] is None:
        return paragraph(
            tr(
                "Accuracy by length cannot be shown: {length_not_known}.",
                length_not_known=block["length_not_known"],
            ),
            "note",
        ) + _by_finish(report)
    limits = pd.DataFrame(block["limits"]).assign(category="all")
    differences = pd.DataFrame(block["limit_differences"])
    pair = differences[differences["model"] == models[-1]]
    table = pd.DataFrame(block["length"])
    return (
        figures.lengths.accuracy_at_limits(
            limits[limits["model"].isin(models)], pair, models, _limit(report)
        )
        + figures.lengths.accuracy_by_length(table[table["model"].isin(models)], models)
        + _by_finish(report)
    )


def _limit(report: Report) -> int | None:
    """The token limit, where it is one number for all questions."""
    limit = report.run.params.evaluation.asking(report.main).max_tokens
    return limit if isinstance(limit, int) and not report.imported else None


def _by_finish(report: Report) -> Block:
    """How the completions ended, and how many of each kind are right."""
    data = pd.DataFrame(report.block["finish"])
    overall = data[data["category"] == "all"]
    rows = [
        {
            tr("Model"): row["model"],
            tr("How it ended"): tr(_ENDS.get(row["finish_reason"], row["finish_reason"])),
            tr("Answers"): f"{row['n']:,}",
            tr("Share, %"): as_percent_cell(row["share"], report.block["n_questions"]),
            tr("Correct, %"): as_percent_cell(row["rate"], row["questions"]),
            tr("95% interval"): as_percent_range((row["low"], row["high"]), row["questions"]),
        }
        for row in overall.to_dict("records")
    ]
    caption = tr(
        "How completions ended. One that was cut at the token limit counts as wrong, whatever it contains. The "
        "CSV has each category."
    )
    return table_block("finish", pd.DataFrame(rows), caption, data)


def calibration(report: Report) -> Block:
    """Are models as often right as they say? Nothing where none states how sure it is."""
    models = [report.reference, report.headline["model"]]
    found = {m: _calibration(report.block["models"][m]) for m in models}
    stated = {m: each for m, each in found.items() if each is not None}
    if not stated:
        return NOTHING
    return figures.calibration.reliability(stated) + _official(report, models)


def _official(report: Report, models: list[str]) -> Block:
    """HLE's own figure, and why ours differs."""
    printed = []
    for name in models:
        official = report.block["models"][name].get("official")
        if official and official["calibration_error"] is not None and official["n"] >= 200:
            rms = report.block["models"][name]["calibration"]["rms"]["value"]
            printed.append(
                tr(
                    "{name} {calibration_error:g} (with all bins, ours, {rms:.0f})",
                    name=name,
                    calibration_error=official["calibration_error"],
                    rms=100 * rms,
                )
            )
    if not printed:
        return NOTHING
    return paragraph(
        tr(
            "HLE's own calibration error, in percent: {figures}. Its code leaves out the bin of the most confident "
            "answers, and has bins of 100 answers; here all answers that state a confidence count.",
            figures="; ".join(printed),
        ),
        "note",
    )


def _calibration(model: dict[str, Any]) -> Calibration | None:
    block = model.get("calibration")
    if block is None:
        return None
    errors = {name: CalibrationError(**block[name]) for name in ("rms", "ece")}
    return Calibration(**{**block, **errors, "curve": pd.DataFrame(block["curve"])})


def several_tries(report: Report) -> Block:
    """pass@k and majority@k, where there are several samples."""
    models = [report.reference, report.headline["model"]]
    blocks = report.block["models"]
    if report.block["n_samples"] == 1:
        return NOTHING
    models = [m for m in models if "pass_at_k" in blocks[m]]  # a model may have one sample
    if not models:
        return NOTHING
    passed = {m: pd.DataFrame(blocks[m]["pass_at_k"]) for m in models}
    majority = {
        m: pd.DataFrame(blocks[m]["majority_at_k"])
        for m in models
        if blocks[m].get("majority_at_k")
    }
    text = tr(
        "With {samples} of each question two more things can be asked: is at least one of k samples right "
        "(pass@k), and is the answer that most of k samples give (majority@k)?",
        samples=words.samples_of(report.block),
    )
    return paragraph(text) + figures.samples.pass_at_k(passed, majority)
