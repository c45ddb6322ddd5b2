"""Read evaluations from the run directory; loads neither torch nor vLLM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.evaluation.race import Race
from llmc_lib.evaluation.stored import (
    Stored,
    Texts,
    by_sample,
    grades_file,
    judged_file,
    predictions_file,
    questions_file,
)
from llmc_lib.formatting import counted
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question
from llmc_lib.store import Run, read_jsonl, read_manifest, read_settings

#: In place of a text that must not be in a report.
WITHHELD = "(withheld: report.show_questions)"


@dataclass(frozen=True)
class Results:
    """All answers of all models.

    `answers` has one row a (benchmark, model, question_id, sample), also where a model gave none:
    category, cluster (None where `benchmarks[].cluster` is not set), status ("correct", "incorrect", "ungraded", "missing") by the grader that decides, correct
    (bool; only "correct" is True), by_rules and by_judge (the status that each gives, None where it
    gave none), truncated, failed, extracted, rule, confidence (percent or NaN), action, harmful,
    reasoning_status, subsets (names with spaces between), original_key and revised_key (the statuses that one grader gives by both
    answers of a question whose answer was revised, else None), explanation (a judge's, its beginning), finish_reason, completion_tokens,
    harness (its name in <predictions>.harness.json, "" where none was recorded). Models and questions keep the order of the
    evaluation. What the models wrote stays on disk, as it may be gigabytes: `texts` reads it.

    Of an unfinished evaluation it holds a beginning of the order in which the questions are drawn, up to the first one that
    some model has not answered `samples` times, and `partial` says how long it is.
    """

    answers: pd.DataFrame
    models: dict[str, str]  # name → label; the first is the reference
    questions: dict[str, dict[str, Question]]  # benchmark → id → question
    manifest: dict[str, Any]
    partial: dict[str, dict[str, int]] | None = None  # benchmark → asked, answered, ahead
    # Benchmark → who decides what is correct: "rules", or "judge" where one has graded all models.
    graders: dict[str, str] = field(default_factory=dict)
    # (benchmark, model, question id, sample) → (reasoning, response); read when asked for.
    texts: Mapping[tuple[str, str, str, int], tuple[str, str]] = field(default_factory=dict)
    # Benchmarks whose questions, and what was written about them, must not be in a report.
    withheld: frozenset[str] = frozenset()
    # How a race ended (`evaluation.stop`), and the rows of those that it has stopped, on what they were asked; they are not among
    # `models`.
    race: Race | None = None
    raced: pd.DataFrame = field(default_factory=pd.DataFrame)

    def some(self, n: int, seed: int) -> pd.DataFrame:
        """Rows of `n` answers drawn by the seed, with what the models wrote, unless it is `withheld`."""
        given = self.answers[self.answers["status"] != "missing"]
        rows = given.sample(min(n, len(given)), random_state=seed)
        keys = rows[["benchmark", "model", "question_id", "sample"]].itertuples(
            index=False, name=None
        )
        texts = [self.texts[key] for key in keys]
        rows = rows.assign(reasoning=[t[0] for t in texts], response=[t[1] for t in texts])
        written = [c for c in ("reasoning", "response", "extracted", "explanation") if c in rows]
        rows.loc[rows["benchmark"].isin(self.withheld), written] = WITHHELD
        return rows

    @property
    def kinds(self) -> dict[str, str]:
        """Benchmark → its kind, a key of `benchmarks.DECLARED`."""
        return {
            name: next(iter(items.values())).benchmark
            for name, items in self.questions.items()
            if items
        }


def load_results(run: Run) -> Results:
    """The finished evaluation of a run. Raises `UserError` where there is none, and for models that
    were sampled under different settings."""
    manifest = read_manifest(run.predictions)
    if manifest is None:
        raise UserError(
            f"{run.predictions}: no finished evaluation; run notebook 3 or make report first"
        )
    return read_results(run, manifest)


def read_results(run: Run, manifest: dict[str, Any], *, partial: bool = False) -> Results:
    """The results that a manifest lists; `partial`: of a beginning of the questions."""
    models = {model["name"]: model["label"] for model in manifest["models"]}
    questions = {
        b.name: {question.id: question for question in asked_questions(run, b)}
        for b in run.params.evaluation.benchmarks
    }
    _check_fair(run, list(questions), list(models))
    graders = {name: _grader(run, name, list(models)) for name in questions}
    texts = Texts()
    rows = [
        row
        for benchmark, items in questions.items()
        for model in models
        for row in Stored(run, benchmark, model, graders[benchmark] == "judge", partial).rows(
            items, samples_of(manifest, benchmark, model), texts
        )
    ]
    answers = pd.DataFrame(rows)
    results = Results(
        answers,
        models,
        questions,
        manifest,
        graders=graders,
        texts=texts,
        withheld=run.params.withheld,
    )
    if partial:
        return _beginning(results, run)
    found = manifest.get("race")
    return results if found is None else _left(results, Race.of(found))


def samples_of(manifest: Mapping[str, Any], benchmark: str, model: str) -> int:
    """How many samples of each question a model was asked for; models and benchmarks may differ."""
    given = manifest.get("samples_of", {}).get(benchmark, {})
    return int(given.get(model, manifest.get("samples", 1)))


def right_answers(
    run: Run, benchmark: str, model: str, questions: Sequence[Question], *, judged: bool
) -> NDArray[np.int64]:
    """(n,): how many of a model's answers to each question are right, by the judge or by the rules; those that are missing,
    and those that no judge is asked about, are not."""
    path = (judged_file if judged else grades_file)(run, benchmark, model)
    right = Counter(
        id_ for (id_, _), grade in by_sample(path).items() if grade.get("status") == "correct"
    )
    return np.array([right[question.id] for question in questions], dtype=np.int64)


def asked_questions(run: Run, benchmark: BenchmarkParams) -> list[Question]:
    """The questions of a benchmark of a run; those that imported files hold once they are imported, before that none."""
    if benchmark.source == "imports":
        found = [Question(**row) for row in read_jsonl(questions_file(run, benchmark.name))]
        return question_bank.prepared(found, benchmark)
    return question_bank.asked(benchmark, run.params.seed)


def _left(results: Results, race: Race) -> Results:
    """The answers of those that a race has left, on the questions that were asked; those of the others are beside them. The
    best of the candidates is the last one, which the verdict is about: a race is held to find it, and its intervals hold for
    all of them."""
    names = [name for name in results.models if race.is_left(name)]
    answers, questions = results.answers, dict(results.questions)
    raced = answers["benchmark"] == race.benchmark
    questions[race.benchmark] = dict(islice(questions[race.benchmark].items(), race.n_questions))
    asked = ~raced | answers["question_id"].isin(set(questions[race.benchmark]))
    right = answers[raced & asked].groupby("model")["correct"].sum()
    best = max(names[1:], key=lambda name: right[name])
    names = [*(name for name in names if name != best), best]
    also = raced | answers["benchmark"].isin(race.also)
    return replace(
        results,
        answers=answers[answers["model"].isin(names) & asked].reset_index(drop=True),
        models={name: results.models[name] for name in names},
        questions=questions,
        race=race,
        raced=answers[also & ~answers["model"].isin(names)].reset_index(drop=True),
    )


def _beginning(results: Results, run: Run) -> Results:
    """The part of an unfinished evaluation that a look may use: of each benchmark the beginning of the drawn order that all
    models have answered. Of the questions behind it those are there first that have short answers."""
    answers, kept, partial = results.answers, {}, {}
    for name, items in results.questions.items():
        rows = answers[answers["benchmark"] == name] if len(answers) else answers
        lacking = set(rows[rows["status"] == "missing"]["question_id"]) if len(rows) else set(items)
        whole = next((n for n, id_ in enumerate(items) if id_ in lacking), len(items))
        # In a race what its rounds have decided on, so that a judge has graded all of it.
        whole = min(whole, results.manifest["decided"].get(name, whole))
        used = run.params.evaluation.in_look(whole, len(items))
        kept[name] = dict(islice(items.items(), used))
        partial[name] = {
            "asked": len(items),
            "answered": used,
            # Answered by all models, and not used.
            "ahead": len(items) - len(lacking) - used,
        }
    _check_begun(results, kept, partial, run)
    kept = {name: items for name, items in kept.items() if items}
    wanted = [
        row["question_id"] in kept.get(row["benchmark"], {}) for row in answers.to_dict("records")
    ]
    return replace(
        results, answers=answers[wanted].reset_index(drop=True), questions=kept, partial=partial
    )


def _check_begun(
    results: Results,
    kept: Mapping[str, Mapping[str, Question]],
    partial: Mapping[str, Mapping[str, int]],
    run: Run,
) -> None:
    """Is there anything to look at? Raises `UserError` if not."""
    if any(kept.values()) and len(results.models) > 1:
        return
    why = "no question has been answered by two models yet"
    ahead = max((part["ahead"] for part in partial.values()), default=0)
    if ahead and len(results.models) > 1:
        why = (
            "the first round of the race (evaluation.stop) is not over"
            if run.params.evaluation.stop
            else f"all models have answered {counted(ahead, 'question')}, but not yet the first of the drawn order; "
            "short answers arrive first"
        )
        if planned := run.params.evaluation.looks:
            name, part = next((n, p) for n, p in partial.items() if p["ahead"] == ahead)
            why = (
                f"the first of {planned} planned looks (evaluation.looks) is at {round(part['asked'] / planned)} "
                f"questions of {name}, and they have not all been answered by all models"
            )
    raise UserError(f"{run.predictions}: {why}; make status shows how far each model is")


def _check_fair(run: Run, names: list[str], models: list[str]) -> None:
    """Are all models of a comparison sampled under the same settings? Raises `UserError` if not."""
    for benchmark in names:
        first: tuple[str, dict[str, Any]] | None = None
        for model in models:
            path = predictions_file(run, benchmark, model).with_suffix(".settings.json")
            if not path.exists():
                continue
            found = read_settings(path)
            if found is None:  # it is set aside, and the evaluation is done again
                continue
            found.pop("model", None)
            if first is None:
                first = model, found
            different = [
                key for key in {**first[1], **found} if first[1].get(key) != found.get(key)
            ]
            if different:
                key = different[0]
                raise UserError(
                    f"{path}: {model} was sampled with {key} {found.get(key)!r}, {first[0]} with "
                    f"{first[1].get(key)!r}; only answers under the same settings can be compared: "
                    "run the evaluation again"
                )


def _grader(run: Run, benchmark: str, models: list[str]) -> str:
    """Who decides what is correct: a judge only where it has graded all models, so that one grader
    has graded all."""
    judge = run.params.evaluation.judge
    all_judged = all(judged_file(run, benchmark, model).exists() for model in models)
    return "judge" if all_judged and (judge is None or judge.decides) else "rules"
