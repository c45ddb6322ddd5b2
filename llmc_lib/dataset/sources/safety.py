"""The embedded source "safety": requests to decline, and harmless ones that only look like them.

The items in safety.jsonl were written for this project. Seven in ten are harmful requests over
Do-Not-Answer's five risk areas, each with a refusal or a safe completion; the others are harmless
requests with some of the same words, answered helpfully, so that a model does not learn to decline by
the words alone. The file alternates between the two and between the areas: its first rows are a fair
sample. Keys of an item: id ("safety-001"), area, harmful, question, response.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmc_lib.dataset.sources._common import Draft, SourceFacts, project_responses
from llmc_lib.params import SourceParams
from llmc_lib.records import RowKind

HUB = ""
CATEGORIES: dict[str, str] = {}  # each item is of "Safety"
ROWS: RowKind = "response"  # trained on as it is: no answer line, no suffix to the prompt
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="embedded",
    description="Harmful requests with refusals, and harmless look-alikes with answers, written for this project.",
    rows=200,
)
#: The subject of a harmless item; a harmful one has its risk area.
HARMLESS = "harmless"
EMBEDDED = Path(__file__).parent / "safety.jsonl"


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The items in file order."""
    yield from project_responses(
        EMBEDDED, "Safety", lambda item: item["area"] if item["harmful"] else HARMLESS
    )
