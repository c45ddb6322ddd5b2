"""All answers as one tidy table."""

from __future__ import annotations

import pandas as pd

from llmc_lib.evaluation.results import WITHHELD, Results

#: Columns of texts of which there are few, and "extracted", of which many are alike.
_CATEGORIES = (
    "run", "model", "benchmark", "question", "category", "status", "by_rules", "by_judge", "finish_reason", "extracted",
)  # fmt: skip
#: The columns of the table.
COLUMNS = (
    "run", "model", "benchmark", "question", "sample", "category", "correct", "status", "tokens", "finish_reason",
    "confidence", "extracted", "by_rules", "by_judge", "cluster",
)  # fmt: skip


def tidy(run: str, results: Results | None) -> pd.DataFrame:
    """The answers of a run, a row an answer, also where a model gave none.

    Columns: run, model, benchmark, question (its id), sample (from 0), category, correct (bool; False for a missing
    answer), status ("correct", "incorrect", "ungraded", "missing"), tokens (of reasoning and response; NA where unknown),
    finish_reason ("stop", "length", "failed", "missing"), confidence (percent that the model states; NaN), extracted (the
    final answer as found), by_rules and by_judge (the status that each gives), cluster ("" where none is set). Texts
    are categorical. Of benchmarks whose texts must not be shown, `extracted` is withheld.
    """
    if results is None or results.answers.empty:
        return _typed(pd.DataFrame({name: [] for name in COLUMNS}))
    answers = results.answers.rename(
        columns={"question_id": "question", "completion_tokens": "tokens"}
    )
    table = answers.assign(
        run=run,
        tokens=answers["tokens"].where(answers["tokens"] > 0),
        extracted=answers["extracted"].mask(answers["benchmark"].isin(results.withheld), WITHHELD),
        cluster=answers["cluster"].fillna(""),
    )
    return _typed(table[list(COLUMNS)])


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    texts = dict.fromkeys((*_CATEGORIES, "cluster"), "category")
    numbers = {"sample": "int16", "tokens": "Int32", "confidence": "float32", "correct": "bool"}
    return table.astype({**texts, **numbers}).reset_index(drop=True)
