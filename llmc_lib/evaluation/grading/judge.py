"""Grade by a model, with the rubric that a benchmark declares (`llmc_lib.benchmarks.rubrics`).

A reply is one more completion in the store, under the hash of its prompt: it is asked for once, survives a
kill, and is asked for again only when the judge, the prompt or the completion has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from llmc_lib.benchmarks import declared
from llmc_lib.benchmarks.rubrics import Reply, Rubric
from llmc_lib.engines.given import JUDGES, at_hand
from llmc_lib.engines.sampling import Request, predictions, sample
from llmc_lib.models.resolve import Model, ServedModel, load_model
from llmc_lib.params import JudgeAskingParams, JudgeParams
from llmc_lib.processes.progress import say
from llmc_lib.records import Grade, Prediction, Question, writable
from llmc_lib.store import Run, fingerprint, sha256_text

_NO_VERDICT = "judge gave no verdict"

Pair = tuple[Question, Prediction]
Key = tuple[str, str]  # benchmark, model


class _How(NamedTuple):
    """What a judge is asked, and how."""

    rubric: Rubric
    asking: JudgeAskingParams

    @property
    def name(self) -> str:
        """Of the files that keep the replies."""
        if self.asking == JudgeAskingParams():
            return self.rubric.name
        return f"{self.rubric.name}-{fingerprint(**self.asking.model_dump(mode='json'))[:8]}"


def judge_key(params: JudgeParams | None) -> dict[str, Any] | None:
    """What a judge's grades depend on, for the fingerprint of an evaluation: not where its servers are,
    how patient its client is, or whether its grades decide."""
    if params is None:
        return None
    engine = {"kind", "vllm", "reasoning_parser", "served_as"}
    return {
        **params.model_dump(mode="json", exclude={"decides", "engine"}),
        "engine": params.engine.model_dump(mode="json", include=engine),
    }


def judge(run: Run, answers: Mapping[Key, Sequence[Pair]], folder: Path) -> dict[Key, list[Grade]]:
    """Have the run's judge grade answers: (benchmark, model) → its answers → their grades.

    Failed and empty answers, and truncated ones to questions (which are wrong), are left to the rules and
    have no grade in the result. A reply
    that is not in the asked form is asked for again, `retries` times, at temperature 1; then the answer
    is `ungraded` with rule "judge gave no verdict", and how many there are is said. The replies are kept
    in `folder`. All models go to the judge together, so that a local one is loaded once a rubric.

    Raises `UserError` when the judge cannot be had, `WorkerError` when its engine fails.
    """
    params = run.params.evaluation.judge
    assert params is not None
    given = {
        key: [pair for pair in pairs if _can_be_judged(*pair)] for key, pairs in answers.items()
    }
    prompts: dict[_How, dict[str, None]] = {}
    how = {name: run.params.evaluation.asking(name).judge for name, _ in given}
    for (name, _), pairs in given.items():
        for question, prediction in pairs:
            texts = [*_prompts(question, prediction), _by_original(question, prediction)]
            of_how = prompts.setdefault(_How(_rubric(question), how[name]), {})
            of_how.update(dict.fromkeys(filter(None, texts)))
    replies = {
        each: _ask(run, params, list(wanted), each, folder) for each, wanted in prompts.items()
    }
    grades = {
        key: [
            _grade(question, prediction, replies.get(_How(_rubric(question), how[key[0]]), {}))
            for question, prediction in pairs
        ]
        for key, pairs in given.items()
    }
    lost = sum(grade.rule == _NO_VERDICT for found in grades.values() for grade in found)
    if lost:
        say(
            f"Replies of the judge in another form than asked for: {lost:,}. Those answers are ungraded, with rule "
            f"{_NO_VERDICT!r} in {run.predictions}/*/*.judge.jsonl; the replies are in {folder}"
        )
    return grades


def parse(text: str, form: type[Reply]) -> Reply | None:
    """A judge's reply, None where it is not in the asked form; words around the JSON are passed over."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return form.model_validate_json(text[start : end + 1])
    except (ValidationError, ValueError):
        return None


