"""Put the imports of a run into its store, in the form in which an evaluation leaves it.

For each model and benchmark: `<model>.jsonl` (Prediction rows), beside it `<model>.grades.jsonl` (Grade
rows, by our rules) and, where a file has verdicts, `<model>.judge.jsonl` (Grade rows of rule "imported"),
which decide. An answer without a verdict among answers that have one is `ungraded`; one that was cut at
the token limit is wrong, whatever the file says of it, as in every evaluation here. A benchmark that has
no file of its own (`source: imports`) gets its questions from the imported files: `questions.jsonl`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from llmc_lib import question_bank
from llmc_lib.benchmarks import declared
from llmc_lib.errors import UserError
from llmc_lib.evaluation import grading
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.evaluation.importers import curves, files
from llmc_lib.evaluation.importers.records import IMPORTED, Imported
from llmc_lib.evaluation.importers.source import Source, check_comparable
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.evaluation.stored import (
    curves_file,
    grades_file,
    judged_file,
    predictions_file,
    questions_file,
    store_files,
)
from llmc_lib.params import BenchmarkParams, ImportParams
from llmc_lib.records import Grade, Prediction, Question
from llmc_lib.store import (
    ROOT,
    Run,
    fingerprint,
    read_manifest,
    read_settings,
    set_aside,
    sha256_file,
    whole_file,
    working,
    write_jsonl,
    write_manifest,
    write_settings,
)

_VERSION = 3
#: In place of the settings of a file of answers that were sampled here.
_IMPORTED = {"imported": True}
#: So many characters of responses are graded at a time.
_TOGETHER = 50_000_000


def import_all(run: Run) -> Results:
    """Import and grade what the params file lists, unless that is done, and load the results.

    Models keep the order of the params file; the first is the reference that the others are compared
    with. Several imports of one model and benchmark are further samples of the same questions.

    Raises `UserError` for a file that is broken, that has an answer twice, or that holds no question of
    its benchmark, and where answers were sampled under the run's name.
    """
    if not imported(run):
        with working(run.folder, "import"):
            _import(run)
    return load_results(run)


def _import(run: Run) -> None:
    key = stage_key(run)
    start = time.monotonic()
    trainings = _trainings(run)
    done = [_import_benchmark(run, b) for b in run.params.evaluation.benchmarks]
    write_manifest(
        run.predictions,
        key,
        time.monotonic() - start,
        outputs=[
            file
            for benchmark in done
            for model in _models(run)
            for file in store_files(run, benchmark.name, model)
        ]
        + [curves_file(run, model) for model in trainings],
        models=[{"name": name, "label": label} for name, label in _models(run).items()],
        questions={benchmark.name: benchmark.questions for benchmark in done},
        samples=max(most for benchmark in done for most in benchmark.samples.values()),
        samples_of={benchmark.name: benchmark.samples for benchmark in done},
        imports=[asdict(source) for benchmark in done for source in benchmark.sources],
        trainings=trainings,
    )


def _trainings(run: Run) -> dict[str, dict[str, str]]:
    """Write the curves of the trainings that imports name: model → what its log was, for the manifest."""
    done = {}
    for item in run.params.evaluation.imports:
        if item.training:
            log = curves.read(ROOT / item.training, item.training_run)
            write_jsonl(curves_file(run, item.model), log.rows)
            done[item.model] = {"format": log.format, "path": item.training}
    return done


def imported(run: Run) -> bool:
    """Are all imports of the present params there?"""
    return read_manifest(run.predictions, stage_key(run)) is not None


def stage_key(run: Run) -> str:
    """The fingerprint of what the results are made from."""
    evaluation = run.params.evaluation
    return fingerprint(
        version=_VERSION,
        grader=grading.VERSION,
        imports=[
            [
                item.model_dump(mode="json"),
                [[known, sha256_file(file)] for file, known in _files(item)],
            ]
            for item in evaluation.answered
        ],
        trainings=[
            [item.model, item.training_run, curves.digest(ROOT / item.training)]
            for item in evaluation.imports
            if item.training
        ],
        seed=run.params.seed,  # which questions, where a benchmark's are drawn
        benchmarks=[
            {
                "digest": None if b.source == "imports" else question_bank.digest(b),
                "files": question_bank.subsets_digest(b),
                **b.model_dump(mode="json", exclude={"duplicates"}),
            }
            for b in evaluation.benchmarks
        ],
    )


@dataclass
class _Benchmark:
    name: str
    questions: int
    samples: dict[str, int]  # model → of a question
    sources: list[Source] = field(default_factory=list)


def _models(run: Run) -> dict[str, str]:
    """Name → label, in the order of the params file."""
    labels: dict[str, str] = {}
    for item in run.params.evaluation.answered:
        labels[item.model] = labels.get(item.model) or item.label
    for item in run.params.evaluation.answered:
        labels[item.model] = labels[item.model] or f"from {Path(item.path).name}"
    return labels


def _files(item: ImportParams) -> list[tuple[Path, str]]:
    return files.find(item, ROOT / item.path)


def _import_benchmark(run: Run, benchmark: BenchmarkParams) -> _Benchmark:
    own = benchmark.source != "imports"
    asked = question_bank.asked(benchmark, run.params.seed) if own else []
    questions = {question.id: question for question in asked}
    answered: list[tuple[Source, set[str]]] = []
    samples: dict[str, int] = {}
    for model in _models(run):
        items = [
            item
            for item in run.params.evaluation.answered
            if (item.model, item.benchmark) == (model, benchmark.name)
        ]
        found = _import_model(run, model, benchmark, items, questions)
        answered += found
        samples[model] = sum(source.samples for source, _ in found)
    if not own:
        path = questions_file(run, benchmark.name)
        write_jsonl(path, (asdict(question) for question in questions.values()))
    check_comparable(benchmark.name, answered)
    sources = [source for source, _ in answered]
    for source, ids in answered:
        source.missing = len(questions.keys() - ids)
    return _Benchmark(benchmark.name, len(questions), samples, sources)


def _import_model(
    run: Run,
    model: str,
    benchmark: BenchmarkParams,
    items: list[ImportParams],
    questions: dict[str, Question],
) -> list[tuple[Source, set[str]]]:
    """Write the three files of a model; the questions that each import answers. Where the benchmark has no
    questions of its own, those of the files are added to `questions`."""
    own = benchmark.source != "imports"
    find = _Finder(benchmark, questions) if own else None
    path = predictions_file(run, benchmark.name, model)
    _claim(path)
    judge_path = judged_file(run, benchmark.name, model)
    answered: list[tuple[Source, set[str]]] = []
    with ExitStack() as stack:
        predictions, grades, judge = (
            stack.enter_context(whole_file(file))
            for file in (path, grades_file(run, benchmark.name, model), judge_path)
        )
        for item in items:
            source, ids = _source(item), set[str]()
            first = sum(earlier.samples for earlier, _ in answered)
            for chunk in _chunks(_matched(item, source, questions, first, find)):
                pairs = [(questions[one.prediction.question_id], one.prediction) for one in chunk]
                for ruled in grade_all(pairs, desc=f"Grading {model}, {benchmark.name}"):
                    _write(grades, ruled)
                for one in chunk:
                    _write(predictions, one.prediction)
                    _write(judge, _decided(one.grade, one.prediction))
                    ids.add(one.prediction.question_id)
            if not source.answers:
                raise UserError(
                    f"{item.path}: none of its {source.unknown:,} answers is to a question of the benchmark "
                    f"{benchmark.name!r} ({len(questions):,} questions); give the file with its questions as "
                    "`source` of the benchmark"
                )
            answered.append((source, ids))
    if not any(source.verdicts for source, _ in answered):
        judge_path.unlink()
    return answered


class _Finder:
    """Which question of a benchmark an answer is to: by the question's own words, where the file has them, as some
    programs number their rows anew; else by its id, with the benchmark's prefix or without."""

    def __init__(self, benchmark: BenchmarkParams, questions: dict[str, Question]) -> None:
        self._ids = questions
        self._prefix = declared(benchmark.module).prefix
        self._texts: dict[str, str | None] = {}
        for question in questions.values():
            words = _words(question.question)
            self._texts[words] = None if words in self._texts else question.id  # None: of several

    def __call__(self, one: Imported) -> str | None:
        """The question's id; None where the benchmark has no such question."""
        named = one.prediction.question_id
        by_text = self._texts.get(_words(one.asked)) if one.asked else None
        known = (id_ for id_ in (named, f"{self._prefix}{named}") if id_ in self._ids)
        return by_text or next(known, None)


