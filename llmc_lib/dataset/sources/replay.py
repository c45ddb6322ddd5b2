"""The source "replay": general prompts, answered by the run's base model itself.

The model is asked by `llmc_lib.dataset.replay`; here are the prompts. Those in replay.jsonl were written
for this project; a file of the user's takes their place with `path` and `fields: {question: <field>}` (id
and subject may be named too).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llmc_lib.dataset.sources._common import SourceFacts, project_items, source_rows, text
from llmc_lib.params import SourceParams
from llmc_lib.records import RowKind

HUB = ""
CATEGORIES = {"": "Instruction"}
ROWS: RowKind = "response"
FACTS = SourceFacts(
    licence="unknown",  # that of the base model, where it is known
    url="embedded",
    description="General prompts that the base model answered itself; answers that did not end are left out.",
    rows=159,
)
EMBEDDED = Path(__file__).parent / "replay.jsonl"


class ReplayPrompt(NamedTuple):
    """A prompt for the base model; `id` is unique in the source."""

    id: str
    prompt: str
    subject: str
    revision: str


def prompts(source: SourceParams) -> list[ReplayPrompt]:
    """The prompts of a source, its first `rows`, those without a text left out. Raises `UserError`."""
    found: dict[str, ReplayPrompt] = {}
    for number, prompt in enumerate(islice(_prompts(source), source.rows), 1):
        id_ = prompt.id if prompt.id and prompt.id not in found else f"{number:05d}"
        if prompt.prompt.strip():
            found[id_] = prompt._replace(id=id_)
    return list(found.values())


def _prompts(source: SourceParams) -> Iterator[ReplayPrompt]:
    if not source.path:
        revision, items = project_items(EMBEDDED)
        for item in items:
            yield ReplayPrompt(item["id"], item["prompt"], item["subject"], revision)
        return
    names = {ours: source.fields[ours] for ours in ("id", "subject") if ours in source.fields}
    for row in source_rows(source, HUB):
        values = {ours: text(row.need(theirs)) for ours, theirs in names.items()}
        question = text(row.need(source.fields["question"]))
        yield ReplayPrompt(
            values.get("id", ""), question, values.get("subject", ""), row.file.revision
        )
