"""The section: a table of outcomes, and the chosen questions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import as_percent, counted
from llmc_lib.language import N_, plural, tr
from llmc_lib.params import CasesParams
from llmc_lib.records import Question
from llmc_lib.reporting.cases.choose import Case, chosen_cases, key_of, outcomes
from llmc_lib.reporting.cases.trace import Mark, Trace, columns, whole
from llmc_lib.reporting.elements import Block, anchor, table_block
from llmc_lib.reporting.text import text_to_html
from llmc_lib.store import sha256_text
from llmc_lib.taxonomy import ordered

_OUTCOMES = {
    "both right": N_("both right"),
    "gained": N_("gained"),
    "lost": N_("lost"),
    "both wrong": N_("both wrong"),
}


def outcome_table(results: Results, benchmark: str, reference: str, candidate: str) -> Block:
    """How many questions of each category both, one or none of the two models answers."""
    table = outcomes(results, benchmark, reference, candidate)
    # In the order of the questions' ids, which is that of metrics.json and so of all figures.
    rows = results.answers[results.answers["benchmark"] == benchmark].sort_values("question_id")
    counts = pd.crosstab(table["category"], table["outcome"]).reindex(
        index=ordered(rows["category"]),
        columns=list(_OUTCOMES),
        fill_value=0,
    )
    counts.loc["All questions"] = counts.sum()
    gained, lost = (
        (N_("gained (only {model})"), N_("lost (only {model})"))
        if "sample" not in rows or not rows["sample"].any()
        else (N_("gained (more often {model})"), N_("lost (more often {model})"))
    )
    apart = counts["gained"] + counts["lost"]
    names = {name: tr(text) for name, text in _OUTCOMES.items()}
    names |= {"gained": tr(gained, model=candidate), "lost": tr(lost, model=reference)}
    shown = counts.astype(str).rename(columns=names, index={"All questions": tr("All questions")})
    shown[tr("they disagree")] = [
        as_percent(n / total, int(total))
        for n, total in zip(apart, counts.sum(axis=1), strict=True)
    ]
    data = counts.rename_axis(columns=None).reset_index(names="Category")
    caption = tr(
        "Outcome of each question for {reference} and {candidate}.",
        reference=reference,
        candidate=candidate,
    )
    return table_block("outcomes", shown.reset_index(names=tr("Category")), caption, data)


def side_by_side(
    results: Results,
    benchmark: str,
    reference: str,
    candidate: str,
    cases: int | CasesParams,
    seed: int,
    marks: Mapping[str, Sequence[Mark]] | None = None,
    *,
    comments: Mapping[str, str] | None = None,
) -> Block:
    """The questions that `cases` asks for, with what both models wrote about each.

    `marks`: SHA-256 of a trace's text (`trace.whole`) → places of it to underline. `comments`: where the cases are those
    that a person has marked, id → comment. Of a benchmark that is `withheld` only ids, categories, grades and lengths are
    shown. Raises `UserError` for ids and categories that the benchmark does not have.
    """
    chosen = chosen_cases(results, benchmark, (reference, candidate), cases, seed)
    table = outcomes(results, benchmark, reference, candidate)
    apart = {name: int((table["outcome"] == name).sum()) for name in ("gained", "lost")}
    if not chosen:
        return _nothing(reference, candidate, sum(apart.values()), marked=comments is not None)
    withheld = benchmark in results.withheld
    parts = []
    for case in chosen:
        question = results.questions[benchmark][case.question_id]
        parts.append(
            _withheld_case(question, case)
            if withheld
            else _case(
                results, question, case, marks or {}, (comments or {}).get(case.question_id, "")
            )
        )
    marked, shown = comments is not None, [case.outcome for case in chosen]
    how = _how_chosen(cases, shown, apart, seed, marked=marked)
    keys = tr("Open one; the arrow keys ← and → go from question to question.")
    head = f'<p class="note">{how} <span class="keys">{keys}</span></p>'
    if withheld:
        text = tr(
            "The questions of this benchmark are not to be published: their text, the reference answers and what the models "
            "wrote about them are not in this file. To read them on your own machine, set <code>report: {show_questions: "
            "true}</code> in the params file and run <code>make report</code> again; keep that page to yourself."
        )
        head += f'<p class="note withheld">{text}</p>'
    return Block(f'{head}<div class="cases side-by-side">{"".join(parts)}</div>')


def _nothing(reference: str, candidate: str, total: int, *, marked: bool) -> Block:
    if marked:
        text = tr(
            "No question of this benchmark is marked (report.cases.marked). notebooks/explore.ipynb marks them."
        )
    elif total:
        text = tr(
            "report.cases is 0, or asks for none of the questions on which the two disagree: none is shown."
        )
    else:
        text = tr(
            "{reference} and {candidate} are right on exactly the same questions.",
            reference=reference,
            candidate=candidate,
        )
    return Block(f'<p class="note">{html.escape(text, quote=False)}</p>')


def _how_chosen(
    cases: int | CasesParams,
    outcomes: Sequence[str],
    apart: Mapping[str, int],
    seed: int,
    *,
    marked: bool,
) -> str:
    """How the questions shown were chosen. `outcomes` of these; `apart`: questions gained and lost, in all."""
    if isinstance(cases, CasesParams) and cases.ids:
        if marked:
            return plural(
                "{n:,} question marked while exploring.",
                "{n:,} questions marked while exploring.",
                len(outcomes),
            )
        return plural(
            "{n:,} question that the params file names.",
            "{n:,} questions that the params file names.",
            len(outcomes),
        )
    shown = {name: outcomes.count(name) for name in apart}
    if shown == apart:
        return tr(
            "All questions on which the two disagree: {gained:,} gained and {lost:,} lost.", **shown
        )
    per = "all" if isinstance(cases, int) else cases.per
    drawn = tr(
        _DRAWN[per],
        gained=shown["gained"],
        all_gained=counted(apart["gained"], "question"),
        lost=shown["lost"],
        all_lost=apart["lost"],
        seed=seed,
    )
    nothing = tr("how many of each are shown says nothing about how often each happens.")
    return f"{drawn}: {nothing}"


_DRAWN = {
    "all": N_(
        "{gained:,} of the {all_gained} gained and {lost:,} of the {all_lost:,} lost, drawn at random (seed {seed}) and "
        "shown in turn"
    ),
    "category": N_(
        "{gained:,} of the {all_gained} gained and {lost:,} of the {all_lost:,} lost, drawn at random (seed {seed}) category "
        "by category and shown in turn"
    ),
    "length": N_(
        "{gained:,} of the {all_gained} gained and {lost:,} of the {all_lost:,} lost, drawn at random (seed {seed}) from "
        "each third by length and shown in turn"
    ),
}


def _opening(question: Question, outcome: str, title: str) -> str:
    name = html.escape(question.id, quote=True)
    return (
        f'<details class="case" id="question-{name}">'
        f'<summary><span class="outcome {outcome.replace(" ", "-")}">{tr(_OUTCOMES[outcome])}</span> '
        f'<span class="category">{html.escape(question.category)}</span> {title}</summary>'
        f'<p class="link">{anchor(f"question-{question.id}", "question")}</p>'
    )


def _case(
    results: Results,
    question: Question,
    case: Case,
    marks: Mapping[str, Sequence[Mark]],
    comment: str,
) -> str:
    summary = question.question.strip().split("\n")[0]
    short = summary if len(summary) <= 110 else summary[:108].rsplit(" ", 1)[0] + " …"
    title = f'<span class="short">{text_to_html(short)}</span>'
    traces = [_trace(results, answer, marks) for answer in case.answers]
    heads = [facts(answer, trace.marks) for answer, trace in zip(case.answers, traces, strict=True)]
    rationale = (
        f'<details class="rationale"><summary>{tr("Why")}</summary>{text_to_html(question.rationale)}</details>'
        if question.rationale.strip()
        else ""
    )
    name = f"steps-{sha256_text(question.id)[:12]}"
    said = (
        f'<p class="comment"><b>{tr("Comment")}</b> {text_to_html(comment)}</p>' if comment else ""
    )
    return (
        f"{_opening(question, case.outcome, title)}{said}"
        f'<div class="question">{text_to_html(question.question)}</div>'
        f'<div class="reference"><b>{tr("Reference answer")}</b> {text_to_html(question.answer)}{rationale}</div>'
        f"{columns(name, traces[0], traces[1], (heads[0], heads[1]))}</details>"
    )


def _trace(results: Results, answer: dict[Any, Any], marks: Mapping[str, Sequence[Mark]]) -> Trace:
    texts = results.texts.get(key_of(answer), ("", ""))
    return Trace(*texts, tuple(marks.get(sha256_text(whole(*texts)), ())))


def _withheld_case(question: Question, case: Case) -> str:
    heads = "".join(
        f'<div class="side side-{n}">{facts(answer | {"extracted": ""}, ())}</div>'
        for n, answer in enumerate(case.answers, 1)
    )
    name = f"<code>{html.escape(question.id)}</code>"
    return f'{_opening(question, case.outcome, name)}<div class="columns">{heads}</div></details>'


def facts(answer: dict[Any, Any], marks: Sequence[Mark]) -> str:
    """The head of a column: model, grade, final answer, length, confidence, false claims."""
    status = "correct" if answer["status"] == "correct" else "other"
    told = []
    if answer["status"] != "missing":
        tokens = answer["completion_tokens"]
        # Some formats of imported answers do not tell it.
        told.append(counted(int(tokens), "token") if tokens else tr("length unknown"))
        confidence = answer.get("confidence")
        if confidence is not None and confidence == confidence:
            told.append(tr("{confidence:g}% sure", confidence=confidence))
    false = sum(mark.kind == "claim" for mark in marks)
    if false:
        told.append(counted(false, "false claim"))
    extracted = answer["extracted"]
    found = tr("Answer: {answer}", answer=f"<b>{text_to_html(extracted, 200)}</b>")
    final = f'<p class="final">{found}</p>' if extracted else ""
    return (
        f'<div class="who {status}"><h3>{html.escape(answer["model"])} <span class="grade">{_grade(answer)}</span></h3>'
        f'{final}<p class="note">{", ".join(told)}</p></div>'
    )


def _grade(answer: dict[Any, Any]) -> str:
    if answer["truncated"]:
        return tr("✗ cut at the token limit")
    ungraded = tr("? no verdict") if answer["rule"] == "no verdict" else tr("? no answer found")
    grades = {"correct": tr("✓ correct"), "incorrect": tr("✗ wrong"), "ungraded": ungraded}
    return grades.get(answer["status"], tr("– no completion"))