def _words(text: str) -> str:
    return " ".join(text.split())


def _source(item: ImportParams) -> Source:
    named = {
        file.name: {"format": known, "sha256": sha256_file(file)} for file, known in _files(item)
    }
    return Source(item.model, item.benchmark, item.path, named)


def _matched(
    item: ImportParams,
    source: Source,
    questions: dict[str, Question],
    first: int,
    find: _Finder | None,
) -> Iterator[Imported]:
    """The answers of an import to questions of the benchmark, their samples numbered from `first`; what
    they are is counted in `source`."""
    seen = set[tuple[str, int]]()
    for one in files.read(item, ROOT / item.path):
        prediction = one.prediction
        if find is not None:
            id_ = find(one)
            if id_ is None:
                source.unknown += 1
                continue
            prediction = replace(prediction, question_id=id_)
        else:
            question = _added(one.question, item, questions)
            prediction = replace(prediction, question_id=question.id)
        key = (prediction.question_id, prediction.sample)
        if key in seen:
            raise UserError(
                f"{item.path}: question {key[0]!r} is answered twice (the second time in a file "
                f"{prediction.engine.removeprefix('imported from ')}); keep one, or give each run an import "
                "of its own: they are then samples"
            )
        seen.add(key)
        source.answers += 1
        source.verdicts += one.grade is not None
        source.samples = max(source.samples, prediction.sample + 1)
        yield replace(one, prediction=replace(prediction, sample=first + prediction.sample))


