"""Questions, examples and finished predictions: are they there, and do they have what the params name?"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from llmc_lib import question_bank
from llmc_lib.benchmarks import Measure, declared
from llmc_lib.errors import UserError, near, shown
from llmc_lib.formatting import counted
from llmc_lib.params import BenchmarkParams, CasesParams
from llmc_lib.preflight import gate
from llmc_lib.preflight.problem import Problem, noted
from llmc_lib.records import Question
from llmc_lib.store import ROOT, Run, is_hub_id
from llmc_lib.store.data_files import file_texts

#: Of more unknown questions than this the nearest is not looked for.
_HINTS = 20


def problems(run: Run) -> list[Problem]:
    """What is wrong with the data that a run names."""
    found: list[Problem] = []
    questions = _benchmarks(run, found)
    if run.params.evaluation.imports:
        _imports(run, found)
    else:
        _sources(run, found)
        _rates(run, found)
        found += _pairs(run)
        _teacher(run, found)
        _decontamination(run, found)
    if not found:  # the names below are looked up in what has been read
        found += _named(run, questions)
        found += _race(run, questions)
        found += gate.problems(run, questions)
    return found


def warnings(run: Run) -> list[str]:
    """Ids in files of `exclude` and `subsets` that are of no question."""
    told = []
    for benchmark in run.params.evaluation.benchmarks:
        if (benchmark.subsets or benchmark.exclude) and _is_here(benchmark):
            place = question_bank.path(benchmark)
            found = question_bank.read(benchmark.module, place, benchmark.fields)
            told += [f"warning: {line}" for line in question_bank.unknown_ids(found, benchmark)]
    return told


def _is_here(benchmark: BenchmarkParams) -> bool:
    """Are a benchmark's questions on this machine?"""
    return not (benchmark.source == "imports" or is_hub_id(benchmark.source))


def _benchmarks(run: Run, found: list[Problem]) -> dict[str, list[Question]]:
    """The questions that this machine has, by benchmark."""
    questions = {}
    for number, benchmark in enumerate(run.params.evaluation.benchmarks):
        if not _is_here(benchmark):
            continue
        key = "questions" if benchmark.source == "embedded" else "source"
        prefix = f"evaluation.benchmarks.{benchmark.name}."
        problems: list[Problem] = []
        with noted(problems, "evaluation", "benchmarks", number, key):
            questions[benchmark.name] = question_bank.asked(benchmark, run.params.seed)
        for _, message in problems:  # it begins with the key, where that is another one
            named, _, rest = message.removeprefix(prefix).partition(": ")
            keys = named.split(".") if message.startswith(prefix) else [key]
            message = rest if message.startswith(prefix) else message
            found.append(Problem(("evaluation", "benchmarks", number, *keys), message))
    return questions


def _imports(run: Run, found: list[Problem]) -> None:
    from llmc_lib.evaluation.importers import curves, files  # loads pandas

    seen: dict[tuple[str, str], str] = {}
    for number, item in enumerate(run.params.evaluation.imports):
        if item.training is not None:
            with noted(found, "evaluation", "imports", number, "training"):
                curves.read(ROOT / item.training, item.training_run)
        if not item.path:
            continue
        with noted(found, "evaluation", "imports", number, "path"):
            place = (os.path.realpath(ROOT / item.path), item.benchmark)
            if place in seen:
                raise UserError(
                    f"{shown(item.path)} is given for {shown(seen[place])} already, and the same answers would count "
                    "twice; give the file of another model or sample"
                )
            seen[place] = item.model
            if next(files.read(item, ROOT / item.path), None) is None:
                raise UserError(f"{item.path}: has no answer; give a file with some")


def _sources(run: Run, found: list[Problem]) -> None:
    """The first row of each source that is read from this machine, by the source's own reader."""
    here = [(n, s) for n, s in enumerate(run.params.dataset.sources) if s.path or s.rejected]
    if not here:
        return
    from llmc_lib.dataset.sources import read, replay, row_source  # loads pandas and pyarrow

    for number, source in here:
        prefix = f"dataset.sources: {source.name}: "
        key = "path" if source.path else "rejected"
        with noted(found, "dataset", "sources", number, key, without=prefix):
            if row_source(source) != "replay":
                next(read(source, run.params.seed), None)
            elif not replay.prompts(source):  # its rows are written later, by a model
                raise UserError(f"{source.path}: has no prompt; give a file with some")


def _rates(run: Run, found: list[Problem]) -> None:
    rates = run.params.dataset.difficulty.rates
    if rates is not None:
        from llmc_lib.dataset.stored_rates import check_rates

        with noted(found, "dataset", "difficulty", "rates", "path"):
            check_rates(rates)


