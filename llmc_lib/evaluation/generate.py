"""Have every model answer every benchmark: resumable, the same settings for all, nothing dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.engines.arguments import what_matters
from llmc_lib.engines.given import SERVERS, at_hand
from llmc_lib.engines.sampling import Request, sample, stream
from llmc_lib.engines.worker import is_worth_asking_again
from llmc_lib.errors import UserError
from llmc_lib.evaluation import grading, race
from llmc_lib.evaluation.asked import drawn_questions, requests, settings
from llmc_lib.evaluation.grades import grade_by_judge, grade_by_rules
from llmc_lib.evaluation.grading.judge import judge_key
from llmc_lib.evaluation.race import Race
from llmc_lib.evaluation.results import Results, load_results, read_results, right_answers
from llmc_lib.evaluation.stored import predictions_file, store_files
from llmc_lib.evaluation.variants import Variant, variants
from llmc_lib.models.hardware import computing_dtype
from llmc_lib.models.resolve import Model, ServedModel
from llmc_lib.params import AskingParams, BenchmarkParams
from llmc_lib.records import Prediction, Question
from llmc_lib.store import (
    Run,
    fingerprint,
    read_manifest,
    working,
    write_manifest,
)

_VERSION = 2


#: Questions of a benchmark → the label of each one's cluster, None where all are independent.
Clusters = Callable[[Sequence[Question], BenchmarkParams], Sequence[str] | None]


def own_clusters(questions: Sequence[Question], _: BenchmarkParams) -> Sequence[str] | None:
    """Those of `benchmarks[].cluster`, or none."""
    labels = [question.cluster for question in questions]
    return labels if any(labels) else None


def evaluate(
    run: Run, models: Sequence[Model | ServedModel], clusters: Clusters = own_clusters
) -> Results:
    """Sample and grade what is missing, then load the results of all `models`. A race takes the `clusters` of its questions for
    what is independent, as the report does.

    The first model is the reference that the others are compared with. Questions are asked in an order
    drawn by the seed, so that what is there at any moment is a fair sample (`so_far`).
    """
    if not finished(run, models):
        with working(run.folder, "evaluation"):
            _evaluate(run, models, clusters)
    return load_results(run)


def _evaluate(run: Run, models: Sequence[Model | ServedModel], clusters: Clusters) -> None:
    key = stage_key(run, models)
    start = time.monotonic()
    for other in variants(run):
        other.models_asked(models)  # a name that no model has is told now
    # From here on the results of other settings are not whole: their answers are set aside.
    (run.predictions / "manifest.json").unlink(missing_ok=True)
    asked = drawn_questions(run)
    raced = _race(run, models, asked, key, clusters)
    # Those that were stopped come last: what is decided rests on the others.
    last = [] if raced is None else [m for m in models if not raced.is_left(m.name)]
    in_turn = [*(model for model in models if model not in last), *last]
    for number, model in enumerate(in_turn, 1):
        desc = f"Evaluating {model.name} ({number} of {len(models)})"
        _sample(run, model, _of_model(asked, model, raced), desc)
        _grade(run, model, asked)
    grade_by_judge(run, [model.name for model in models], asked)
    outputs = [
        file for name in asked for model in models for file in store_files(run, name, model.name)
    ]
    given_up = _given_up(run, models, asked)
    for other in variants(run):
        files, failed = _evaluate_variant(other, models, asked, raced)
        outputs += files
        given_up += failed
    facts = _facts(run, models, asked) | {"given_up": given_up}
    if raced is not None:
        facts["race"] = raced.as_dict()
    write_manifest(run.predictions, key, time.monotonic() - start, outputs=outputs, **facts)


def _evaluate_variant(
    other: Variant,
    models: Sequence[Model | ServedModel],
    asked: dict[str, list[Question]],
    raced: Race | None,
) -> tuple[list[Path], int]:
    """Have models of the run answer under a variant; returns the files, and how many answers were given up."""
    files: list[Path] = []
    its_asked = other.asked(asked)
    its_models = [m for m in other.models_asked(models) if raced is None or raced.is_left(m.name)]
    for model in its_models:
        desc = f"Evaluating {model.name} again ({other.place})"
        _sample(other, model, _of_model(its_asked, model, raced), desc)
        _grade(other, model, its_asked)
        files += [file for name in its_asked for file in store_files(other, name, model.name)]
    grade_by_judge(other, [model.name for model in its_models], its_asked)
    return files, _given_up(other, its_models, its_asked)


def evaluate_one(run: Run, model: Model | ServedModel) -> None:
    """Sample and grade what is missing of one model, while others may be evaluated by other jobs. The evaluation is finished
    by `evaluate`, which then has nothing left to ask."""
    asked = drawn_questions(run)
    _sample(run, model, asked, f"Evaluating {model.name}")
    _grade(run, model, asked)


def unanswered(run: Run, model: Model | ServedModel) -> int:
    """How many answers of a model are not there, or may be had another time."""
    missing = 0
    for name, questions in drawn_questions(run).items():
        wanted, there = _there(run, name, questions, model.name)
        had = sum(not is_worth_asking_again(prediction) for prediction in there)
        missing += sum(request.samples for request in wanted) - had
    return missing


def _there(
    run: Run, benchmark: str, questions: Sequence[Question], model: str
) -> tuple[list[Request], Iterator[Prediction]]:
    """What a model is asked of a benchmark, and its answers without their texts."""
    wanted = requests(run, benchmark, questions, model)
    return wanted, stream(predictions_file(run, benchmark, model), wanted, texts=False)


def so_far(run: Run, models: Sequence[Model | ServedModel]) -> Results:
    """The results of an unfinished evaluation: a beginning of the drawn order that all models have answered.

    Nothing is sampled; another process may go on doing so. Models without an answer are left out, and
    named in the manifest's `not_begun`. A judge decides only once it has graded all of them.

    Raises `UserError` where two models have not answered such a beginning yet.
    """
    asked = drawn_questions(run)
    begun = [
        m for m in models if any(predictions_file(run, name, m.name).is_file() for name in asked)
    ]
    stopped: list[str] = []
    decided: dict[str, int] = {}
    if (raced_on := run.params.evaluation.raced_on) is not None:
        raced = race.so_far(run, stage_key(run, models), len(asked[raced_on]))
        stopped = [each.model for each in raced.stopped]
        decided[raced_on] = raced.n_questions
        begun = [m for m in begun if m.name not in stopped]
    for model in begun:
        for name, questions in asked.items():
            grade_by_rules(run, model.name, name, questions, partial=True)
    for other in variants(run):
        for model in other.models_asked(models):
            for name, questions in other.asked(asked).items():
                if predictions_file(other, name, model.name).is_file():
                    grade_by_rules(other, model.name, name, questions, partial=True)
    manifest = {
        **_facts(run, begun, asked),
        "not_begun": [m.name for m in models if m not in begun and m.name not in stopped],
        "stopped": stopped,
        "decided": decided,
    }
    return read_results(run, manifest, partial=True)


def finished(run: Run, models: Sequence[Model | ServedModel]) -> bool:
    """Are all answers of `models` there, sampled and graded under the present params? Those that were given up,
    as no server had them, are asked again."""
    manifest = read_manifest(run.predictions, stage_key(run, models))
    if manifest is None or manifest.get("given_up"):
        return False
    if "race" not in manifest:
        return True
    try:
        raced = Race.of(manifest["race"])
    except UserError:  # it is written again from the ledger
        return False
    return not race.goes_on(run, raced) and set(race.asked_of_all(run)) <= set(raced.also)


def stage_key(run: Run, models: Sequence[Model | ServedModel]) -> str:
    """The fingerprint of what the results are made from."""
    params = run.params.evaluation
    return fingerprint(
        version=_VERSION,
        grader=grading.VERSION,
        settings=settings(run),
        **_asking_key(run),
        engine=what_matters(params.engine.vllm),
        samples=params.samples,
        prompt=params.prompt,
        judge=judge_key(params.judge),
        benchmarks=[
            # Clusters change what is made of the answers, not the answers.
            {
                "digest": question_bank.digest(b),
                "subsets": question_bank.subsets_digest(b),
                **b.model_dump(mode="json", exclude={"cluster", "settings", "duplicates"}),
            }
            for b in params.benchmarks
        ],
        prompts=fingerprint(
            sha256=[
                request.prompt_sha256
                for name, questions in drawn_questions(run).items()
                for request in requests(run, name, questions)
            ]
        ),
        models={model.name: model.fingerprint for model in models},
        **_race_key(run),
        **_variants_key(run, models),
    )


def _variants_key(run: Run, models: Sequence[Model | ServedModel]) -> dict[str, Any]:
    """The variants that are asked for, where any are."""
    found = {other.place: stage_key(other, models) for other in variants(run)}
    return {"beside": found} if found else {}  # not renamed: finished evaluations stay finished


def _race_key(run: Run) -> dict[str, Any]:
    """What a race's decisions follow from, beside the answers."""
    stop, report = run.params.evaluation.stop, run.params.report
    if stop is None:
        return {}
    rule = {"matters": report.smallest_interesting_points, "alpha": report.significance}
    raced = next(b for b in run.params.evaluation.benchmarks if b.name == run.params.evaluation.raced_on)  # fmt: skip
    together = raced.model_dump(mode="json", include={"cluster", "duplicates"})
    of_stop = stop.model_dump(mode="json", exclude={"deadline", "safety"})
    return {"race": {**of_stop, **rule, **together}}