def _added(
    question: Question | None, item: ImportParams, questions: dict[str, Question]
) -> Question:
    """A question of a file among those of the files before it. Raises `UserError` where the file has none,
    and where one of them has another question of this id."""
    if question is None:
        raise UserError(
            f"{item.path}: its format does not hold the questions; give the file with them as `source` of the "
            f"benchmark {item.benchmark!r}"
        )
    known = questions.setdefault(question.id, question)
    if (known.question, known.answer) != (question.question, question.answer):
        raise UserError(
            f"{item.path}: question {question.id!r} or its answer is another one than in the files imported "
            "before it; only answers to the same questions can be compared"
        )
    return known


def _chunks(found: Iterator[Imported]) -> Iterator[list[Imported]]:
    """Answers in parts that fit in memory many times."""
    part, size = list[Imported](), 0
    for one in found:
        part.append(one)
        size += len(one.prediction.response) + len(one.prediction.reasoning) + 1000
        if size > _TOGETHER:
            yield part
            part, size = [], 0
    if part:
        yield part


def _decided(found: Grade | None, prediction: Prediction) -> Grade:
    """The row of the judge's file: the verdict of the imported file, within the rules of the house."""
    id_, sample = prediction.question_id, prediction.sample
    if prediction.finish_reason == "failed":
        return Grade(id_, sample, "ungraded", "", "failed")
    if prediction.finish_reason == "length":
        return Grade(id_, sample, "incorrect", "", "truncated")
    if found is None:
        return Grade(id_, sample, "ungraded", "", "no verdict")
    if found.status == "correct" and not prediction.response.strip():
        # Reasoning that was never closed, or nothing at all: some judges call that right, or safe.
        return Grade(id_, sample, "ungraded", "", "empty", reasoning_status=found.reasoning_status)
    return replace(found, question_id=id_, sample=sample, rule=IMPORTED)


def _claim(path: Path) -> None:
    """Mark a predictions file as an imported one, so that an evaluation under the same name sets it aside.
    Raises `UserError` where it holds answers that were sampled here."""
    sidecar = path.with_suffix(".settings.json")
    there = sidecar.exists()
    settings = read_settings(sidecar)
    if path.exists() and settings and "max_tokens" in settings:
        raise UserError(
            f"{path}: has answers that were sampled in this run; give the params file another `run`"
        )
    if path.exists() and there and settings != _IMPORTED:
        set_aside(path, "has answers that may have been sampled here or not")
    write_settings(sidecar, _IMPORTED)


def _write(handle: IO[bytes], record: Prediction | Grade) -> None:
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes "?".
    text = json.dumps(asdict(record), ensure_ascii=False)
    handle.write(text.encode(errors="replace") + b"\n")
