"""Read evaluations from the run directory; loads neither torch nor vLLM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.engines.harness import harness_file
from llmc_lib.errors import UserError, printable
from llmc_lib.evaluation.race import Race
from llmc_lib.formatting import counted
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question, writable
from llmc_lib.store import Run, json_reader, read_jsonl, read_manifest, read_settings, scan_jsonl

#: In place of a text that must not be in a report.
WITHHELD = "(withheld: report.show_questions)"

# Characters of a judge's explanation that are kept in memory.
_EXPLANATION = 1000


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
    # How a race ended (`evaluation.stop`), and the rows of those that it has stopped; they are not among `models`.
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


def predictions_file(run: Run, benchmark: str, model: str) -> Path:
    """Where the predictions of a model on a benchmark are."""
    return run.predictions / benchmark / f"{model}.jsonl"


def curves_file(run: Run, model: str) -> Path:
    """Where the log of an imported model's training is, in the columns of a training of ours."""
    return run.training / model / "history.jsonl"


def grades_file(run: Run, benchmark: str, model: str, *, partial: bool = False) -> Path:
    """Where their grades by rules are; those of an unfinished evaluation are apart, as another process
    may be about to write the finished ones."""
    path = predictions_file(run, benchmark, model).with_suffix(".grades.jsonl")
    return run.predictions / "so_far" / benchmark / path.name if partial else path


def judged_file(run: Run, benchmark: str, model: str) -> Path:
    """Where their grades by a judge are, if there is one."""
    return predictions_file(run, benchmark, model).with_suffix(".judge.jsonl")


def store_files(run: Run, benchmark: str, model: str) -> list[Path]:
    """All files that an evaluation or an import leaves of a model and a benchmark; some may not be there."""
    path = predictions_file(run, benchmark, model)
    return [
        path,
        path.with_suffix(".settings.json"),
        harness_file(path),
        grades_file(run, benchmark, model),
        judged_file(run, benchmark, model),
        questions_file(run, benchmark),
    ]


def questions_file(run: Run, benchmark: str) -> Path:
    """Where the questions are that were imported with the answers."""
    return run.predictions / benchmark / "questions.jsonl"


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
        id_ for (id_, _), grade in _by_sample(path).items() if grade.get("status") == "correct"
    )
    return np.array([right[question.id] for question in questions], dtype=np.int64)


def asked_questions(run: Run, benchmark: BenchmarkParams) -> list[Question]:
    """The questions of a benchmark of a run; those that imported files hold once they are imported, before that none."""
    if benchmark.source == "imports":
        found = [Question(**row) for row in read_jsonl(questions_file(run, benchmark.name))]
        return question_bank.prepared(found, benchmark)
    return question_bank.asked(benchmark, run.params.seed)


def _left(results: Results, race: Race) -> Results:
    """The answers of those that a race has left, on the questions that were asked; those of the others are beside them."""
    names = [name for name in results.models if race.is_left(name)]
    answers, questions = results.answers, dict(results.questions)
    raced = answers["benchmark"] == race.benchmark
    questions[race.benchmark] = dict(islice(questions[race.benchmark].items(), race.n_questions))
    asked = ~raced | answers["question_id"].isin(set(questions[race.benchmark]))
    return replace(
        results,
        answers=answers[answers["model"].isin(names) & asked].reset_index(drop=True),
        models={name: label for name, label in results.models.items() if name in names},
        questions=questions,
        race=race,
        raced=answers[raced & ~answers["model"].isin(names)].reset_index(drop=True),
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
            else f"all models have answered {counted(ahead, 'question')}, and the first of the drawn order is not yet "
            "among them; those that are there are the ones with short answers"
        )
        if planned := run.params.evaluation.looks:
            name, part = next((n, p) for n, p in partial.items() if p["ahead"] == ahead)
            why = (
                f"the first of {planned} planned looks (evaluation.looks) is at {round(part['asked'] / planned)} "
                f"questions of {name}, and they have not all been answered by all models"
            )
    raise UserError(f"{run.predictions}: {why}; make status shows how far each is")


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