def _rubric(question: Question) -> Rubric:
    rubric = declared(question.benchmark).rubric
    assert rubric is not None, f"no judge is asked about {question.benchmark}"
    return rubric


def _can_be_judged(question: Question, prediction: Prediction) -> bool:
    return prediction.finish_reason in _rubric(question).ends and bool(prediction.response.strip())


def _prompts(question: Question, prediction: Prediction) -> tuple[str, str]:
    """The prompt for the response, and the one for the reasoning ("": none)."""
    apart = declared(question.benchmark).reasoning_graded
    parts = (
        ("response", prediction.response),
        ("reasoning", prediction.reasoning if apart else ""),
    )
    response, reasoning = (
        writable(
            _rubric(question).prompt.format(
                question=question.question, correct_answer=question.answer, part=part, text=text
            )
        )
        if text.strip()
        else ""
        for part, text in parts
    )
    return response, reasoning


def _by_original(question: Question, prediction: Prediction) -> str:
    """The prompt for the response with the original answer, "" where the answer was not revised."""
    if not question.original_answer:
        return ""
    return _prompts(replace(question, answer=question.original_answer), prediction)[0]


def _ask(
    run: Run, params: JudgeParams, prompts: list[str], how: _How, folder: Path
) -> dict[str, Reply]:
    """The judge's replies in the asked form: prompt → reply; those without one are not in it."""
    model, rubric, own = judge_model(run, params), how.rubric, how.asking
    found: dict[str, Reply] = {}
    rounds = [("first", own.temperature or 0.0, 1), ("again", 1.0, params.retries)]
    for name, temperature, samples in rounds:
        left = [prompt for prompt in prompts if prompt not in found]
        if not left or not samples:
            break
        requests = [
            Request(sha256_text(prompt), prompt, samples, system=own.system or "")
            for prompt in left
        ]
        path = folder / f"{how.name}.{name}.jsonl"
        settings = {
            "max_tokens": own.max_tokens or params.max_tokens,
            "max_model_len": params.max_model_len,
            "temperature": temperature,
            "top_p": 1.0,
            "dtype": run.params.evaluation.dtype,
            "seed": run.params.seed,
            "json_schema": rubric.reply.model_json_schema(),
        }
        sample(
            model,
            {path: requests},
            settings,
            folder / "logs" / f"{path.stem}.log",
            desc="Judging" if name == "first" else "Judging again",
            engine=at_hand(params.engine, JUDGES),
            section="evaluation.judge.engine",
        )
        given = predictions(path, requests)
        for prompt, request in zip(left, requests, strict=True):
            for number in range(samples):
                prediction = given.get((request.question_id, number))
                reply = parse(prediction.response, rubric.reply) if prediction else None
                if reply is not None:
                    found[prompt] = reply
                    break
    return found


def judge_model(run: Run, params: JudgeParams) -> Model | ServedModel:
    """The judge itself. Raises `UserError` when its weights cannot be had."""
    if params.engine.kind == "openai":
        assert params.served_as is not None
        return ServedModel(params.served_as, params.served_as, params.served_as)
    assert params.model is not None
    return load_model(run, params.model, "judge", "evaluation.judge.model")


def _grade(question: Question, prediction: Prediction, replies: dict[str, Reply]) -> Grade:
    prompt, about_reasoning = _prompts(question, prediction)
    reply = replies.get(prompt)
    facts: dict[str, Any] = {"extracted": "", **(reply.facts() if reply else {})}
    if by_original := _by_original(question, prediction):
        other = replies.get(by_original)
        facts["original"] = other.status if other else "ungraded"
    if about_reasoning:
        thought = replies.get(about_reasoning)
        facts["reasoning_status"] = thought.status if thought else "ungraded"
    return Grade(
        question_id=question.id,
        sample=prediction.sample,
        status=reply.status if reply else "ungraded",
        rule="judge" if reply else _NO_VERDICT,
        **facts,
    )
