"""The source of small problems."""

from __future__ import annotations

from llmc_lib.benchmarks.skill_families import FAMILIES
from llmc_lib.dataset.sources import about, read
from llmc_lib.dataset.steps.form import Formed, form
from llmc_lib.params import SourceParams


def test_rows_are_verified_mathematics_by_a_program() -> None:
    rows = list(read(SourceParams(name="skills", rows=70), seed=0))
    assert len(rows) == 70
    assert {row.category for row in rows} == {"Math"}
    assert {row.author_kind for row in rows} == {"program"}
    assert {row.subject for row in rows} == set(FAMILIES)
    assert about(SourceParams(name="skills")).licence == "Apache-2.0"
    for row in rows:
        formed = form(row, think=False)
        assert isinstance(formed, Formed)
        assert formed.completion == f"{row.completion}\n\nAnswer: {row.answer}"


def test_a_worked_solution_gets_a_block_unless_it_stays_plain() -> None:
    row = next(read(SourceParams(name="skills"), seed=0))
    blocked = form(row)
    assert isinstance(blocked, Formed)
    assert blocked.completion == f"<think>\n{row.completion}\n</think>\n\nAnswer: {row.answer}"


def test_without_a_number_it_makes_500() -> None:
    assert sum(1 for _ in read(SourceParams(name="skills"), seed=0)) == 500
