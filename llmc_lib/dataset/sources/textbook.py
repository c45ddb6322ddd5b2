"""The embedded source "textbook": reasoning for HLE's seven categories beside mathematics.

The items in textbook.jsonl were written for this project; each derives its answer step by step. Keys of
an item: id ("textbook-bio-001"), category, subject, question, reasoning, answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmc_lib.dataset.sources._common import PROJECT, Draft, SourceFacts, project_items
from llmc_lib.params import SourceParams

HUB = ""
CATEGORIES: dict[str, str] = {}  # each item names its own
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="embedded",
    description="Short questions of seven subjects with reasoning, written for this project.",
    rows=198,
)
EMBEDDED = Path(__file__).parent / "textbook.jsonl"


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The items in file order."""
    revision, items = project_items(EMBEDDED)
    for item in items:
        yield Draft(
            question=item["question"],
            answer=item["answer"],
            completion=item["reasoning"],
            subject=item["subject"],
            author=PROJECT,
            row_id=item["id"].removeprefix("textbook-"),
            category=item["category"],
            revision=revision,
        )
