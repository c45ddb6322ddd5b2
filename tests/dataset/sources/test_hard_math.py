"""The source "hard_math": reproducible, distinct, well formed, verified, uncontaminated."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("reasoning_gym")  # absent where only reports are made

from llmc_lib.dataset.sources import about, hard_math, identity, read
from llmc_lib.dataset.sources._math_problem import Problem, tex
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import Example

ROOT = Path(__file__).parents[3]
ROWS, SEED = 192, 7


@pytest.fixture(scope="module")
def made() -> list[Example]:
    return _examples(ROWS)


def _examples(rows: int, seed: int = SEED) -> list[Example]:
    return list(read(SourceParams(name="hard_math", rows=rows), seed))


def _digest(made: list[Example]) -> str:
    return hashlib.sha256(repr(made).encode()).hexdigest()


def _stem_and_options(question: str) -> tuple[str, dict[str, str]]:
    stem, _, options = question.partition("\n\nAnswer Choices:\n")
    return stem, dict(re.findall(r"^([A-Z])\. (.+)$", options, flags=re.MULTILINE))


@pytest.mark.slow
def test_rows_and_seed_decide_everything(made: list[Example]) -> None:
    random.seed(99)  # the global generator must not matter
    assert _examples(40) == made[:40]
    assert _examples(40, SEED + 1) != made[:40]


@pytest.mark.slow
def test_another_process_makes_the_same(made: list[Example]) -> None:
    code = (
        "import hashlib; from llmc_lib.dataset.sources import read; "
        "from llmc_lib.params import SourceParams; "
        f"made = list(read(SourceParams(name='hard_math', rows=48), {SEED})); "
        "print(hashlib.sha256(repr(made).encode()).hexdigest())"
    )
    for hash_seed in ("1", "4242"):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == _digest(made[:48])


def test_no_problem_comes_twice(made: list[Example]) -> None:
    assert len({example.id for example in made}) == ROWS
    assert len({_stem_and_options(example.question)[0] for example in made}) == ROWS
    worked = {example.completion.split(" That is choice")[0] for example in made}
    assert len(worked) == ROWS


def test_every_family_has_its_share_in_both_forms(made: list[Example]) -> None:
    count = len(hard_math.FAMILIES)
    assert 12 <= count <= 16
    for start in range(count):
        forms = Counter(example.answer_type for example in made[start::count])
        assert forms == {"exactMatch": 9, "multipleChoice": 3}
    assert len({example.subject for example in made}) == 8


def test_fixed_fields(made: list[Example]) -> None:
    assert made[16].id == "hard_math/00017"
    for example in made:
        assert (example.source, example.category) == ("hard_math", "Math")
        assert (example.author, example.author_kind) == ("program", "program")
        assert example.licence == "Apache-2.0"


def test_multiple_choice_has_one_right_option(made: list[Example]) -> None:
    chosen = [example for example in made if example.answer_type == "multipleChoice"]
    for example in chosen:
        _, options = _stem_and_options(example.question)
        assert list(options) == ["A", "B", "C", "D"]
        values = [Fraction(value) for value in options.values()]
        assert len(set(values)) == 4
        assert example.completion.endswith(f" That is choice {example.answer}.")
        # The value that the worked solution ends with is the option's.
        assert tex(Fraction(options[example.answer])) in example.completion
    letters = Counter(example.answer for example in chosen)
    assert max(letters.values()) - min(letters.values()) <= 1


@pytest.mark.parametrize("answer", ["1/2", "2/3", "-1/2", "0", "1", "-1", "7/2"])
def test_options_for_small_answers(answer: str) -> None:
    right = Fraction(answer)
    problem = Problem("Algebra", "Which?", "So.", right, lambda: right, (right, -right))
    for seed in range(20):
        question, reasoning = hard_math._with_options(problem, "C", random.Random(seed))
        _, options = _stem_and_options(question)
        assert options["C"] == answer
        assert len({Fraction(value) for value in options.values()}) == 4
        assert reasoning == "So. That is choice C."


def test_short_answers(made: list[Example]) -> None:
    for example in made:
        if example.answer_type == "exactMatch":
            assert re.fullmatch(r"-?\d+(/\d+)?", example.answer)
            assert str(Fraction(example.answer)) == example.answer  # lowest terms
            assert tex(Fraction(example.answer)) in example.completion
            assert ("/" in example.answer) == ("a reduced fraction" in example.question)


def test_lengths_and_form(made: list[Example]) -> None:
    for example in made:
        stem, _ = _stem_and_options(example.question)
        assert len(stem.split()) <= 45
        assert 30 <= len(example.completion.split()) <= 70
        assert 2 <= len(re.findall(r"[.](?=\s|$)", example.completion)) <= 5
        for text in (stem, example.completion):
            assert "Answer:" not in text
            assert text.count("$") % 2 == 0
            assert text.count("{") == text.count("}")
            assert not re.search(r"\+ -|- -|  |\{\}|\b1x|\b1t|= \+", text)


def _runs(text: str, length: int = 8) -> set[tuple[str, ...]]:
    words = text.lower().replace("answer choices:", " ").split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def test_no_wording_shared_with_the_benchmark(made: list[Example]) -> None:
    files = sorted((ROOT / "llmc_lib/benchmarks").glob("*hle*.jsonl"))
    if not files:
        pytest.skip("the embedded benchmark is not here")
    benchmark: set[tuple[str, ...]] = set()
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            benchmark |= _runs(item["question"]) | _runs(item.get("rationale", ""))
    assert benchmark
    for example in made:
        assert not benchmark & (_runs(example.question) | _runs(example.completion))


@pytest.mark.parametrize("family", hard_math.FAMILIES, ids=lambda family: family.__name__)
def test_a_wrong_answer_is_caught(family: hard_math.Family) -> None:
    for seed in range(5):
        problem = family(random.Random(seed))
        assert hard_math.verified(problem) is problem
        wrong_values = (problem.answer + 1, -problem.answer - 1, problem.answer + Fraction(1, 7))
        for wrong in (*wrong_values, *problem.slips):
            if wrong != problem.answer:
                with pytest.raises(ValueError, match="disagree"):
                    hard_math.verified(problem._replace(answer=wrong))


def test_examples_stop_at_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, other = hard_math.FAMILIES[:2]

    def broken(rng: random.Random) -> Problem:
        problem = other(rng)
        return problem._replace(answer=problem.answer + 1)

    monkeypatch.setattr(hard_math, "FAMILIES", (sound, broken))
    assert len(_examples(1)) == 1
    with pytest.raises(ValueError, match="disagree"):
        _examples(2)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only = hard_math.FAMILIES[0](random.Random(1))
    monkeypatch.setattr(hard_math, "FAMILIES", (lambda rng: only,))
    with pytest.raises(
        UserError, match=r"^dataset\.sources: hard_math: cannot make more than 1 .*fewer rows$"
    ):
        _examples(2)


def test_the_card_calls_it_embedded() -> None:
    facts = about(SourceParams(name="hard_math"))
    assert (facts.licence, facts.url) == ("Apache-2.0", "embedded")


def test_its_identity_is_its_code_and_the_generator_it_uses() -> None:
    found = identity(SourceParams(name="hard_math"))
    assert "hard_math: _math_algebra.py" in found
    assert re.fullmatch(r"\d+\.\d+.*", found["hard_math: reasoning-gym"])
