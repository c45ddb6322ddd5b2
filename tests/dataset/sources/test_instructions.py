"""The source "instructions": many kinds of request, each with a short and complete response."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from llmc_lib.dataset.sources import instructions
from llmc_lib.params import SourceParams
from llmc_lib.store import read_jsonl

ITEMS = read_jsonl(Path(instructions.__file__).with_name("instructions.jsonl"))


def test_there_are_many_kinds_and_none_prevails() -> None:
    assert len(ITEMS) >= 150
    kinds = Counter(item["kind"] for item in ITEMS)
    assert len(kinds) >= 12
    assert all(re.fullmatch(r"[a-z]+", kind) for kind in kinds)
    assert min(kinds.values()) >= 5
    assert max(kinds.values()) <= 0.12 * len(ITEMS)
    # The first rows are a sample of all: a params file may take fewer.
    assert len({item["kind"] for item in ITEMS[:30]}) >= 12


def test_responses_are_short_sentences_that_end() -> None:
    lengths = [len(item["response"].split()) for item in ITEMS]
    assert max(lengths) <= 80
    assert sum(length >= 10 for length in lengths) >= 0.8 * len(lengths)
    for item in ITEMS:
        assert re.search(r"[.!?]\"?$", item["response"]), item["id"]


def test_responses_do_not_begin_alike() -> None:
    openings = Counter(" ".join(item["response"].lower().split()[:3]) for item in ITEMS)
    assert openings.most_common(1)[0][1] <= 0.03 * len(ITEMS)


def test_python_code_parses() -> None:
    # Code comes first in such a response, a blank line and a sentence follow.
    blocks = [item["response"].partition("\n\n")[0] for item in ITEMS if item["kind"] == "code"]
    found = [block for block in blocks if re.match(r"(def |with |\w+ = )[^.]", block)]
    assert len(found) >= 3
    for block in found:
        ast.parse(block.partition(" gives ")[0])


def test_the_subject_is_the_kind() -> None:
    drafts = list(instructions.drafts(SourceParams(name="instructions"), 0))
    assert len(drafts) == len(ITEMS) == instructions.FACTS.rows
    for draft, item in zip(drafts, ITEMS, strict=True):
        assert (draft.question, draft.completion) == (item["question"], item["response"])
        assert (draft.subject, draft.category) == (item["kind"], "Instruction")
        assert (draft.answer, draft.author, draft.author_kind) == ("", "this project", "unknown")
