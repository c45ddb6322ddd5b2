"""Problems of the data set, put to a model k times each, and what the rules make of its answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmc_lib.answers import find_answer, find_letter, options, restates, same
from llmc_lib.engines.sampling import Request, predictions, sample
from llmc_lib.engines.worker import is_worth_asking_again
from llmc_lib.errors import UserError
from llmc_lib.models import prompts
from llmc_lib.models.resolve import Model, ServedModel, load_model, served_model
from llmc_lib.params import EngineParams, SamplingParams
from llmc_lib.records import AnswerType, Prediction
from llmc_lib.store import Run

#: `truncated`: cut at the token limit; `unanswered`: no final answer was found in it; `failed`: the
#: engine could not take the prompt, which with the limit of tokens does not fit into max_model_len.
Outcome = Literal["right", "wrong", "truncated", "unanswered", "failed"]


@dataclass(frozen=True)
class Problem:
    """A question with a reference answer; `id` is unique in a data set."""

    id: str
    question: str
    answer: str
    answer_type: AnswerType


def ask(
    run: Run,
    problems: Sequence[Problem],
    params: SamplingParams,
    model: Model | ServedModel,
    folder: Path,
    key: str,
) -> dict[str, list[Prediction]]:
    """Have `model` answer the problems, `params.samples` times each; `key` is the section of `params`.

    At most `params.problems` of those with a reference answer are put to it, drawn by the run's seed
    and their ids: the same ones in whatever order they come. The dtype and how many
    completions run at once are the evaluation's. All answers stay in `folder`, a file for each model,
    and only what is missing there is sampled.

    Returns problem id → predictions by sample number, in the order of `problems`. Raises `WorkerError`
    when the engine fails, and `UserError` where servers gave some of the answers up: without them the rates would be too low.
    """
    engine = params.engine or EngineParams(max_num_seqs=run.params.evaluation.engine.max_num_seqs)
    drawn = _draw([p for p in problems if p.answer], params.problems, run.params.seed)
    requests = [
        Request(
            p.id,
            prompts.question_prompt(p.question, p.answer_type),
            params.samples,
            sampling_seed(run.params.seed, p.id),
        )
        for p in drawn
    ]
    shared = ("max_tokens", "max_model_len", "temperature", "top_p")
    settings = {name: getattr(params, name) for name in shared}
    path = folder / f"{model.fingerprint}.jsonl"
    sample(
        model,
        {path: requests},
        {**settings, "dtype": run.params.evaluation.dtype, "seed": run.params.seed},
        folder / "logs" / f"{model.fingerprint}.log",
        desc=f"{folder.name.capitalize()} by {model.name}",
        engine=engine,
        section=f"{key}.engine",
        # Offline it fails for the length of its prompt, which the next run has not changed.
        retry_failed=engine.kind == "openai",
    )
    found = predictions(path, requests)
    lost = sum(map(is_worth_asking_again, found.values()))
    if lost:
        raise UserError(
            f"{key}.engine.endpoints: {lost:,} of {len(found):,} answers could not be obtained; run the same command again when "
            "the servers work: what was finished is kept"
        )
    return {p.id: [found[p.id, s] for s in range(params.samples)] for p in drawn}


def asked_model(run: Run, params: SamplingParams, name: str, key: str) -> Model | ServedModel:
    """The model that answers, called `name`, or "base" where it is the run's; one that servers have need not be on this
    machine. Raises `UserError` when it cannot be had."""
    source, own = params.model or run.params.model, f"{key}.model" if params.model else "model"
    name = name if params.model else "base"
    if params.engine is not None and params.engine.kind == "openai":
        return served_model(run, source, name, own)
    return load_model(run, source, name, own)


def outcome(problem: Problem, prediction: Prediction) -> Outcome:
    """Judge one answer by the rules by which the evaluation grades: see `llmc_lib.answers`."""
    if prediction.finish_reason == "failed":
        return "failed"
    if prediction.finish_reason == "length":
        return "truncated"
    response = prediction.response
    if not response:
        return "unanswered"
    if problem.answer_type == "multipleChoice":
        letter, _ = find_letter(response, options(problem.question))
        if letter is None:
            return "unanswered"
        return "right" if letter == problem.answer else "wrong"
    answer, _ = find_answer(response, problem.question)
    if answer is None:
        return "unanswered"
    if not same(answer, problem.answer) or restates(answer, problem.question, problem.answer):
        return "wrong"
    return "right"


def sampling_seed(seed: int, id_: str) -> int:
    """A seed for the samples of one prompt, so that those of different prompts are independent."""
    return int.from_bytes(_hash(seed, "sampling", id_)[:4]) // 2


def _draw(problems: Sequence[Problem], limit: int | None, seed: int) -> list[Problem]:
    if limit is None or len(problems) <= limit:
        return list(problems)
    drawn = {p.id for p in sorted(problems, key=lambda p: _hash(seed, "problems", p.id))[:limit]}
    return [p for p in problems if p.id in drawn]


def _hash(seed: int, use: str, id_: str) -> bytes:
    return hashlib.sha256(f"{seed}/{use}/{id_}".encode()).digest()
