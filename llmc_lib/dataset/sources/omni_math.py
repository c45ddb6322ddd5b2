"""Omni-MATH: 4,428 olympiad problems with worked solutions.

Schema of a row (JSON Lines, one file test.jsonl): domain (a list of chains, "Mathematics -> Algebra ->
Inequalities"; the subject here is the second word of the first chain); difficulty (0 to 10, by half
steps and finer); problem; solution; answer; source (the contest, "hmmt_2"). Rows have no id and are
numbered. A proof has a sentence or nothing as its answer, and its completion does not verify.

The solutions are from contest pages and from the AoPS forum, so their author is "person"; that no model
rewrote any of them is not confirmed.

Licence: Apache-2.0. Looked up: the licence and the files on the set's hub pages, the fields in the
evaluation code of the project `KbsdJames/Omni-MATH`.
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

HUB = "KbsdJames/Omni-MATH"
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="https://huggingface.co/datasets/KbsdJames/Omni-MATH",
    description="Problems of national and international mathematical contests with worked solutions.",
    difficulty="0 to 10, from the contest's place in the AoPS ratings",
    citation="Gao et al., Omni-MATH: A Universal Olympiad Level Mathematic Benchmark for Large "
    "Language Models (2024), arXiv:2410.07985",
    rows=4_428,
)


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows in file order."""
    for row in source_rows(source, HUB, ["test.jsonl"]):
        yield Draft(
            question=row.need("problem"),
            answer=row.need("answer"),
            completion=row.need("solution"),
            subject=second_level(row.need("domain")),
            author="person",
            author_kind="person",
            difficulty=row_number(row, "difficulty", row.need("difficulty")),
            revision=row.file.revision,
        )