def _asking_key(run: Run) -> dict[str, Any]:
    """How often models are asked, and what is asked of single benchmarks, where these are not as `evaluation` says of all."""
    params = run.params.evaluation
    own = {
        b.name: settings(run, b.name)
        | {"samples": params.asking(b.name).samples}
        | {"judge": params.asking(b.name).judge.model_dump(mode="json")}
        for b in params.benchmarks
        if b.settings != AskingParams()
    }
    found: dict[str, Any] = {"asking": own} if own else {}
    return {**found, **({"samples_of": params.samples_of} if params.samples_of else {})}


def _facts(
    run: Run, models: Sequence[Model | ServedModel], asked: dict[str, list[Question]]
) -> dict[str, Any]:
    params = run.params.evaluation
    samples_of = {
        name: {model.name: params.samples_for(name, model.name) for model in models}
        for name in asked
    }
    return {
        "models": [{"name": model.name, "label": model.label} for model in models],
        "questions": {name: len(items) for name, items in asked.items()},
        "samples": max((k for each in samples_of.values() for k in each.values()), default=1),
        "samples_of": samples_of,
        "prompt": params.prompt,
        "settings": {name: settings(run, name) for name in asked},
        "dtype": computing_dtype(params.dtype),
    }


def _sample(
    run: Run, model: Model | ServedModel, asked: dict[str, list[Question]], desc: str
) -> None:
    """Run the engine on what the model has not answered yet, all benchmarks at once."""
    sample(
        model,
        {
            predictions_file(run, name, model.name): requests(run, name, questions, model.name)
            for name, questions in asked.items()
        },
        {predictions_file(run, name, model.name): settings(run, name) for name in asked},
        run.predictions / "logs" / f"{model.name}.log",
        desc=desc,
        engine=at_hand(run.params.evaluation.engine, SERVERS),
    )


