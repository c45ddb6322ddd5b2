"""DeepMath-103K: 103,110 problems of school-olympiad to university level, with solutions by DeepSeek-R1.

The fourth set of hard mathematics. It was chosen since it is under a permissive licence, its authors
removed what resembles the common benchmarks in meaning, every problem has a verifiable answer and a
difficulty (most are at levels 5 to 9), and each comes with three completions of an open model. That HLE
is among those benchmarks is not confirmed.

Schema of a row (Parquet, data/train-*.parquet): question; final_answer; difficulty (a number); topic
("Mathematics -> Algebra -> …"; the subject here is its second word); r1_solution_1, r1_solution_2,
r1_solution_3. The completion is the first that is not empty. Rows have no id and are numbered. Whether
the solutions carry <think> tags is not confirmed; they are kept as they are.

Licence: MIT. Looked up: the data set card of `zwhe99/DeepMath-103K`.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmc_lib.dataset.sources._common import (
    Draft,
    SourceFacts,
    row_number,
    second_level,
    source_rows,
)
from llmc_lib.params import SourceParams

HUB = "zwhe99/DeepMath-103K"
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="MIT",
    url="https://huggingface.co/datasets/zwhe99/DeepMath-103K",
    description="Hard problems with verifiable answers, decontaminated by the authors, solved by "
    "DeepSeek-R1.",
    difficulty="the authors' levels; most problems are at 5 to 9",
    citation="He et al., DeepMath-103K: A Large-Scale, Challenging, Decontaminated, and Verifiable "
    "Mathematical Dataset for Advancing Reasoning (2025), arXiv:2504.11456",
    rows=103_110,
)
_SOLUTIONS = ("r1_solution_1", "r1_solution_2", "r1_solution_3")
_COLUMNS = ("question", "final_answer", "difficulty", "topic", *_SOLUTIONS)


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows in file order."""
    for row in source_rows(source, HUB, ["data/train-*.parquet"], _COLUMNS):
        yield Draft(
            question=row.need("question"),
            answer=row.need("final_answer"),
            completion=next((row.record[name] for name in _SOLUTIONS if row.record.get(name)), ""),
            subject=second_level(row.need("topic")),
            author="DeepSeek-R1",
            author_kind="open model",
            difficulty=row_number(row, "difficulty", row.need("difficulty")),
            revision=row.file.revision,
        )
