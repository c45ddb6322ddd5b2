"""The first pass over a batch: the steps that look at a row or at a batch, then hashes.

It runs in several processes for a large data set; what comes back is Arrow rows for the disk and, for
the steps that compare rows with one another, hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from llmc_lib.dataset import steps
from llmc_lib.dataset.rows import WORK
from llmc_lib.dataset.steps.provenance import author_kind
from llmc_lib.dataset.steps.step import Batch, BatchStep, Context, Out, Row, RowStep, Step
from llmc_lib.dataset.texts.duplicates import exact_keys, number_keys
from llmc_lib.dataset.texts.signatures import signatures
from llmc_lib.records import AuthorKind, Example

#: Authors by how much they may be relied on; of two equal problems the better author's is kept.
AUTHOR_RANK: dict[AuthorKind, int] = {
    "person": 0, "program": 1, "open model": 2, "unknown": 3, "closed model": 4,
}  # fmt: skip


@dataclass
class Prepared:
    """A batch after the steps. The arrays have an entry for each row of `rows`."""

    rows: pa.RecordBatch
    exact: np.ndarray  # (n, 2) uint64: equal for equal problems
    numbers: np.ndarray  # (n,) uint64: equal for problems with the same numbers
    signatures: np.ndarray  # (n, 128) uint32: MinHash of the problem
    draw: np.ndarray  # (n, 2) uint64: hashes that decide the draw and the training order
    author_rank: np.ndarray  # (n,) int8
    read: Counter[str] = field(default_factory=Counter)  # rows read, by source
    licences: Counter[str] = field(default_factory=Counter)
    authors: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind, name
    removed: list[dict[str, Any]] = field(default_factory=list)
    # (step, row id, reason, detail) of each completion that was taken from its problem
    stripped: list[tuple[str, str, str, str]] = field(default_factory=list)

    def forget_texts(self) -> None:
        """Keep the hashes alone."""
        # A slice would hold on to the texts.
        self.rows = pa.RecordBatch.from_pylist([], schema=WORK)
        self.removed, self.stripped = [], []


def prepare(examples: Sequence[Example], context: Context) -> Prepared:
    """Take a batch through the steps of the first pass."""
    closed = context.params.provenance.closed_models
    rows = [Row(example, author_kind(example, closed)) for example in examples]
    authors: Counter[tuple[str, str]] = Counter(
        (row.author_kind, row.example.author) for row in rows if row.example.completion
    )
    removed: list[dict[str, Any]] = []
    stripped: list[tuple[str, str, str, str]] = []
    on = [step for step in steps.STEPS if step.is_on(context.params)]
    of_row = [step for step in on if isinstance(step, RowStep)]
    left = [row for row in rows if _passes(row, of_row, context, removed, stripped)]
    batch = Batch(left, signatures([row.turns.asked for row in left]))
    for step in on:
        if isinstance(step, BatchStep):
            outs = step.look(batch, context)
            for row, out in zip(batch.rows, outs, strict=True):
                if out:
                    removed.append(_removed(row, step, out))
            batch.keep([number for number, out in enumerate(outs) if out is None])
    asked = pa.array([row.turns.asked for row in batch.rows], pa.string())
    # The same question under another system prompt is another one.
    under = _hashes([row.turns.system for row in batch.rows])
    values = [row.values for row in batch.rows]
    draw = [draw_key(context.seed, row["id"]) for row in values]
    return Prepared(
        rows=pa.RecordBatch.from_pylist(values, schema=WORK),
        exact=exact_keys(asked) ^ under[:, None],
        numbers=number_keys(asked) ^ under,
        signatures=batch.signatures,
        draw=np.array(draw, np.uint64).reshape(-1, 2),
        author_rank=np.array([_rank(row) for row in values], np.int8),
        read=Counter(example.source for example in examples),
        licences=Counter(example.licence for example in examples),
        authors=authors,
        removed=removed,
        stripped=stripped,
    )


def _passes(
    row: Row,
    of_row: Sequence[RowStep],
    context: Context,
    removed: list[dict[str, Any]],
    stripped: list[tuple[str, str, str, str]],
) -> bool:
    """Take a row through the steps that look at one; False where it goes to `removed`."""
    for step in of_row:
        out = step.look(row, context)
        if out and out.completion_only and row.example.kind == "verifiable":
            stripped.append((step.name, row.example.id, out.reason, out.detail))
            row.drop_completion()
        elif out:  # of a response or a chat nobody else would answer the prompt
            removed.append(_removed(row, step, out))
            return False
    return True


def _removed(row: Row, step: Step, out: Out) -> dict[str, Any]:
    entry = removal(row.values, step.name, out.reason, out.detail, out.shared)
    return entry if out.shows_question else {**entry, "question": ""}


def _rank(row: dict[str, Any]) -> int:
    """Of two rows with one problem that of the lower number is kept: a preference pair, which has two responses, first."""
    return AUTHOR_RANK[row["author_kind"]] - (len(AUTHOR_RANK) if row["rejected"] else 0)


def _hashes(texts: Sequence[str]) -> np.ndarray:
    """A hash (uint64) of each text, 0 for an empty one."""
    digests = [
        hashlib.blake2b(text.encode(), digest_size=8).digest() if text else bytes(8)
        for text in texts
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def removal(
    row: dict[str, Any], step: str, reason: str, detail: str = "", shared: str = ""
) -> dict[str, Any]:
    """A row of removed.parquet."""
    kept = {name: row[name] for name in ("id", "source", "category", "subject", "question")}
    return {**kept, "step": step, "reason": reason, "detail": detail, "shared": shared}


def draw_key(seed: int, id_: str) -> tuple[int, int]:
    """Two hashes of a row's id: they decide whether it is drawn, and its place in the order."""
    digest = hashlib.blake2b(f"{seed}/{id_}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
