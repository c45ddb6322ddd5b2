"""Do the bounds over uncertain reference answers (keys) hold, and what do wrong ones do to a comparison?

The embedded questions of the first benchmark in HLE's form, graded by the package's own rules. A model gives the true answer to a
question or one of three wrong ones (those of other questions of its type), one of which is the popular one; the
candidate is truly better by about 7 points. 20% of the keys, at random, are replaced by a wrong answer, half of them by the
popular one, and marked as uncertain with as many others. Promised: in all of 1,000 simulations the difference by the true keys
lies within the bounds, with one and with four samples. Shown beside it: how often the difference as graded is another one,
and which part of the true difference the wrong keys leave of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.analysis.keys import answer_classes, key_bounds
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prediction, Question
from performance.validity.draws import row

WRONG = 0.2
_POOL = 4  # answers that are given to a question: the true one, the popular wrong one, two others


@cache
def pool(name: str, seed: int) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """(n, 4) the final answers as the rules find them, and (n, 4, 4) whether each is right by each of them as the key."""
    rng = np.random.default_rng([seed, 5])
    questions = question_bank.load(BenchmarkParams(name=name))
    texts = np.empty((len(questions), _POOL), dtype=object)
    right = np.zeros((len(questions), _POOL, _POOL), dtype=bool)
    for at, question in enumerate(questions):
        given = [question.answer, *_others(rng, question, questions)]
        for i, answer in enumerate(given):
            said = Prediction(question.id, 0, "", f"Answer: {answer}", "stop", 1, 1, 0.1, "")
            for j, key in enumerate(given):
                keyed = Question(**{**vars(question), "answer": key})
                found = grade(keyed, said)
                right[at, i, j] = found.status == "correct"
                texts[at, i] = found.extracted
    return texts, right


def _others(rng: np.random.Generator, question: Question, questions: list[Question]) -> list[str]:
    """Wrong answers: those of other questions of the type and category."""
    answers = {
        q.answer
        for q in questions
        if (q.answer_type, q.category) == (question.answer_type, question.category)
    }
    others = sorted(answers - {question.answer})
    letters = [letter for letter in "ABCDE" if letter != question.answer]
    others = letters if question.answer_type == "multipleChoice" else others
    return [str(other) for other in rng.choice(others, _POOL - 1, replace=False)]


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng([seed, 6])
    texts, right = pool("hle", seed)
    n, simulations = len(texts), max(100, repetitions // 4)
    for k in (1, 4):
        outside, changed, shrunk, true = [], [], [], []
        for _ in range(simulations):
            said = _said(rng, n, k)
            wrong = rng.permutation(n)[: round(WRONG * n)]
            key = np.zeros(n, dtype=int)
            key[wrong] = np.where(
                rng.random(len(wrong)) < 0.5, 1, rng.integers(1, _POOL, len(wrong))
            )
            doubted = np.isin(np.arange(n), [*wrong, *rng.permutation(n)[: len(wrong)]])
            at = np.arange(n)[:, None]
            graded, truly = (right[at, said, by[:, None]] for by in (key, 0 * key))
            classes = answer_classes(texts[at, said], graded, np.ones_like(graded))
            bounds = key_bounds(*_two(graded), *_two(classes), doubted)
            difference = _difference(truly)
            outside.append(
                not bounds.least.difference - 1e-9 <= difference <= bounds.most.difference + 1e-9
            )
            shrunk.append(_difference(graded))
            true.append(difference)
            changed.append(abs(shrunk[-1] - difference) > 1e-9)
        setting = f"{n} embedded questions, k={k}, {WRONG:.0%} wrong keys"
        yield row("bounds over uncertain keys", "miss", setting, np.mean(outside), (0.0, 0.0), simulations)  # fmt: skip
        yield row("the difference as graded", "miss", setting, np.mean(changed), (0.5, 1.0), simulations)  # fmt: skip
        # A random 80% of the keys show the difference, the others the opposite, a little.
        left = np.mean(shrunk) / np.mean(true)
        yield row("part of a difference that is left", "chance", setting, left, (0.7, 0.9), simulations)  # fmt: skip


def _said(rng: np.random.Generator, n: int, k: int) -> NDArray[np.int64]:
    """(n, 2k): which answer of the pool both models give; the candidate's come first. They share what is hard."""
    skill = rng.beta(1, 1.6, n)[:, None]
    chance = np.concatenate(
        [np.repeat(np.clip(skill + 0.07, 0, 1), k, 1), np.repeat(skill, k, 1)], 1
    )
    wrong = rng.choice([1, 2, 3], p=[0.6, 0.2, 0.2], size=chance.shape)
    return np.where(rng.random(chance.shape) < chance, 0, wrong)


def _two(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = np.split(values, 2, axis=1)
    return first, second


def _difference(right: NDArray[np.bool_]) -> float:
    first, second = _two(right)
    return float(first.mean() - second.mean())
