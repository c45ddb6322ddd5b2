"""The source "textbook": complete, well formed, and none of it is a benchmark question."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from llmc_lib.dataset.sources import read
from llmc_lib.params import SourceParams
from llmc_lib.records import Example
from llmc_lib.taxonomy import CATEGORIES, HLE_SHARES

ROOT = Path(__file__).parents[3]
RUN_LENGTH = 8
ITEMS = list(read(SourceParams(name="textbook"), 0))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {
        tuple(words[start : start + RUN_LENGTH]) for start in range(len(words) - RUN_LENGTH + 1)
    }


def _options(question: str) -> dict[str, str]:
    _, _, options = question.partition("Answer Choices:\n")
    return dict(re.findall(r"^([A-Z])[.)] (.+)$", options, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def benchmark_runs() -> set[tuple[str, ...]]:
    file = ROOT / "llmc_lib" / "benchmarks" / "hle_mini.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 200
    return {run for line in lines for run in _runs(json.loads(line)["question"])}


def test_there_are_198_items_in_every_category_but_mathematics() -> None:
    assert len(ITEMS) == 198
    found = Counter(item.category for item in ITEMS)
    assert set(found) == set(CATEGORIES) - {"Math"}
    # Enough of each for the 240 rows of the quickstart.
    assert all(count >= 240 * HLE_SHARES[name] for name, count in found.items())


def test_ids_and_questions_are_unique() -> None:
    assert len({item.id for item in ITEMS}) == len(ITEMS)
    assert len({item.question for item in ITEMS}) == len(ITEMS)
    assert all(re.fullmatch(r"textbook/[a-z]+-\d{3}", item.id) for item in ITEMS)


def test_fixed_fields() -> None:
    assert {(item.source, item.author, item.author_kind, item.licence) for item in ITEMS} == {
        ("textbook", "this project", "unknown", "Apache-2.0")
    }


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_an_item_is_well_formed(item: Example) -> None:
    for text in (item.subject, item.question, item.completion, item.answer):
        assert text
        assert text == text.strip()
    assert "<think>" not in item.completion
    assert "\n" not in item.answer
    assert len(item.answer) <= 60
    assert len(item.completion.split()) >= 20  # a derivation, not a repetition of the answer
    options = _options(item.question)
    if item.answer_type == "multipleChoice":
        assert list(options) == list("ABCDEFGH"[: len(options)])
        assert len(options) >= 3
        assert len(set(options.values())) == len(options)
        assert item.answer in options
    else:
        assert not options
        assert not re.search(r"^\(?A[.)] ", item.question, flags=re.MULTILINE)


def test_right_letters_are_spread() -> None:
    letters = Counter(item.answer for item in ITEMS if item.answer_type == "multipleChoice")
    assert len(letters) >= 4
    assert max(letters.values()) <= letters.total() / 2


def test_rows_takes_the_first_items_and_the_seed_changes_nothing() -> None:
    source = SourceParams(name="textbook", rows=7)
    assert list(read(source, 0)) == list(read(source, 99)) == ITEMS[:7]


def test_no_item_shares_a_run_of_words_with_a_benchmark_question(
    benchmark_runs: set[tuple[str, ...]],
) -> None:
    for item in ITEMS:
        shared = benchmark_runs & (_runs(item.question) | _runs(item.completion))
        assert not shared, item.id


@pytest.mark.slow
def test_no_generated_problem_shares_a_run_of_words_with_a_benchmark_question(
    benchmark_runs: set[tuple[str, ...]],
) -> None:
    pytest.importorskip("reasoning_gym")  # absent where only reports are made
    made = list(read(SourceParams(name="hard_math", rows=150), 0))  # the quickstart's seed
    assert len(made) == 150
    for example in made:
        assert not benchmark_runs & _runs(example.question), example.id


def test_a_shared_run_would_be_found(benchmark_runs: set[tuple[str, ...]]) -> None:
    run = next(iter(sorted(benchmark_runs)))
    assert benchmark_runs & _runs(f"Before it, {', '.join(run).upper()}; after it.")
    assert not benchmark_runs & _runs(" ".join(run[:-1]))
