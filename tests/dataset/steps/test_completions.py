"""Rejection sampling: only verified answers, the one asked for, and an honest count of the rest."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.problems import Problem
from llmc_lib.dataset.steps.completions import Completion, Yield, complete
from llmc_lib.errors import UserError
from llmc_lib.records import Prediction
from llmc_lib.store import Run
from tests.dataset.steps.test_pass_rate import CHOICE, SUM, open_run, prediction, write

PRODUCT = Problem("product", "What is 3 times 5?", "15", "exactMatch")
SECTION = "completions"
#: Eight answers to SUM, of which 1, 3 and 6 are right.
ANSWERS = [
    ("Answer: 5", "stop"),
    ("Two and two are four, so\nAnswer: 4", "stop"),
    ("Answer: 4", "length"),
    ("Answer: 4", "stop"),
    ("<think>Answer: 4", "stop"),
    ("Answer: 4", "abort"),
    ("Answer: 4.0", "stop"),
    ("", "failed"),
]


def _predictions() -> list[Prediction]:
    return [
        prediction(SUM, s, text, finish_reason=reason) for s, (text, reason) in enumerate(ANSWERS)
    ]


def _run(tmp_path: Path, **settings: Any) -> Run:
    return open_run(tmp_path, SECTION, **{"samples": 8, **settings})


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine fails at once: whoever starts one is told. test_build_with_models.py has a real one."""
    monkeypatch.setattr(sys, "executable", "false")


def test_only_right_answers_that_came_to_their_end_are_kept(tmp_path: Path) -> None:
    run = _run(tmp_path)
    wrong = [prediction(PRODUCT, s, "Answer: 16") for s in range(8)]
    path = write(run, SECTION, [*_predictions(), *wrong])
    before = path.read_bytes()
    chosen, counts = complete(run, [SUM, PRODUCT])
    assert chosen == {"sum": Completion("Answer: 4", 2, 3, 8, "stub")}
    assert counts == Yield(
        teacher="stub",
        problems=2,
        solved=1,
        samples=16,
        right=3,
        wrong=9,
        truncated=2,
        without_answer=1,
        failed=1,
        tokens=sum(p.completion_tokens for p in [*_predictions(), *wrong]),
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(("choose", "number"), [("shortest", 3), ("longest", 1)])
def test_the_length_chooses_and_of_equal_ones_the_first(
    tmp_path: Path, choose: str, number: int
) -> None:
    run = _run(tmp_path, choose=choose)
    answers = _predictions()
    for seed in range(3):
        random.Random(seed).shuffle(answers)  # the order in which the engine ended them
        write(run, SECTION, answers)
        chosen, _ = complete(run, [SUM])
        assert chosen["sum"].text == ANSWERS[number][0]


def test_a_random_choice_depends_on_the_seed_and_the_problem_alone(tmp_path: Path) -> None:
    run = _run(tmp_path, choose="random", samples=20)
    problems = [Problem(f"p{n}", f"What is {n} + 1?", str(n + 1), "exactMatch") for n in range(8)]
    answers = [
        prediction(p, s, f"Way {s}.\nAnswer: {p.answer}") for p in problems for s in range(20)
    ]
    write(run, SECTION, answers)
    first, _ = complete(run, problems)
    write(run, SECTION, answers[::-1])
    second, _ = complete(run, problems[3:][::-1])
    assert second == {id_: first[id_] for id_ in second}
    assert len(second) == 5
    assert len({completion.text.partition("\n")[0] for completion in first.values()}) > 2


def test_a_choice_is_verified_by_its_letter(tmp_path: Path) -> None:
    run = _run(tmp_path, samples=3)
    texts = ["Answer: A", "<think>Not A.</think>\nAnswer: B", "Answer: A or B"]
    write(run, SECTION, [prediction(CHOICE, s, text) for s, text in enumerate(texts)])
    chosen, counts = complete(run, [CHOICE])
    assert chosen["choice"].text == "<think>\nNot A.\n</think>\n\nAnswer: B"
    assert (counts.right, counts.wrong, counts.without_answer) == (1, 1, 1)


def test_an_expression_of_the_question_is_no_answer_to_learn_from(tmp_path: Path) -> None:
    run = _run(tmp_path, samples=3)
    half = Problem(
        "half", r"Which is more, $\frac{1}{2}$ or $\frac{1}{3}$?", r"\frac{1}{2}", "exactMatch"
    )
    echoes = ["The answer is 2 + 2.", "Answer: $2+2$", "Answer: 2 + 2 = 4"]
    halves = [r"Answer: $\frac{1}{2}$", r"Answer: \frac12", r"Answer: \frac{1}{3}"]
    write(
        run,
        SECTION,
        [prediction(SUM, s, text) for s, text in enumerate(echoes)]
        + [prediction(half, s, text) for s, text in enumerate(halves)],
    )
    chosen, counts = complete(run, [SUM, half])
    assert (chosen["sum"].text, chosen["sum"].n_right) == (echoes[2], 1)
    assert (chosen["half"].text, chosen["half"].n_right) == (halves[0], 2)
    assert (counts.right, counts.wrong) == (3, 3)


def test_a_problem_without_a_reference_is_not_put_to_the_teacher(tmp_path: Path) -> None:
    chosen, counts = complete(_run(tmp_path), [Problem("open", "Prove it.", "", "exactMatch")])
    assert chosen == {}
    assert (counts.problems, counts.samples) == (0, 0)


def test_a_teacher_that_is_not_there_is_told_with_its_key(tmp_path: Path) -> None:
    run = _run(tmp_path, model={"source": "./nowhere"})
    with pytest.raises(UserError, match=r"my\.yaml: dataset\.completions\.model\.source: './nowh"):
        complete(run, [SUM])