def _pairs(run: Run) -> Iterator[Problem]:
    """Candidates that learn from pairs, of which their sources have none."""
    for recipe in run.params.recipes:
        sources = (recipe.mixture or run.params.dataset).sources
        if recipe.training.method not in ("dpo", "orpo"):
            continue
        if not any(source.rejected or "rejected" in source.fields for source in sources):
            own = ("candidates", recipe.number) if recipe.listed else ("training",)
            yield Problem(
                (*own, "method"),
                f"{recipe.training.method} learns from pairs, and no source of its data set has rejected responses; give one "
                "of kind files with fields: {question: prompt, completion: chosen, rejected: rejected}, or a source of "
                "refusals rejected: a file of harmful answers to its prompts (docs/preferences.md)",
            )


def _teacher(run: Run, found: list[Problem]) -> None:
    if run.params.dataset.completions.enabled:
        from llmc_lib.dataset.steps.completions import teachers_kind

        prefix = f"{run.params_file.name}: dataset.completions.model: "
        with noted(found, "dataset", "completions", "model", without=prefix):
            teachers_kind(run)


def _decontamination(run: Run, found: list[Problem]) -> None:
    params = run.params.dataset.decontamination
    if not params.enabled or not params.files:
        return
    for number, name in enumerate(params.files):
        keys = ("dataset", "decontamination", "files", number)
        with noted(found, *keys):
            if next(file_texts(ROOT / name, name), None) is None:
                raise UserError(f"{name}: has no text; leave it out")


def _named(run: Run, questions: dict[str, list[Question]]) -> Iterator[Problem]:
    """Categories and ids of questions that the report is to show, and that no benchmark has."""
    report = run.params.report
    cases = report.cases if isinstance(report.cases, CasesParams) else CasesParams()
    if not (report.select or cases.categories or cases.ids):
        return
    known = _known(run, questions)
    if known is None:
        return
    categories, ids = known
    yield from _absent("category", report.select or (), categories, "report", "select")
    yield from _absent(
        "category", cases.categories or (), categories, "report", "cases", "categories"
    )
    yield from _absent("question", cases.ids if ids else (), ids, "report", "cases", "ids")


def _race(run: Run, questions: dict[str, list[Question]]) -> Iterator[Problem]:
    """A minimum of questions of a category that a race would wait for to its end."""
    stop, raced = run.params.evaluation.stop, run.params.evaluation.raced_on
    counts = Counter(question.category for question in questions.get(raced or "", ()))
    if stop is None or not counts:
        return
    category, least = min(counts.items(), key=lambda item: item[1])
    if stop.min_per_category > least:
        yield Problem(
            ("evaluation", "stop", "min_per_category"),
            f"{raced} has {counted(least, 'question')} of the category {shown(category)}, and no round would decide "
            f"anything before the last; give at most {least}",
        )


def _absent(
    what: str, names: Sequence[str], known: dict[str, None], *keys: str
) -> Iterator[Problem]:
    absent = [(number, name) for number, name in enumerate(names) if name not in known]
    some = ", ".join(itertools.islice(known, 8))
    for number, name in absent:
        # Looking for the nearest of thousands takes long; so many errors are not told.
        meant = near(name, known) if len(absent) <= _HINTS else None
        hint = f"did you mean {meant!r}?" if meant else f"there are {some}"
        yield Problem((*keys, number), f"no {what} {shown(name)} in the evaluation; {hint}")


def _known(
    run: Run, questions: dict[str, list[Question]]
) -> tuple[dict[str, None], dict[str, None]] | None:
    """The categories and ids of all benchmarks with reference answers; no ids where some are not known, None
    where no category is."""
    categories: dict[str, None] = {}
    ids: dict[str, None] = {}
    whole = True
    for benchmark in run.params.evaluation.benchmarks:
        kind = declared(benchmark.module)
        if kind.measure == Measure.ACCURACY:
            categories |= dict.fromkeys(kind.categories)
        items = questions.get(benchmark.name)
        if items is None and benchmark.source == "imports":
            items = _imported(run, benchmark.name)
        if items is None:
            if kind.measure == Measure.ACCURACY and not kind.categories:
                return None
            whole = False
            continue
        answered = [item for item in items if item.answer_type != "instruction"]
        categories |= dict.fromkeys(item.category for item in answered)
        ids |= dict.fromkeys(item.id for item in answered)
    return (categories, ids if whole else {}) if categories else None


def _imported(run: Run, benchmark: str) -> list[Question] | None:
    """The questions that the imports of a benchmark hold."""
    from llmc_lib.evaluation.importers import files

    found: dict[str, Question] = {}
    with suppress(UserError):
        for item in run.params.evaluation.answered:
            if item.benchmark == benchmark:
                for one in files.read(item, ROOT / item.path):
                    if one.question is not None:
                        found.setdefault(one.question.id, one.question)
        return list(found.values())
    return None
