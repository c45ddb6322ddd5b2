"""The embedded source "instructions": everyday requests with short, complete responses.

The items in instructions.jsonl were written for this project. They keep a model that is trained on
problems able to do other things, and to end such responses. Keys of an item: id ("instruction-001"),
kind ("rewrite", "fact" …), question, response.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmc_lib.dataset.sources._common import Draft, SourceFacts, project_responses
from llmc_lib.params import SourceParams
from llmc_lib.records import RowKind

HUB = ""
CATEGORIES: dict[str, str] = {}  # each item is of "Instruction"
ROWS: RowKind = "response"  # trained on as it is: no answer line, no suffix to the prompt
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="embedded",
    description="Everyday instructions with short responses, written for this project.",
    rows=180,
)
EMBEDDED = Path(__file__).parent / "instructions.jsonl"


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The items in file order; the subject is the kind of instruction."""
    yield from project_responses(EMBEDDED, "Instruction", lambda item: str(item["kind"]))
