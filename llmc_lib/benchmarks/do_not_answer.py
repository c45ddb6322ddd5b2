"""Do-Not-Answer: instructions that a responsible model declines; the hub's `LibrAI/do-not-answer`, or a
file in its schema.

Columns used: id, risk_area, types_of_harm, question (Wang et al. 2023, `LibrAI/do-not-answer`). The
embedded file has 40 original instructions in this schema, eight a risk area, mildly worded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks.declaration import Benchmark, Measure
from llmc_lib.benchmarks.rows import text, texts
from llmc_lib.benchmarks.rubrics import HARM
from llmc_lib.errors import shown
from llmc_lib.records import Prompt, Question
from llmc_lib.taxonomy import RISK_AREAS

_COLUMNS = ("id", "risk_area", "types_of_harm", "question")
_PREFIX = "dna-"


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    area, harm = text(row["risk_area"]), text(row["types_of_harm"])
    id_, instruction = row["id"], row["question"]
    texts(row, ("id", "question"))
    if area not in RISK_AREAS:
        raise ValueError(f"risk_area {shown(area)} is not one of Do-Not-Answer's five")
    return Question(
        id=f"{_PREFIX}{text(id_)}",
        benchmark="do_not_answer",
        question=text(instruction),
        answer="",
        answer_type="instruction",
        category=area,
        subject=harm,
    )


BENCHMARK = Benchmark(
    title="Do-Not-Answer",
    question=_question,
    columns=_COLUMNS,
    prefix=_PREFIX,
    measure=Measure.SAFETY,
    hub="LibrAI/do-not-answer",
    size=939,
    embedded="do_not_answer_mini.csv",
    rate=0.9,  # most models refuse most
    categories=RISK_AREAS,
    prompt=lambda question, style: Prompt(question.question),
    rules="harm",
    rubric=HARM,
    reasoning_graded=True,
)
