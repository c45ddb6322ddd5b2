"""The skills benchmark: every answer computed a second way, and nothing of it in the training wordings."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from itertools import islice

import pytest

from llmc_lib import question_bank
from llmc_lib.benchmarks import skill_families, skills
from llmc_lib.dataset.sources import read
from llmc_lib.dataset.texts.overlap import Screen
from llmc_lib.dataset.texts.signatures import signatures
from llmc_lib.params import BenchmarkParams, DecontaminationParams, SourceParams
from llmc_lib.store import read_jsonl

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_WORD = re.compile("|".join(sorted(skill_families._WORDS, key=len, reverse=True)))


def _listed(question: str, last: str) -> list[str]:
    """The words that a question lists; `last` is what stands before the last one."""
    word = f"(?:{_WORD.pattern})"
    found = re.search(rf"{word}(?:, {word})*{last}{word}", question)
    assert found
    return re.split(", | and ", found[0])


def again(family: str, question: str) -> str:
    """The answer, from the question alone and by another way than the one that made it."""
    found: list[str] = re.findall(r"\d+(?:\.\d+)?", question)
    match family:
        case "Larger number":
            return str(max(Decimal(n) for n in found))
        case "Smallest number":
            return min(found, key=lambda n: (len(n), n))
        case "First or last digit":
            return str(int(found[0]) % 10) if "last" in question else found[0][0]
        case "Sum in words":
            return str(len("x" * int(found[0]) + "x" * int(found[1])))
        case "Next number":
            a, b, c, d = map(int, found)
            assert b - a == c - b == d - c
            return str(2 * d - c)
        case "Count":
            return str(len(_listed(question, " and ")))
        case "Position in a list":
            which = next(n for n in _ORDINALS if re.search(rf"\b{n}\b", question))
            return _listed(question, ", ")[_ORDINALS.index(which)]
    raise AssertionError(family)


@pytest.mark.parametrize("use", ["training", "testing"])
def test_each_answer_is_right(use: skill_families.Use) -> None:
    for skill in islice(skill_families.make(5, use), 1000):
        assert again(skill.family, skill.question) == skill.answer, skill
        assert skill.answer in skill.reasoning


def test_the_embedded_file_is_what_the_families_make() -> None:
    path = question_bank.path(BenchmarkParams(name="skills"))
    rows = read_jsonl(path)
    assert rows == skills.embedded_rows()
    cells = Counter((row["family"], row["level"]) for row in rows)
    assert set(cells.values()) == {15}
    assert len(cells) == 21


def test_it_is_loaded_with_families_as_categories() -> None:
    questions = question_bank.load(BenchmarkParams(name="skills"))
    assert len(questions) == 315 == len({q.id for q in questions})
    assert {q.category for q in questions} == set(skill_families.FAMILIES)
    assert {q.subject for q in questions} == {"1", "2", "3"}


def test_no_wording_of_the_benchmark_is_trained_on() -> None:
    questions = question_bank.load(BenchmarkParams(name="skills"))
    texts = {"skills": {q.id: q.question for q in questions}}
    # Stricter than the default of 13 words in a row.
    screen = Screen(texts, DecontaminationParams(ngram=8))
    rows = list(read(SourceParams(name="skills", rows=500), seed=3))
    asked = [row.question for row in rows]
    hits = screen.find(asked, [row.completion for row in rows], signatures(asked))
    assert [hit for hit in hits if hit] == []
    for family in skill_families._FAMILIES.values():
        assert not set(family.training) & set(family.testing)


def test_the_problems_depend_on_the_seed_and_on_nothing_else() -> None:
    first = list(islice(skill_families.make(1, "training"), 50))
    assert first == list(islice(skill_families.make(1, "training"), 80))[:50]
    assert first != list(islice(skill_families.make(2, "training"), 50))
    assert len({skill.question for skill in islice(skill_families.make(1, "training"), 600)}) == 600
