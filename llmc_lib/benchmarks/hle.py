"""Humanity's Last Exam, text-only: the hub's `cais/hle`, which is gated, or a file in its schema.

Keys used of a row: id, question, answer, answer_type ("exactMatch" or "multipleChoice"), category,
raw_subject, rationale, image (a row with an image is left out). The embedded file has 200 original
questions in this schema, in HLE's category shares; none of them is from HLE.

The system prompts are those of the official code (centerforaisafety/hle, hle_eval/run_model_predictions.py).
It chooses by `answer_type == "exact_match"`, while the data say "exactMatch": every question gets the
multiple-choice one. Style "official" does the same, style "corrected" gives each type its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks.declaration import Benchmark
from llmc_lib.benchmarks.rows import texts
from llmc_lib.errors import shown
from llmc_lib.records import Prompt, Question
from llmc_lib.taxonomy import CATEGORIES

_FORM = (
    "Your response should be in the following format:\n"
    "Explanation: {your explanation for your %s}\n"
    "%s: {your %s}\n"
    "Confidence: {your confidence score between 0%% and 100%% for your answer}"
)
SYSTEM_EXACT_ANSWER = _FORM % ("final answer", "Exact Answer", "succinct, final answer")
SYSTEM_MULTIPLE_CHOICE = _FORM % ("answer choice", "Answer", "chosen answer")
_NEEDED = ("id", "question", "answer", "answer_type", "category")
_OTHERS = ("raw_subject", "rationale", "image")


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question | None:
    values = texts(row, _NEEDED, _OTHERS)
    if values["answer_type"] not in ("exactMatch", "multipleChoice"):
        kind = shown(values["answer_type"])
        raise ValueError(f"answer_type {kind}: must be exactMatch or multipleChoice")
    if values["category"] not in CATEGORIES:
        raise ValueError(
            f"category {shown(values['category'])}: must be one of {', '.join(CATEGORIES)}"
        )
    if values["image"]:
        return None
    return Question(
        id=values["id"],
        benchmark="hle",
        question=values["question"],
        answer=values["answer"],
        answer_type=values["answer_type"],
        category=values["category"],
        subject=values["raw_subject"],
        rationale=values["rationale"],
    )


def prompt(question: Question, style: str) -> Prompt | None:
    """The official system prompts; for style "brief" the plain form."""
    if style == "brief":
        return None
    own = style == "corrected" and question.answer_type == "exactMatch"
    return Prompt(question.question, SYSTEM_EXACT_ANSWER if own else SYSTEM_MULTIPLE_CHOICE)


BENCHMARK = Benchmark(
    title="Humanity's Last Exam (HLE)",
    question=_question,
    columns=(*_NEEDED, *_OTHERS),
    short="HLE",
    hub="cais/hle",
    size=2158,  # without those that have an image
    embedded="hle_mini.jsonl",
    rate=0.18,  # what open reasoning models of 2025 had, 18 to 19%
    withheld=True,
    categories=CATEGORIES,
    prompt=prompt,
    # The official code's default temperature; how many tokens there may be it leaves to who runs it.
    settings={"official": {"prompt": "official", "temperature": 0.0}},
    official=True,
)
