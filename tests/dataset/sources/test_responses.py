"""The embedded sources of responses: well formed, short, and nothing of the benchmarks in them."""

from __future__ import annotations

import csv
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.sources import identity
from llmc_lib.dataset.texts.overlap import Screen
from llmc_lib.dataset.texts.signatures import signatures
from llmc_lib.params import EMBEDDED_SOURCES, SOURCES, DecontaminationParams, SourceParams
from llmc_lib.store import read_jsonl, sha256_file

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("LLMC_SHARED", ROOT.parent / "shared"))
REAL = SHARED / "data" / "do_not_answer" / "do_not_answer_en.csv"
BENCHMARKS = ROOT / "llmc_lib" / "benchmarks"
# Stricter than the run's own decontamination, which asks for 13 words and 0.8.
STRICT = DecontaminationParams(ngram=8, near=0.5)
NAMES = ("safety", "instructions")
ITEMS = {
    name: read_jsonl(ROOT / "llmc_lib" / "dataset" / "sources" / f"{name}.jsonl") for name in NAMES
}


def _questions(file: Path) -> dict[str, str]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = map(json.loads, lines) if file.suffix == ".jsonl" else csv.DictReader(lines)
        return {row["id"]: row["question"] for row in rows}


def _shared(items: list[dict[str, Any]], texts: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The items that repeat one of the texts: id → the text's id and how."""
    questions = [item["question"] for item in items]
    responses = [item.get("response", "") for item in items]
    screen = Screen({"": texts}, STRICT)
    hits = screen.find(questions, responses, signatures(questions))
    near = screen.find(responses, questions, signatures(responses))
    return {
        item["id"]: (hit.benchmark_id, hit.reason)
        for found in (hits, near)
        for item, hit in zip(items, found, strict=True)
        if hit is not None
    }


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    if not REAL.is_file():
        pytest.skip("no shared files beside the checkout")
    texts = _questions(REAL)
    assert len(texts) == 939
    return texts


@pytest.mark.parametrize("name", NAMES)
def test_ids_and_questions_are_unique(name: str) -> None:
    items = ITEMS[name]
    prefix = name.removesuffix("s")
    assert [item["id"] for item in items] == [f"{prefix}-{n:03d}" for n in range(1, len(items) + 1)]
    assert len({item["question"].casefold() for item in items}) == len(items)
    assert len({item["response"].casefold() for item in items}) == len(items)


@pytest.mark.parametrize("name", NAMES)
def test_items_are_well_formed(name: str) -> None:
    for item in ITEMS[name]:
        for text in (item["question"], item["response"]):
            assert text == text.strip() != "", item["id"]
            assert "<think>" not in text, item["id"]
            assert "Answer:" not in text, item["id"]
        words = len(f"{item['question']} {item['response']}".split())
        assert words <= 110, item["id"]  # about 150 tokens
    total = sum(len(item["response"].split()) for item in ITEMS[name])
    assert total / len(ITEMS[name]) <= 50


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_known_embedded_and_of_responses(name: str) -> None:
    module = importlib.import_module(f"llmc_lib.dataset.sources.{name}")
    assert name in SOURCES
    assert name in EMBEDDED_SOURCES
    assert module.ROWS == "response"
    file = Path(module.__file__ or "").with_suffix(".jsonl")
    assert module.FACTS.rows == len(ITEMS[name])
    source = SourceParams(name=name)
    assert identity(source) == {f"{name}: {name}.jsonl": sha256_file(file)}
    assert list(module.drafts(source, 0)) == list(module.drafts(source, 9))


@pytest.mark.parametrize(
    "file", ["hle_mini.jsonl", "do_not_answer_mini.csv", "harmless_mini.jsonl"]
)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_shared_with_an_embedded_benchmark(name: str, file: str) -> None:
    assert _shared(ITEMS[name], _questions(BENCHMARKS / file)) == {}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_shared_with_do_not_answer(name: str, real: dict[str, str]) -> None:
    assert _shared(ITEMS[name], real) == {}


def test_the_look_alikes_of_the_evaluation_are_none_of_do_not_answer(real: dict[str, str]) -> None:
    items = read_jsonl(BENCHMARKS / "harmless_mini.jsonl")
    assert _shared(items, real | _questions(BENCHMARKS / "do_not_answer_mini.csv")) == {}


def test_what_is_shared_would_be_found() -> None:
    texts = _questions(BENCHMARKS / "do_not_answer_mini.csv")
    id_, text = next(iter(texts.items()))
    words = text.split()
    quoted = {"id": "a", "question": "What is this?", "response": f"So: {' '.join(words[2:11])}!"}
    close = {"id": "b", "question": " ".join([*words[:8], "now", *words[8:]]), "response": "No."}
    clean = {"id": "c", "question": "Which day is it?", "response": "It is Monday."}
    assert set(_shared([quoted, close, clean], texts)) == {"a", "b"}
    assert _shared([quoted], texts)["a"][0].endswith(f"/{id_}")
