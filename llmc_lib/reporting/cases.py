"""Reasoning side by side: the questions that one model answers correctly and the other does not."""

from __future__ import annotations

import html
import random
from typing import Any

import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting.elements import Block, table_block
from llmc_lib.reporting.text import text_to_html
from llmc_lib.taxonomy import ordered

_OUTCOMES = ("both right", "gained", "lost", "both wrong")


def outcomes(results: Results, benchmark: str, reference: str, candidate: str) -> pd.DataFrame:
    """For each question: category and outcome ("both right", "gained", "lost", "both wrong").

    With several samples: "gained" where the candidate is right more often than the reference, "lost"
    where it is less often; else "both right" where at least half of the samples are right.
    """
    answers = results.answers[results.answers["benchmark"] == benchmark]
    rate = answers.pivot_table(
        index="question_id", columns="model", values="correct", aggfunc="mean", sort=False
    )
    category = answers.drop_duplicates("question_id").set_index("question_id")["category"]
    correct = rate.astype(float)
    outcome = [
        "gained" if after > before else "lost" if after < before
        else "both right" if after >= 0.5 else "both wrong"
        for before, after in zip(correct[reference], correct[candidate], strict=True)
    ]  # fmt: skip
    return pd.DataFrame(
        {"category": category.loc[correct.index], "outcome": outcome}, index=correct.index
    )


def outcome_table(results: Results, benchmark: str, reference: str, candidate: str) -> Block:
    """How many questions of each category both, one or none of the two models answers."""
    table = outcomes(results, benchmark, reference, candidate)
    counts = pd.crosstab(table["category"], table["outcome"]).reindex(
        index=ordered(table["category"]),
        columns=list(_OUTCOMES),
        fill_value=0,
    )
    counts.loc["All questions"] = counts.sum()
    only = "only" if results.manifest.get("samples", 1) == 1 else "more often"
    shown = counts.rename(
        columns={
            "gained": f"gained ({only} {candidate})",
            "lost": f"lost ({only} {reference})",
        }
    ).reset_index(names="Category")
    caption = f"Outcome of each question for {reference} and {candidate}."
    return table_block("outcomes", shown.astype(str), caption)


def side_by_side(
    results: Results, benchmark: str, reference: str, candidate: str, n: int, seed: int
) -> Block:
    """Up to `n` questions on which the two disagree, gained and lost in turn, drawn by the seed."""
    table = outcomes(results, benchmark, reference, candidate)
    drawn = _draw(table, n, seed)
    total = int(table["outcome"].isin(("gained", "lost")).sum())
    if not drawn:
        return Block(
            f'<p class="note">{html.escape(reference)} and {html.escape(candidate)} are right on '
            "exactly the same questions.</p>"
            if not total
            else '<p class="note">report.cases is 0: none is shown.</p>'
        )
    rows = results.answers[results.answers["benchmark"] == benchmark]
    rows = rows[rows["question_id"].isin(drawn) & rows["model"].isin([reference, candidate])]
    answers: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for row in rows.to_dict("records"):
        key = benchmark, row["model"], row["question_id"], row.get("sample", 0)
        row["reasoning"], row["response"] = results.texts.get(key, ("", ""))
        answers.setdefault((row["model"], row["question_id"]), []).append(row)
    cases = []
    for id_ in drawn:
        outcome = str(table["outcome"][id_])
        # Of several samples the first that shows the difference.
        shown = [
            (model, _first(answers[model, id_], (outcome == "gained") == (model == candidate)))
            for model in (reference, candidate)
        ]
        cases.append(_case(results.questions[benchmark][id_], outcome, shown))
    head = (
        f'<p class="note">{len(drawn)} of the {total} questions on which the two disagree, drawn at '
        f"random (seed {seed}). Open one; the arrow keys ← and → go from question to question.</p>"
    )
    return Block(head + f'<div class="cases">{"".join(cases)}</div>')


def _first(samples: list[dict[Any, Any]], right: bool) -> dict[Any, Any]:
    """The first sample that is right, or that is wrong; the first of all where there is none."""
    return next((row for row in samples if bool(row["correct"]) == right), samples[0])


def _draw(table: pd.DataFrame, n: int, seed: int) -> list[str]:
    """Question ids, gained and lost alternating as long as both last."""
    draw = random.Random(f"{seed}/cases")
    pools = []
    for outcome in ("gained", "lost"):
        ids = sorted(str(id_) for id_ in table.index[table["outcome"] == outcome])
        draw.shuffle(ids)
        pools.append(ids)
    drawn: list[str] = []
    while len(drawn) < n and any(pools):
        for pool in pools:
            if pool and len(drawn) < n:
                drawn.append(pool.pop())
    return drawn


def _case(question: Question, outcome: str, answers: list[tuple[str, dict[Any, Any]]]) -> str:
    columns = "".join(_column(model, answer) for model, answer in answers)
    summary = question.question.split("\n")[0]
    short = summary if len(summary) <= 110 else summary[:108].rsplit(" ", 1)[0] + " …"
    return (
        f'<details class="case" id="question-{html.escape(question.id, quote=True)}">'
        f'<summary><span class="outcome {outcome}">{outcome}</span> '
        f'<span class="category">{html.escape(question.category)}</span> '
        f"{text_to_html(short)}</summary>"
        f'<div class="question">{text_to_html(question.question)}</div>'
        f'<div class="columns">{columns}</div>'
        f'<p class="reference"><b>Reference answer:</b> {text_to_html(question.answer)}'
        f'<span class="rationale">{text_to_html(question.rationale)}</span></p></details>'
    )


def _column(model: str, answer: dict[Any, Any]) -> str:
    ungraded = "? no verdict" if answer["rule"] == "no verdict" else "? no answer found"
    grade = {"correct": "✓ correct", "incorrect": "✗ wrong", "ungraded": ungraded}.get(
        answer["status"], "– no completion"
    )
    if answer["truncated"]:
        grade = "✗ cut at the token limit"
    if answer["status"] == "missing":
        return (
            f'<div class="column missing"><h4>{html.escape(model)} <span class="grade">{grade}</span></h4>'
            "</div>"
        )
    tokens = answer["completion_tokens"]
    # Some formats of imported answers do not tell it.
    facts = "length unknown" if answer["response"] and not tokens else f"{tokens} tokens"
    extracted = answer["extracted"]
    final = f"final answer <b>{text_to_html(extracted, 200)}</b>, " if extracted else ""
    reasoning = (
        f'<h5>Reasoning</h5><div class="trace">{text_to_html(answer["reasoning"])}</div>'
        if answer["reasoning"]
        else ""
    )
    response = text_to_html(answer["response"]) or '<span class="note">(nothing)</span>'
    return (
        f'<div class="column {answer["status"]}"><h4>{html.escape(model)} '
        f'<span class="grade">{grade}</span></h4><p class="note">{final}{facts}</p>{reasoning}'
        f'<h5>Response</h5><div class="trace">{response}</div></div>'
    )