@dataclass(frozen=True)
class Stored:
    """Where the answers of one model to one benchmark are, with their grades, and who decides."""

    run: Run
    benchmark: str
    model: str
    judge_decides: bool
    partial: bool  # of an unfinished evaluation

    def rows(
        self, questions: Mapping[str, Question], samples: int, texts: Texts
    ) -> list[dict[str, Any]]:
        """A row a question and sample, also where there is no answer; `texts` notes where the texts are."""
        at = self.run, self.benchmark, self.model
        predictions = texts.index(predictions_file(*at), self.benchmark, self.model)
        rules = _by_sample(grades_file(*at, partial=self.partial))
        judged = _by_sample(judged_file(*at))
        rows = []
        for id_, question in questions.items():
            for sample in range(samples):
                key = id_, sample
                grades = rules.get(key), judged.get(key)
                row = {
                    "benchmark": self.benchmark,
                    "model": self.model,
                    "question_id": id_,
                    "sample": sample,
                }
                rows.append(row | self._row(question, predictions.get(key, {}), *grades))
        return rows

    def _row(
        self,
        question: Question,
        prediction: dict[str, Any],
        by_rules: dict[str, Any] | None,
        by_judge: dict[str, Any] | None,
    ) -> dict[str, Any]:
        grade = (by_judge if self.judge_decides else by_rules) or {}
        unjudged = by_rules and by_rules["rule"] in ("truncated", "failed", "empty")
        if self.judge_decides and not grade and unjudged:
            grade = by_rules or {}  # such an answer is no judge's business
        status = grade.get("status", "ungraded" if prediction else "missing")
        both = {**(by_rules or {}), **{k: v for k, v in grade.items() if v is not None}}
        # One grader for both keys: the rules, where the judge of a file has not seen the original one.
        keyed = grade if grade.get("original") else by_rules or {}
        return {
            "category": printable(" ".join(question.category.split())),  # a name in figures
            "cluster": question.cluster or None,
            "subsets": " ".join(question.subsets),
            "original_key": keyed.get("original"),
            "revised_key": keyed.get("status") if keyed.get("original") else None,
            "status": status,
            "correct": status == "correct",
            "by_rules": (by_rules or {}).get("status"),
            "by_judge": (by_judge or {}).get("status"),
            "truncated": prediction.get("finish_reason") == "length",
            "failed": prediction.get("finish_reason", "failed") == "failed",
            "extracted": writable(grade.get("extracted", "")),
            "rule": grade.get("rule", "missing"),
            "confidence": both.get("confidence"),
            "action": both.get("action"),
            "harmful": both.get("harmful"),
            "reasoning_status": both.get("reasoning_status"),
            "explanation": writable((by_judge or {}).get("explanation", ""))[:_EXPLANATION],
            "finish_reason": prediction.get("finish_reason", "missing"),
            "completion_tokens": prediction.get("completion_tokens", 0),
            "harness": prediction.get("harness", ""),
        }


class Texts(Mapping[tuple[str, str, str, int], tuple[str, str]]):
    """What models wrote, by the places of its lines in the files."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str, int], tuple[Path, int]] = {}

    def index(
        self, path: Path, benchmark: str, model: str
    ) -> dict[tuple[str, int], dict[str, Any]]:
        """Note the places of a file's predictions; returns all else of them, the last of each sample."""
        found = {}
        for place, row in scan_jsonl(path, _is_answer):
            key = row["question_id"], row.get("sample", 0)
            self._places[benchmark, model, *key] = path, place
            found[key] = {k: v for k, v in row.items() if k not in ("reasoning", "response")}
        return found

    def __getitem__(self, key: tuple[str, str, str, int]) -> tuple[str, str]:
        path, place = self._places[key]
        with open(path, "rb") as file:
            file.seek(place)
            row = json_reader.loads(file.readline())
        return writable(row.get("reasoning", "")), writable(row.get("response", ""))

    def __iter__(self) -> Iterator[tuple[str, str, str, int]]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _by_sample(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The last record of each question and sample."""
    return {(row["question_id"], row.get("sample", 0)): row for row in read_jsonl(path, _is_answer)}


def _is_answer(row: dict[str, Any]) -> bool:
    """Can a row be told to which answer it belongs? Others are not counted: the answer is missing."""
    return isinstance(row.get("question_id"), str) and isinstance(row.get("sample", 0), int)
