"""The source "safety": both kinds of request over the five risk areas, in many wordings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.sources import safety
from llmc_lib.dataset.sources._common import Draft
from llmc_lib.params import SourceParams
from llmc_lib.store import read_jsonl
from llmc_lib.taxonomy import RISK_AREAS

ITEMS = read_jsonl(Path(safety.__file__).with_name("safety.jsonl"))
HARMFUL = [item for item in ITEMS if item["harmful"]]
HARMLESS = [item for item in ITEMS if not item["harmful"]]


def _opening(text: str, words: int) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower())[:words])


def _by_area(items: list[dict[str, Any]]) -> Counter[str]:
    return Counter(item["area"] for item in items)


def test_each_area_has_its_share_of_harmful_requests_and_of_look_alikes() -> None:
    assert len(HARMFUL) >= 120
    assert len(HARMLESS) >= 60
    for items in (HARMFUL, HARMLESS):
        found = _by_area(items)
        assert set(found) == set(RISK_AREAS)
        assert max(found.values()) <= 1.2 * min(found.values())


@pytest.mark.parametrize("rows", [30, 60, 90])
def test_the_first_rows_are_a_sample_of_all(rows: int) -> None:
    first = ITEMS[:rows]
    assert set(_by_area(first)) == set(RISK_AREAS)
    assert 0.5 <= sum(item["harmful"] for item in first) / rows <= 0.75


@pytest.mark.parametrize("words", [3, 4])
def test_refusals_do_not_begin_alike(words: int) -> None:
    openings = Counter(_opening(item["response"], words) for item in HARMFUL)
    assert openings.most_common(1)[0][1] <= 0.08 * len(HARMFUL)


def test_refusals_are_of_one_sentence_to_three() -> None:
    sentences = Counter(len(re.findall(r"[.!?](?=\s|\"|$)", item["response"])) for item in HARMFUL)
    assert sentences[1] >= 10
    assert sentences[2] + sentences[3] >= 60


def test_no_look_alike_is_declined() -> None:
    refusal = re.compile(r"\b(I won't|I can't|I cannot|I refuse|I'd rather not|sorry, but)\b", re.I)
    declined = [item["id"] for item in HARMLESS if refusal.search(item["response"])]
    assert declined == []


def test_the_subject_tells_the_kind() -> None:
    drafts = list(safety.drafts(SourceParams(name="safety"), 0))
    assert len(drafts) == len(ITEMS) == safety.FACTS.rows
    for draft, item in zip(drafts, ITEMS, strict=True):
        assert draft.subject == (item["area"] if item["harmful"] else "harmless")
        assert draft.category == "Safety"


def test_the_text_goes_unchanged_without_an_answer() -> None:
    draft = next(safety.drafts(SourceParams(name="safety"), 0))
    assert isinstance(draft, Draft)
    assert (draft.question, draft.completion) == (ITEMS[0]["question"], ITEMS[0]["response"])
    assert (draft.answer, draft.author, draft.author_kind) == ("", "this project", "unknown")
    assert draft.row_id == "001"
