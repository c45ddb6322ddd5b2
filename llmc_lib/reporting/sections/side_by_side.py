"""Reasoning side by side, and the claims in it that do not hold."""

from __future__ import annotations

from llmc_lib.language import tr
from llmc_lib.params import CasesParams
from llmc_lib.reporting import cases, claims_page, grading_page
from llmc_lib.reporting.elements import Block, paragraph
from llmc_lib.reporting.graders import graders_sentence, graders_table
from llmc_lib.reporting.report import Report
from llmc_lib.store import read_marks, sha256_text


def grading(report: Report) -> Block:
    """Who graded the answers and, where there are two graders, how far they agree."""
    blocks = report.metrics["benchmarks"]
    found = {name: block["agreement"] for name, block in blocks.items() if "agreement" in block}
    named = paragraph(graders_sentence(blocks), "note")
    if not found:
        return named + paragraph(
            tr(
                "The answers were graded by rules, which look for the final answer, or tell by its wording whether a "
                "response declines, warns or helps. What they cannot decide is never guessed: it is ungraded, and counts "
                "as neither correct nor safe. No judge was asked (evaluation.judge in the params file)."
            ),
            "note",
        )
    params = report.run.params
    for name, block in blocks.items():
        if "by_grader" in block:
            named += graders_table(name, block)
    return named + grading_page.grading(
        report.results, found, imported=report.imported, seed=params.seed
    )


def side_by_side_note(report: Report) -> Block:
    """What the cases show."""
    text = (
        tr(
            "A score does not say why. First the outcomes are counted, then come questions on which one of the two "
            "models does better, with what their files hold of the completions."
        )
        if report.imported
        else tr(
            "A score does not say why. First the outcomes are counted, then come questions on which one of the two "
            "models does better, with all that both wrote."
        )
    )
    return paragraph(text)


def outcome_table(report: Report) -> Block:
    """Both right, gained, lost, both wrong, by category."""
    return cases.outcome_table(
        report.results, report.main, report.reference, report.headline["model"]
    )


def side_by_side(report: Report) -> Block:
    """What the reference and the headline candidate wrote where they disagree."""
    params, results = report.run.params, report.results
    wanted, comments = _cases(report)
    found = {}
    if report.main not in results.withheld:
        found = claims_page.marks(results, _shown_keys(report), report.run.reasoning)
    return cases.side_by_side(
        results,
        report.main,
        report.reference,
        report.headline["model"],
        wanted,
        params.seed,
        found,
        comments=comments,
    )


def _cases(report: Report) -> tuple[int | CasesParams, dict[str, str] | None]:
    """Which questions are shown: as the params file says, or those that are marked, with the comment of each."""
    wanted = report.run.params.report.cases
    if isinstance(wanted, int) or not wanted.marked:
        return wanted, None
    known = report.results.questions[report.main]
    comments = {
        question: comment
        for (benchmark, question), comment in read_marks(report.run.exploring).items()
        if benchmark == report.main and question in known
    }
    return CasesParams(ids=tuple(comments)) if comments else 0, comments


def shown_traces(report: Report) -> dict[str, tuple[str, str]]:
    """SHA-256 of a trace that is shown side by side → its question and its text."""
    questions = report.results.questions[report.main]
    found = {}
    for key in _shown_keys(report):
        text = cases.whole(*report.results.texts.get(key, ("", "")))
        if text.strip():
            found[sha256_text(text)] = questions[key[2]].question, text
    return found


def false_claims(report: Report) -> Block:
    """Arithmetic that the models state and that does not hold, counted."""
    return claims_page.claims(report.block["false_claims"])


def _shown_keys(report: Report) -> list[tuple[str, str, str, int]]:
    """The answers that are shown side by side."""
    params = report.run.params
    models = report.reference, report.headline["model"]
    chosen = cases.chosen_cases(report.results, report.main, models, _cases(report)[0], params.seed)
    return [cases.key_of(answer) for case in chosen for answer in case.answers]
