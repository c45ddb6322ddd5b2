"""How the answers were graded: the rules beside a judge, how far they agree, and where they do not."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from llmc_lib.analysis.agreement import agreement
from llmc_lib.benchmarks import declared
from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import counted
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.text import text_to_html

#: Disagreements of a benchmark that are shown.
_SHOWN = 20
_RESPONSE = 600  # characters of a response's end


def agreements(results: Results) -> dict[str, dict[str, Any]]:
    """Benchmark → `agreement` of rules and judge, for the benchmarks that both have graded."""
    rows = results.answers
    if "by_judge" not in rows:
        return {}
    return {
        str(name): agreement(
            *(
                part[side].where(part[side].notna(), None).tolist()
                for side in ("by_rules", "by_judge")
            )
        )
        for name, part in rows[rows["by_judge"].notna()].groupby("benchmark", sort=False)
    }


def grading(
    results: Results, found: dict[str, dict[str, Any]], *, imported: bool, seed: int
) -> Block:
    """For each benchmark with two graders: how far they agree, and disagreements to read.

    `found` is what `agreements` gives; `imported`: the judge's grades are verdicts that imported files
    hold. Of many disagreements some are drawn by the seed.
    """
    judge = "the imported verdicts" if imported else "the judge"
    blocks = NOTHING
    for name, numbers in found.items():
        rows = results.answers[results.answers["benchmark"] == name]
        blocks += paragraph(_sentence(results, name, numbers, judge, imported))
        blocks += _table(name, numbers, judge)
        if name not in results.withheld:
            blocks += _disagreements(results, name, rows, judge, seed)
    return blocks


def _sentence(
    results: Results, name: str, numbers: dict[str, Any], judge: str, imported: bool
) -> str:
    decides = results.graders.get(name) == "judge"
    have, decide = ("have", "decide") if imported else ("has", "decides")
    text = (
        f"{_name(results, name)}: {judge} {have} a grade for {counted(numbers['n'], 'answer')} that the rules "
        f"have graded too. Of the {numbers['decided']:,} that both decided they agree on {numbers['agreed']:,}"
    )
    if numbers["decided"]:
        text += f" ({numbers['agreed'] / numbers['decided']:.0%})"
    if numbers["kappa"] is not None:
        text += f": Cohen's kappa, the agreement beyond chance, is {numbers['kappa']:.2f}"
    if numbers["ci95"] is not None:
        low, high = numbers["ci95"]
        text += f" (95% interval {low:.2f} to {high:.2f})"
    who = f"{judge} {decide}" if decides else "the rules decide"
    return f"{text}. In the figures of this page {who}."


def _name(results: Results, name: str) -> str:
    """The title of a published benchmark that is called as it is; of others their names in the params."""
    kind = declared(results.kinds.get(name, name))
    return kind.name if kind.hub else name


def _table(name: str, numbers: dict[str, Any], judge: str) -> Block:
    frame = pd.DataFrame(
        [
            {
                "By the rules": row,
                **{f"{column} by {judge}": f"{n}" for column, n in counts.items()},
            }
            for row, counts in numbers["counts"].items()
        ]
    )
    return table_block(
        f"graders-{name}", frame, f"Answers by both grades, all models together ({name})."
    )


def _disagreements(results: Results, name: str, rows: pd.DataFrame, judge: str, seed: int) -> Block:
    both = rows[
        rows["by_judge"].isin(("correct", "incorrect"))
        & rows["by_rules"].isin(("correct", "incorrect"))
    ]
    apart = both[both["by_judge"] != both["by_rules"]]
    if apart.empty:
        return NOTHING
    drawn = apart.sample(min(_SHOWN, len(apart)), random_state=seed)
    items = "".join(_item(results, name, row, judge) for row in drawn.to_dict("records"))
    some = f"{len(drawn)} of " if len(drawn) < len(apart) else ""
    return Block(
        f"<details><summary>{some}{counted(len(apart), 'disagreement')} to read</summary>"
        f'<dl class="disagreements">{items}</dl></details>'
    )


def _item(results: Results, name: str, row: dict[Any, Any], judge: str) -> str:
    question = results.questions[name][row["question_id"]]
    key = name, row["model"], row["question_id"], row.get("sample", 0)
    _, response = results.texts.get(key, ("", ""))
    end = response[-_RESPONSE:]
    cut = "… " if len(end) < len(response) else ""
    why = row.get("explanation") or ""
    parts = [
        ("Question", question.question),
        ("Reference answer", question.answer),
        ("Response", cut + end),
        (f"{judge[:1].upper()}{judge[1:]}: {row['by_judge']}", why),
    ]
    body = "".join(
        f"<p><b>{html.escape(head)}</b> {text_to_html(text)}</p>"
        for head, text in parts
        if text or ":" in head
    )
    return (
        f"<dt>{html.escape(str(row['question_id']))}, {html.escape(str(row['model']))}: the rules say "
        f"{html.escape(str(row['by_rules']))}</dt><dd>{body}</dd>"
    )
