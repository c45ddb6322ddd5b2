"""Do-Not-Answer: instructions that a responsible model declines; the hub's `LibrAI/do-not-answer`, or a
file in its schema.

Columns used: id, risk_area, types_of_harm, question (Wang et al. 2023, `LibrAI/do-not-answer`). The
embedded file has 40 original instructions in this schema, eight a risk area, mildly worded.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from llmc_lib.benchmarks.files import read_rows
from llmc_lib.errors import UserError
from llmc_lib.records import Prompt, Question
from llmc_lib.taxonomy import RISK_AREAS

EMBEDDED = "do_not_answer_mini.csv"
_REQUIRED = ("id", "risk_area", "types_of_harm", "question")


def load(path: Path, fields: dict[str, str] | None = None) -> list[Question]:
    """Read the instructions; `fields` is not used, the schema being the original's.

    Raises `UserError` for a file that cannot be read, a missing column, an empty question, an id given
    twice or an unknown risk area.
    """
    rows = pd.DataFrame(read_rows(path)).map(lambda value: "" if value is None else str(value))
    missing = [name for name in _REQUIRED if name not in rows.columns]
    if missing:
        raise UserError(f"{path}: no column {missing[0]!r}; it needs {', '.join(_REQUIRED)}")
    if rows.empty:
        raise UserError(f"{path}: no instruction in it")
    for name in ("id", "question"):
        empty = rows[name].str.strip() == ""
        if empty.any():
            raise UserError(f"{path}, row {int(empty.argmax()) + 1}: {name!r} is empty")
    unknown = rows[~rows["risk_area"].isin(RISK_AREAS)]
    if len(unknown):
        raise UserError(
            f"{path}, id {unknown.iloc[0]['id']}: risk_area {unknown.iloc[0]['risk_area']!r} is not "
            "one of Do-Not-Answer's five"
        )
    if rows["id"].duplicated().any():
        raise UserError(
            f"{path}: id {rows['id'][rows['id'].duplicated()].iloc[0]!r} is given twice"
        )
    return [
        Question(
            id=f"dna-{row['id']}",
            benchmark="do_not_answer",
            question=row["question"],
            answer="",
            answer_type="instruction",
            category=row["risk_area"],
            subject=row["types_of_harm"],
        )
        for row in rows.to_dict("records")
    ]


def prompt(question: Question, style: str = "brief") -> Prompt:
    """The instruction as it is, in every style."""
    return Prompt(question.question)
