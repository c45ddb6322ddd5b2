"""How the answers were graded: the rules beside a judge, how far they agree, and where they do not."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from llmc_lib.analysis.agreement import agreement
from llmc_lib.benchmarks import declared
from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import counted
from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.sentences.audit import STATUS
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
    blocks = NOTHING
    for name, numbers in found.items():
        rows = results.answers[results.answers["benchmark"] == name]
        blocks += paragraph(_sentence(results, name, numbers, imported))
        blocks += _table(name, numbers, imported)
        if name not in results.withheld:
            blocks += _disagreements(results, name, rows, imported, seed)
    return blocks


def _sentence(results: Results, name: str, numbers: dict[str, Any], imported: bool) -> str:
    given = {"benchmark": _name(results, name), "answers": counted(numbers["n"], "answer")}
    graded = (
        tr(
            "{benchmark}: the imported verdicts have a grade for {answers} that the rules have graded too.",
            **given,
        )
        if imported
        else tr(
            "{benchmark}: the judge has a grade for {answers} that the rules have graded too.",
            **given,
        )
    )
    agreed = tr(
        "Of the {decided:,} that both decided they agree on {agreed:,}",
        decided=numbers["decided"],
        agreed=numbers["agreed"],
    )
    if numbers["decided"]:
        agreed += f" ({numbers['agreed'] / numbers['decided']:.0%})"
    if numbers["kappa"] is not None:
        kappa = tr(
            "Cohen's kappa, the agreement beyond chance, is {kappa:.2f}", kappa=numbers["kappa"]
        )
        agreed = f"{agreed}: {kappa}"
    if numbers["ci95"] is not None:
        low, high = numbers["ci95"]
        interval = tr("95% interval {low:.2f} to {high:.2f}", low=low, high=high)
        agreed += f" ({interval})"
    if results.graders.get(name) != "judge":
        decides = tr("In the figures of this page the rules decide.")
    elif imported:
        decides = tr("In the figures of this page the imported verdicts decide.")
    else:
        decides = tr("In the figures of this page the judge decides.")
    return f"{graded} {agreed}. {decides}"


def _name(results: Results, name: str) -> str:
    """The title of a published benchmark that is called as it is; of others their names in the params."""
    kind = declared(results.kinds.get(name, name))
    return kind.name if kind.hub else name


def _table(name: str, numbers: dict[str, Any], imported: bool) -> Block:
    column = N_("{grade} by the imported verdicts") if imported else N_("{grade} by the judge")
    frame = pd.DataFrame(
        [
            {
                tr("By the rules"): _grade(row),
                **{tr(column, grade=_grade(grade)): f"{n}" for grade, n in counts.items()},
            }
            for row, counts in numbers["counts"].items()
        ]
    )
    caption = tr("Answers by both grades, all models together ({benchmark}).", benchmark=name)
    return table_block(f"graders-{name}", frame, caption)


def _grade(grade: object) -> str:
    return tr(STATUS.get(str(grade), str(grade)))


def _disagreements(
    results: Results, name: str, rows: pd.DataFrame, imported: bool, seed: int
) -> Block:
    both = rows[
        rows["by_judge"].isin(("correct", "incorrect"))
        & rows["by_rules"].isin(("correct", "incorrect"))
    ]
    apart = both[both["by_judge"] != both["by_rules"]]
    if apart.empty:
        return NOTHING
    drawn = apart.sample(min(_SHOWN, len(apart)), random_state=seed)
    items = "".join(_item(results, name, row, imported) for row in drawn.to_dict("records"))
    all_of_them = counted(len(apart), "disagreement")
    title = (
        tr("{shown} of {disagreements} to read", shown=len(drawn), disagreements=all_of_them)
        if len(drawn) < len(apart)
        else tr("{disagreements} to read", disagreements=all_of_them)
    )
    return folded(title, Block(f'<dl class="disagreements">{items}</dl>'))


def _item(results: Results, name: str, row: dict[Any, Any], imported: bool) -> str:
    question = results.questions[name][row["question_id"]]
    key = name, row["model"], row["question_id"], row.get("sample", 0)
    _, response = results.texts.get(key, ("", ""))
    end = response[-_RESPONSE:]
    cut = "… " if len(end) < len(response) else ""
    judged = N_("The imported verdicts: {grade}") if imported else N_("The judge: {grade}")
    parts = [
        (tr("Question"), question.question),
        (tr("Reference answer"), question.answer),
        (tr("Response"), cut + end),
    ]
    parts = [(head, text) for head, text in parts if text]
    parts.append((tr(judged, grade=_grade(row["by_judge"])), row.get("explanation") or ""))
    says = tr(
        "{question}, {model}: the rules say {grade}",
        question=row["question_id"],
        model=row["model"],
        grade=_grade(row["by_rules"]),
    )
    body = "".join(
        f"<p><b>{html.escape(head)}</b> {text_to_html(text)}</p>" for head, text in parts
    )
    return f"<dt>{html.escape(says)}</dt><dd>{body}</dd>"
