"""Replay: the run's base model answers general prompts, and what it says is trained on again.

The method is that of Huang et al., "Mitigating Catastrophic Forgetting in Large Language Models with
Self-Synthesized Rehearsal" (ACL 2024, arXiv:2403.01244), with prompts that are given instead of made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmc_lib.dataset.problems import sampling_seed
from llmc_lib.dataset.sources import Draft, row_source
from llmc_lib.dataset.sources.replay import prompts
from llmc_lib.engines.sampling import Request, predictions, sample
from llmc_lib.errors import UserError
from llmc_lib.language import N_
from llmc_lib.models.prompts import join
from llmc_lib.models.resolve import author_name, load_model, model_licence
from llmc_lib.params import EngineParams, ReplaySampling, SourceParams
from llmc_lib.records import Prediction
from llmc_lib.store import Run

# Words of which a repetition is counted, and the share of a response's words that may lie in one.
_NGRAM, _REPEATED = 5, 0.15


@dataclass(frozen=True)
class Replayed:
    """What the base model's answers to the prompts of one source came to.

    `kept` + `truncated` + `repetitive` + `empty` + `failed` = `prompts`; a prompt without a usable answer is
    counted by its first one.
    """

    model: str  # its name, as author of the responses
    prompts: int
    samples: int  # of each prompt
    kept: int
    truncated: int  # cut at the token limit
    repetitive: int  # goes round in circles
    empty: int  # nothing but reasoning, or nothing at all
    failed: int  # the prompt is too long for max_model_len


#: Outcome → why the row has no response, in words.
FAULTS = {
    "truncated": N_("the base model's answer was cut at the token limit"),
    "repetitive": N_("the base model's answer repeats itself"),
    "empty": N_("the base model's answer is empty"),
    "failed": N_("the prompt is too long for max_model_len"),
}


def replay(run: Run) -> tuple[dict[str, list[Draft]], dict[str, Replayed]]:
    """The rows of each source of kind "replay", and what they came to.

    Kept is of each prompt the first answer that ended by itself, says something and does not repeat
    itself. All answers stay in runs/<run>/dataset/replay/<source>, and only what is missing there is
    sampled. Raises `UserError` when the model or a file of prompts cannot be had, `WorkerError` when the
    engine fails.
    """
    rows, facts = {}, {}
    for source in replayed(run):
        rows[source.name], facts[source.name] = _answered(run, source)
    return rows, facts


def replayed(run: Run) -> list[SourceParams]:
    """The run's sources of kind "replay"."""
    return [source for source in run.params.dataset.sources if row_source(source) == "replay"]


def _answered(run: Run, source: SourceParams) -> tuple[list[Draft], Replayed]:
    params = source.sampling or ReplaySampling()
    try:
        asked = prompts(source)
    except UserError as error:
        raise UserError(f"dataset.sources: {source.name}: {error}") from None
    model = load_model(run, run.params.model, "base")
    seed = run.params.seed
    requests = [
        Request(p.id, p.prompt, params.samples, sampling_seed(seed, f"{source.name}/{p.id}"))
        for p in asked
    ]
    folder = run.dataset / "replay" / source.name
    path = folder / f"{model.fingerprint}.jsonl"
    sample(
        model,
        {path: requests},
        {
            **params.model_dump(exclude={"samples"}),
            "dtype": run.params.evaluation.dtype,
            "seed": seed,
        },
        folder / "logs" / f"{model.fingerprint}.log",
        desc=f"Replay by {model.name}",
        engine=EngineParams(max_num_seqs=run.params.evaluation.engine.max_num_seqs),
        retry_failed=False,
    )
    found = predictions(path, requests)
    author, licence = author_name(run.params.model), model_licence(run.params.model, model)
    drafts: list[Draft] = []
    counts: Counter[str] = Counter()
    for prompt in asked:
        answers = [found[prompt.id, number] for number in range(params.samples)]
        outcome, answer = _choose(answers)
        counts[outcome] += 1
        drafts.append(
            Draft(
                question=prompt.prompt,
                completion=join(answer.reasoning, answer.response),
                subject=prompt.subject,
                author=author,
                author_kind="open model",
                row_id=prompt.id,
                licence=source.licence if source.licence != "unknown" else licence,
                revision=prompt.revision,
                fault=FAULTS.get(outcome, ""),
            )
        )
    return drafts, Replayed(
        author,
        len(asked),
        params.samples,
        **{name: counts[name] for name in ("kept", *FAULTS)},
    )


def _choose(answers: Sequence[Prediction]) -> tuple[str, Prediction]:
    """The first usable answer, else the first one, and what it is."""
    outcomes = [(outcome(answer), answer) for answer in answers]
    return next((pair for pair in outcomes if pair[0] == "kept"), outcomes[0])


def outcome(answer: Prediction) -> str:
    """ "kept", or why an answer is not: one of `FAULTS`."""
    if answer.finish_reason == "failed":
        return "failed"
    if answer.finish_reason != "stop":
        return "truncated"
    if not answer.response.strip():
        return "empty"
    return "repetitive" if repetitive(answer.response) else "kept"


def repetitive(text: str) -> bool:
    """Does a text go round in circles: do more than 15% of its words lie in a run of 5 that was there before?

    After the filter of Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training
    Gopher" (arXiv:2112.11446), table A1, which counts characters.
    """
    words = text.lower().split()
    seen: set[tuple[str, ...]] = set()
    again = [False] * len(words)
    for start in range(len(words) - _NGRAM + 1):
        run = tuple(words[start : start + _NGRAM])
        if run in seen:
            again[start : start + _NGRAM] = [True] * _NGRAM
        seen.add(run)
    return sum(again) > _REPEATED * len(words)