def _grade(run: Run, model: Model | ServedModel, asked: dict[str, list[Question]]) -> None:
    for name, questions in asked.items():
        grade_by_rules(run, model.name, name, questions)


def _race(
    run: Run,
    models: Sequence[Model | ServedModel],
    asked: dict[str, list[Question]],
    key: str,
    clusters: Clusters,
) -> Race | None:
    """Go through the rounds of the race, where there is one; the answers of all rounds are there then."""
    benchmark = run.params.evaluation.raced_on
    if benchmark is None:
        return None
    params = next(b for b in run.params.evaluation.benchmarks if b.name == benchmark)
    by_name = {model.name: model for model in models}
    questions = asked[benchmark]

    def ask(name: str, beginning: Sequence[Question]) -> None:
        desc = f"Evaluating {name}, the first {len(beginning):,} of {benchmark}"
        _sample(run, by_name[name], {benchmark: list(beginning)}, desc)
        grade_by_rules(run, name, benchmark, questions)

    judge = run.params.evaluation.judge
    judged = judge is not None and judge.decides

    def right(names: Sequence[str], beginning: Sequence[Question]) -> dict[str, NDArray[np.int64]]:
        if judged:
            grade_by_judge(run, names, {benchmark: beginning})
        return {
            name: right_answers(run, benchmark, name, beginning, judged=judged) for name in names
        }

    labels = clusters(questions, params)
    found = race.hold(run, key, list(by_name), questions, ask, right, labels)
    return replace(found, also=race.asked_of_all(run))


def _of_model(
    asked: dict[str, list[Question]], model: Model | ServedModel, raced: Race | None
) -> dict[str, list[Question]]:
    """What a model is asked: one that a race has stopped no more than it was, and what all are asked (`race.asked_of_all`)."""
    if raced is None or raced.benchmark not in asked:
        return asked
    beginning = asked[raced.benchmark][: raced.questions_of(model.name)]
    if not raced.is_left(model.name):
        also = {name: questions for name, questions in asked.items() if name in raced.also}
        return {raced.benchmark: beginning, **also}
    return {**asked, raced.benchmark: beginning}


def _given_up(
    run: Run, models: Sequence[Model | ServedModel], asked: dict[str, list[Question]]
) -> int:
    """How many answers have failed that may be had another time."""
    return sum(
        is_worth_asking_again(prediction)
        for name, questions in asked.items()
        for model in models
        for prediction in _there(run, name, questions, model.name)[1]
    )
