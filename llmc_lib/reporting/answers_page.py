"""What the evaluation has, for notebook 3: counts of all answers, and some of them to read."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import counted
from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import Block, paragraph, table_block
from llmc_lib.reporting.sentences.audit import STATUS
from llmc_lib.reporting.text import text_to_html

_COLUMNS = {
    "benchmark": N_("Benchmark"),
    "model": N_("Model"),
    "answers": N_("Answers"),
    "correct": N_("Correct"),
    "truncated": N_("Truncated"),
    "failed": N_("Failed"),
    "ungraded": N_("Ungraded"),
    "median_tokens": N_("Median, tokens"),
    "longest_tokens": N_("Longest, tokens"),
}
_SHOWN = 4_000  # characters of a question, a reasoning or a response


def counts(results: Results) -> Block:
    """Of every benchmark and model: the answers, how many are right, cut, failed and ungraded, and how long they are."""
    data = (
        results.answers.groupby(["benchmark", "model"], sort=False)
        .agg(
            answers=("correct", "size"),
            correct=("correct", "sum"),
            truncated=("truncated", "sum"),
            failed=("failed", "sum"),
            ungraded=("status", lambda status: (status == "ungraded").sum()),
            median_tokens=("completion_tokens", "median"),
            longest_tokens=("completion_tokens", "max"),
        )
        .reset_index()
    )
    shown = data.rename(columns={name: tr(title) for name, title in _COLUMNS.items()})
    for column in shown.columns[2:]:
        shown[column] = ["–" if pd.isna(n) else f"{n:,.0f}" for n in shown[column]]
    caption = tr(
        "Answers by benchmark and model; of a benchmark on safety, correct means safe, and of one on over-refusal, answered."
    )
    return table_block("answers", shown, caption, data)


def some(results: Results, n: int, seed: int) -> Block:
    """`n` answers to open and read, drawn by the seed. Their `data` is what `results.some` gives: a row an answer."""
    rows = results.some(n, seed)
    parts = [_answer(results, row) for row in rows.to_dict("records")]
    head = tr(
        "{answers} of {all:,}, drawn at random (seed {seed}). Open one to read it.",
        answers=counted(len(rows), "answer"),
        all=len(results.answers),
        seed=seed,
    )
    read = Block(f'<div class="cases">{"".join(parts)}</div>', name="some-answers", data=rows)
    return paragraph(head, "note") + read


def _answer(results: Results, row: dict[Any, Any]) -> str:
    """One answer, folded."""
    benchmark, id_ = row["benchmark"], row["question_id"]
    what = html.escape(f"{benchmark}, {id_}: {tr(STATUS[row['status']])}")
    title = f'<span class="category">{html.escape(row["model"])}</span> {what}'
    question = results.questions[benchmark][id_].question
    parts = [
        (tr("Question"), "" if benchmark in results.withheld else question),
        (tr("Reasoning"), row["reasoning"]),
        (tr("Response"), row["response"]),
        (tr("Extracted answer"), row["extracted"]),
    ]
    texts = "".join(
        f'<h4>{name}</h4><div class="trace">{text_to_html(text, _SHOWN)}</div>'
        for name, text in parts
        if text
    )
    return f'<details class="case"><summary>{title}</summary>{texts}</details>'
