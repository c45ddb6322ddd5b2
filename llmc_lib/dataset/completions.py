"""Completions by a teacher model: rejection sampling, in which only verified answers are kept.

The method is that of Yuan et al., "Scaling Relationship on Learning Mathematical Reasoning with Large
Language Models" (arXiv:2308.01825): sample several times, keep what reaches the reference answer.
A right final answer does not prove the reasoning in front of it, and the shortest right answer of a
weak teacher is often one without any.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmc_lib.dataset.problems import Outcome, Problem, ask, outcome
from llmc_lib.models.prompts import join
from llmc_lib.models.resolve import author_name, load_model
from llmc_lib.records import Prediction
from llmc_lib.store import Run


@dataclass(frozen=True)
class Completion:
    """The right answer that was chosen for a problem."""

    text: str  # as the teacher wrote it, with or without a <think> block
    tokens: int
    n_right: int  # of the problem's samples
    n_samples: int
    author: str  # the teacher's name


@dataclass(frozen=True)
class Yield:
    """What the teacher's samples came to.

    `samples` = `right` + `wrong` + `truncated` + `without_answer` + `failed`.
    """

    teacher: str  # its name, as author of the completions
    problems: int  # put to the teacher
    solved: int  # problems with a right sample
    samples: int
    right: int
    wrong: int
    truncated: int  # cut at the token limit
    without_answer: int  # no final answer was found in it
    failed: int  # the prompt is too long for max_model_len
    tokens: int  # written in all samples


def complete(run: Run, problems: Sequence[Problem]) -> tuple[dict[str, Completion], Yield]:
    """Have the teacher of `dataset.completions` answer the problems, and choose of its right answers.

    Right is an answer that ends by itself (finish reason "stop"), whose final answer agrees with the
    reference by the rules of the evaluation and is not an expression of the question itself. Problems
    without one are not in the first result (id → completion). Problems without a reference answer, and
    those beyond `problems` of the params, are not put to the teacher.

    The answers are kept in runs/<run>/dataset/completions and are not sampled again under the same
    settings. Raises `UserError` when the model cannot be had, `WorkerError` when the engine fails.
    """
    params = run.params.dataset.completions
    key = "dataset.completions"
    source = params.model or run.params.model
    model = load_model(run, source, "teacher", f"{key}.model" if params.model else "model")
    author = author_name(source)
    answers = ask(run, problems, params, model, run.dataset / "completions", key)
    by_id = {problem.id: problem for problem in problems}
    chosen: dict[str, Completion] = {}
    counts: Counter[Outcome] = Counter()
    for id_, predictions in answers.items():
        outcomes = [_outcome(by_id[id_], prediction) for prediction in predictions]
        counts.update(outcomes)
        right = [p for p, what in zip(predictions, outcomes, strict=True) if what == "right"]
        if right:
            best = _choose(right, params.choose, f"{run.params.seed}/completion/{id_}")
            chosen[id_] = Completion(
                join(best.reasoning, best.response),
                best.completion_tokens,
                len(right),
                len(predictions),
                author,
            )
    return chosen, Yield(
        teacher=author,
        problems=len(answers),
        solved=len(chosen),
        samples=counts.total(),
        right=counts["right"],
        wrong=counts["wrong"],
        truncated=counts["truncated"],
        without_answer=counts["unanswered"],
        failed=counts["failed"],
        tokens=sum(p.completion_tokens for found in answers.values() for p in found),
    )


def _outcome(problem: Problem, prediction: Prediction) -> Outcome:
    """As the evaluation's rules have it, but what did not end by itself is never right."""
    what = outcome(problem, prediction)
    return "truncated" if what == "right" and prediction.finish_reason != "stop" else what


def _choose(right: Sequence[Prediction], how: str, seed: str) -> Prediction:
    """One of the right answers, which come by sample number; of equally long ones the first."""
    if how == "random":
        return random.Random(seed).choice(right)
    tokens = [prediction.completion_tokens for prediction in right]
    return right[tokens.index(min(tokens) if how == "shortest" else max(tokens))]
