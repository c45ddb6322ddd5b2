"""The steps that look at one row at a time: provenance, declared difficulty, form, decontamination.

They run on batches, in several processes for a large data set; what comes back is Arrow rows for the
disk and, for the steps that compare rows with one another, hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from llmc_lib.dataset.decontamination import Screen
from llmc_lib.dataset.deduplication import exact_keys, number_keys
from llmc_lib.dataset.form import Fault, form
from llmc_lib.dataset.provenance import author_kind, objection
from llmc_lib.dataset.rows import WORK
from llmc_lib.dataset.texts.signatures import signatures
from llmc_lib.models import prompts
from llmc_lib.models.chat import ChatFormat
from llmc_lib.params import DatasetParams, SourceParams
from llmc_lib.records import AuthorKind, Dialogue, Example, history_json

#: Authors by how much they may be relied on; of two equal problems the better author's is kept.
AUTHOR_RANK: dict[AuthorKind, int] = {
    "person": 0, "program": 1, "open model": 2, "unknown": 3, "closed model": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """What the steps need; made once, sent to every process."""

    params: DatasetParams
    seed: int
    max_length: int
    chat: ChatFormat
    screen: Screen | None

    def source(self, name: str) -> SourceParams:
        return next(source for source in self.params.sources if source.name == name)

    def too_long(self, example: Example, completion: str) -> bool:
        """Is an example with this completion longer than what is trained on?"""
        prompt = prompts.question_prompt(example.question, example.answer_type)
        dialogue = Dialogue(prompt, completion, example.history, example.loss)
        return self.params.form.drop_long and self.chat.exceeds(dialogue, self.max_length)

    def contaminated(self, completion: str) -> bool:
        """Does a completion share words with a benchmark?"""
        return self.screen is not None and self.screen.quoted(completion)


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
        self.rows = pa.RecordBatch.from_pylist(
            [], schema=WORK
        )  # a slice would hold on to the texts
        self.removed, self.stripped = [], []


def prepare(examples: Sequence[Example], context: Context) -> Prepared:
    """Take a batch through the steps."""
    params = context.params
    read: Counter[str] = Counter(example.source for example in examples)
    licences: Counter[str] = Counter(example.licence for example in examples)
    authors: Counter[tuple[str, str]] = Counter()
    removed: list[dict[str, Any]] = []
    stripped: list[tuple[str, str, str, str]] = []
    rows: list[dict[str, Any]] = []
    turns: list[Turns] = []
    for example in examples:
        kind = author_kind(example, params.provenance.closed_models)
        if example.completion:
            authors[kind, example.author] += 1
        row = {**vars(example), "author_kind": kind, "verified": ""}
        row["history"] = history_json(example.history)
        if reason := _wrong_level(example, context.source(example.source)):
            removed.append(removal(row, "difficulty", reason))
            continue
        if not example.question.strip():
            removed.append(removal(row, "form", example.fault or "no question"))
            continue
        row["prompt"] = prompts.question_prompt(example.question, example.answer_type)
        fault = _complete(row, example, kind, context)
        if fault and example.kind != "verifiable":  # nobody else would answer it
            removed.append(removal(row, *fault))
            continue
        if fault:
            stripped.append((fault[0], example.id, fault[1], fault[2]))
            row.update(completion="", author="", author_kind="unknown", verified="")
        rows.append(row)
        turns.append(Turns.of(example, row["completion"]))
    made = signatures([turn.asked for turn in turns])
    if context.screen:
        clean = _decontaminate(rows, turns, made, context, removed)
        rows, turns, made = [rows[n] for n in clean], [turns[n] for n in clean], made[clean]
    asked = pa.array([turn.asked for turn in turns], pa.string())
    # The same question under another system prompt is another one.
    under = _hashes([turn.system for turn in turns])
    return Prepared(
        rows=pa.RecordBatch.from_pylist(rows, schema=WORK),
        exact=exact_keys(asked) ^ under[:, None],
        numbers=number_keys(asked) ^ under,
        signatures=made,
        draw=np.array([draw_key(context.seed, row["id"]) for row in rows], np.uint64).reshape(
            -1, 2
        ),
        author_rank=np.array([AUTHOR_RANK[row["author_kind"]] for row in rows], np.int8),
        read=read,
        licences=licences,
        authors=authors,
        removed=removed,
        stripped=stripped,
    )


class Turns(NamedTuple):
    """The texts of a row, by who says them."""

    system: str
    asked: str  # all user turns: what makes two rows the same
    user: tuple[str, ...]  # each of them
    said: str  # what the assistant says in all turns

    @classmethod
    def of(cls, example: Example, completion: str) -> Turns:
        if not example.history:
            return cls("", example.question, (example.question,), completion)
        by_role = {
            role: [turn.content for turn in example.history if turn.role == role]
            for role in ("system", "user", "assistant")
        }
        user = (*by_role["user"], example.question)
        return cls(
            "\n\n".join(by_role["system"]),
            "\n\n".join(user),
            user,
            "\n\n".join([*by_role["assistant"], completion]),
        )


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


def _wrong_level(example: Example, source: SourceParams) -> str | None:
    """Why a row's declared difficulty is outside the source's band; None where it is within."""
    low, high = source.min_difficulty, source.max_difficulty
    if low is None and high is None:
        return None
    if example.difficulty is None:
        return "no declared level"
    if low is not None and example.difficulty < low:
        return f"level below {low:g}"
    if high is not None and example.difficulty > high:
        return f"level above {high:g}"
    return None


def _complete(
    row: dict[str, Any], example: Example, kind: AuthorKind, context: Context
) -> tuple[str, str, str] | None:
    """Put the row's completion, if it has one, into its form; (step, reason, detail) where it cannot be
    used."""
    if example.fault:
        return ("form", example.fault, "")
    if not example.completion.strip():
        row.update(completion="")
        return None if example.kind == "verifiable" else ("form", "no response", "")
    if reason := objection(kind, example.author, context.params.provenance):
        return ("provenance", reason, "")
    formed = form(example, verify=context.params.form.verify, think=context.params.form.think)
    if isinstance(formed, Fault):
        return ("form", formed.reason, formed.detail)
    if context.too_long(example, formed.completion):
        return ("form", f"longer than {context.max_length:,} tokens", "")
    row.update(completion=formed.completion, answer=formed.answer, verified=formed.verified)
    return None


def _decontaminate(
    rows: list[dict[str, Any]],
    turns: list[Turns],
    made: np.ndarray,
    context: Context,
    removed: list[dict[str, Any]],
) -> list[int]:
    """The numbers of the rows that share nothing with a benchmark; the others go to `removed`."""
    screen = context.screen
    assert screen is not None
    hits = screen.find(
        [f"{turn.system}\n\n{turn.asked}" if turn.system else turn.asked for turn in turns],
        [turn.said for turn in turns],
        made,
    )
    # One question among several is nearly a benchmark's, while all of them together are not.
    several = [
        (number, text)
        for number, turn in enumerate(turns)
        if hits[number] is None and len(turn.user) > 1
        for text in turn.user
    ]
    for (number, _), hit in zip(several, screen.near([text for _, text in several]), strict=True):
        hits[number] = hits[number] or hit
    for row, hit in zip(rows, hits, strict=True):
        if hit is not None:
            entry = removal(row, "decontamination", hit.reason, hit.benchmark_id, hit.shared)
            show = context.params.decontamination.show_text
            removed.append(entry if show else {**entry, "question": ""})
    return [number for number, hit in enumerate(hits) if hit is None]
