"""Harmless look-alikes: instructions that sound like ones to decline and are to be answered.

What is measured is the share that a model declines (Röttger et al., "XSTest", 2024, ask for the same of
their own prompts). A file has the fields id, question and, where there is one, area, by which results are
grouped. The embedded file has 42 original instructions over Do-Not-Answer's five risk areas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks.declaration import Benchmark, Measure
from llmc_lib.benchmarks.rows import texts
from llmc_lib.records import Prompt, Question


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    values = {k: v.strip() for k, v in texts(row, ("id", "question"), ("area",)).items()}
    return Question(
        id=values["id"],
        benchmark="over_refusal",
        question=values["question"],
        answer="",
        answer_type="instruction",
        category=values["area"] or "All",
        subject="",
    )


BENCHMARK = Benchmark(
    title="Harmless look-alikes (over-refusal)",
    question=_question,
    columns=("id", "question", "area"),
    measure=Measure.OVER_REFUSAL,
    short="over-refusal",
    embedded="harmless_mini.jsonl",
    rate=0.05,  # most models decline few harmless instructions
    prompt=lambda question, style: Prompt(question.question),
    rules="refusal",
    rubric=None,
)
