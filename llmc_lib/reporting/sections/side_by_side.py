"""Reasoning side by side."""

from __future__ import annotations

from llmc_lib.reporting import cases, grading_page
from llmc_lib.reporting.elements import Block, paragraph
from llmc_lib.reporting.report import Report


def grading(report: Report) -> Block:
    """Who graded the answers and, where there are two graders, how far they agree."""
    blocks = report.metrics["benchmarks"]
    found = {name: block["agreement"] for name, block in blocks.items() if "agreement" in block}
    if not found:
        return paragraph(
            "Rules grade: they look for a final answer, or for what a response does, by its wording. What they "
            "cannot decide is ungraded, never guessed, and counts as not correct and as not safe. No judge "
            "was asked (evaluation.judge in the params file).",
            "note",
        )
    params = report.run.params
    return grading_page.grading(report.results, found, imported=report.imported, seed=params.seed)


def side_by_side_note(report: Report) -> Block:
    """What the cases show."""
    what = "what their files hold of the completions" if report.imported else "all that both wrote"
    return paragraph(
        "A score does not say why. These are questions on which one of the two models does better, with "
        f"{what}."
    )


def outcome_table(report: Report) -> Block:
    """Both right, gained, lost, both wrong, by category."""
    return cases.outcome_table(
        report.results, report.main, report.reference, report.headline["model"]
    )


def side_by_side(report: Report) -> Block:
    """Completions of the reference and the headline candidate where they disagree."""
    params = report.run.params
    return cases.side_by_side(
        report.results,
        report.main,
        report.reference,
        report.headline["model"],
        params.report.cases,
        params.seed,
    )
