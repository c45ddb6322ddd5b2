"""What models are asked: the questions in their order, the prompts and the settings; and what they have answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from llmc_lib import question_bank
from llmc_lib.benchmarks import declared
from llmc_lib.engines.sampling import Request, stream
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.records import Prediction, Question
from llmc_lib.store import Run


def settings(run: Run, benchmark: str | None = None) -> dict[str, Any]:
    """What must be equal for two completions to be comparable, of one benchmark; None: of one without settings of its
    own."""
    params = run.params.evaluation
    asking = params.asking(benchmark)
    shared = {"max_model_len": params.max_model_len, "dtype": params.dtype}
    return {**asking.sampling, **shared, "seed": run.params.seed}


def requests(
    run: Run, benchmark: str, questions: Sequence[Question], model: str | None = None
) -> list[Request]:
    """What a model is asked of a benchmark, in the order in which it is; None: one that is asked as often as most."""
    params = run.params.evaluation
    asking = params.asking(benchmark)
    samples = asking.samples if model is None else params.samples_for(benchmark, model)
    prompts = [question_bank.prompt(question, asking.prompt) for question in questions]
    return [
        Request(
            question.id,
            prompt.user,
            samples,
            system=prompt.system if asking.system is None else asking.system,
        )
        for question, prompt in zip(questions, prompts, strict=True)
    ]


def drawn_questions(run: Run) -> dict[str, list[Question]]:
    """Benchmark → its questions in the order drawn by the seed."""
    seed = run.params.seed
    return {b.name: question_bank.asked(b, seed) for b in run.params.evaluation.benchmarks}


def answered_pairs(
    run: Run, benchmark: str, model: str, questions: Sequence[Question]
) -> Iterator[tuple[Question, Prediction]]:
    """What a model has answered, each beside its question; reasoning where it is graded."""
    by_id = {question.id: question for question in questions}
    path = predictions_file(run, benchmark, model)
    for prediction in stream(path, requests(run, benchmark, questions, model)):
        question = by_id[prediction.question_id]
        if not declared(question.benchmark).reasoning_graded:
            prediction = replace(prediction, reasoning="")
        yield question, prediction
