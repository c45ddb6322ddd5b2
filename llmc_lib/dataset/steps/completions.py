"""Completions: a teacher model writes those that are missing, and a problem without one goes.

The teacher's part is rejection sampling, in which only verified answers are kept.

The method is that of Yuan et al., "Scaling Relationship on Learning Mathematical Reasoning with Large
Language Models" (arXiv:2308.01825): sample several times, keep what reaches the reference answer.
A right final answer does not prove the reasoning in front of it, and the shortest right answer of a
weak teacher is often one without any.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from llmc_lib.dataset.problems import Outcome, Problem, ask, asked_model, outcome
from llmc_lib.dataset.steps.form import Fault, form
from llmc_lib.dataset.steps.provenance import model_kind, objection
from llmc_lib.dataset.steps.step import SetStep
from llmc_lib.errors import UserError
from llmc_lib.language import N_
from llmc_lib.models.prompts import join
from llmc_lib.models.resolve import author_name
from llmc_lib.records import AuthorKind, Example, Prediction
from llmc_lib.store import Run

if TYPE_CHECKING:
    from llmc_lib.dataset.select import Selection


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
    model = asked_model(run, params, "teacher", key)
    author = author_name(params.model or run.params.model)
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


def teachers_kind(run: Run) -> AuthorKind:
    """Whether the teacher is open; raises `UserError` for one that may not write completions."""
    params = run.params.dataset
    author = author_name(params.completions.model or run.params.model)
    kind = model_kind(author, params.provenance.closed_models) or "unknown"
    if reason := objection(kind, author, params.provenance):
        raise UserError(
            f"{run.params_file.name}: dataset.completions.model: may not write completions here "
            f"({reason}); give an open model, or change dataset.provenance"
        )
    return kind


def _look(selection: Selection) -> Iterator[tuple[int, str, str]]:
    index = selection.rows.index
    has_completion = index["has_completion"].to_numpy()
    if selection.context.params.completions.enabled:
        verifiable = (index["kind"] == "verifiable").to_numpy()
        wanted = ~has_completion & index["has_answer"].to_numpy() & verifiable
        yield from _ask_teacher(selection, wanted)
    ids = index["id"].array
    for row in map(int, np.flatnonzero(selection.alive & ~has_completion)):
        if row not in selection.added:
            why = selection.rows.stripped.get(str(ids[row]), "the source gives none")
            yield row, N_("no completion"), why


def _ask_teacher(selection: Selection, wanted: np.ndarray) -> Iterator[tuple[int, str, str]]:
    """Have the teacher answer the problems that are `wanted` (bool) and alive."""
    run, context = selection.run, selection.context
    kind = teachers_kind(run)
    problems = dict(selection.problems(selection.alive & wanted))
    found, made = complete(run, list(problems.values()))
    selection.teacher = asdict(made)
    for row, problem in problems.items():
        completion = found.get(problem.id)
        if completion is None:
            yield row, N_("no right answer by the teacher"), ""
            continue
        example = _example(problem, completion.text, completion.author)
        formed = form(example, think=context.params.form.think)
        if isinstance(formed, Fault):
            yield row, f"the teacher's answer: {formed.reason}", ""
        elif context.too_long(example, formed.completion):
            yield row, N_("the teacher's answer is too long"), ""
        elif context.contaminated(formed.completion):
            yield row, N_("the teacher's answer quotes a benchmark"), ""
        else:
            selection.added[row] = {
                "completion": formed.completion,
                "verified": formed.verified,
                "author": completion.author,
                "author_kind": kind,
            }


def _example(problem: Problem, text: str, author: str) -> Example:
    return Example(
        id=problem.id,
        source="",
        row_id="",
        revision="",
        licence="",
        category="",
        subject="",
        question=problem.question,
        answer=problem.answer,
        answer_type=problem.answer_type,
        completion=text,
        author=author,
        author_kind="unknown",
    )


STEP = SetStep(
    name="completions",
    title="No completion",
    removes="problems without a completion at the end",
    cost="missing completions cost most",
    look=_look,
)
