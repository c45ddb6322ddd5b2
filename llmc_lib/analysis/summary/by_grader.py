"""The score of each model by each grader, where several have graded the same answers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.summary.table import Table, rate_key
from llmc_lib.analysis.verdict import ALPHA


def by_grader(answers: pd.DataFrame, kind: str) -> dict[str, dict[str, Any]]:
    """Grader ("rules", "judge") → `models`, the rate of each with ci95, n_decided (answers that it called correct or incorrect), and `comparisons`, the
    difference of each candidate with ci95; {} where one grader has graded alone.

    Parameters: `answers` of one benchmark, with by_rules and by_judge, the status that each gives (None: it was not asked), and what `summarise`
    reads. As everywhere, what a grader did not call correct is not correct; here also what was left to the other one.
    """
    sides = {"rules": "by_rules", "judge": "by_judge"}
    if any(column not in answers or answers[column].isna().all() for column in sides.values()):
        return {}
    return {grader: _scores(answers, column, kind) for grader, column in sides.items()}


def _scores(answers: pd.DataFrame, column: str, kind: str) -> dict[str, Any]:
    status = answers[column].where(answers[column].notna(), "missing")
    table = Table.of(kind, answers.assign(status=status, correct=status == "correct"))
    found = table.outcomes
    models = {}
    for model, values in found.correct.items():
        decided = status[answers["model"] == model].isin(("correct", "incorrect"))
        models[model] = {
            rate_key(kind): float(values.mean()),
            "ci95": list(rate_interval(values, ALPHA, found.cluster)),
            "n_decided": int(decided.sum()),
        }
    compared = []
    for model in found.candidates:
        pair = table.paired(model)
        compared.append(
            {"model": model, "reference": found.reference, "difference": pair.difference,
             "ci95": [pair.low, pair.high]}
        )  # fmt: skip
    return {"models": models, "comparisons": compared}
