"""How near each question of a benchmark is to the rows that a candidate was trained on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from llmc_lib.analysis.summary import Near
from llmc_lib.answers import options
from llmc_lib.benchmarks import Measure, declared
from llmc_lib.dataset.texts.nearest import nearest
from llmc_lib.evaluation.results import Results
from llmc_lib.params import Recipe
from llmc_lib.records import Question
from llmc_lib.store import Run

_COLUMNS = ("id", "question", "answer")


def nearness(run: Run, results: Results) -> dict[str, dict[str, dict[str, Near]]]:
    """Benchmark with right and wrong answers → model → question id → the nearest training row.

    Models that were not trained in this run are left out, as are those whose rows are not there. A row is told by its id.
    """
    if run.params.evaluation.imports:
        return {}
    trained = {name: r for name in results.models if (r := _recipe(run, name)) is not None}
    files = {name: run.data(recipe) / "train.parquet" for name, recipe in trained.items()}
    found: dict[str, dict[str, dict[str, Near]]] = {}
    for path in {path for path in files.values() if path.is_file()}:
        ids, texts, answers = (list(column) for column in _rows(path))
        for name, items in results.questions.items():
            if not items or declared(results.kinds[name]).measure != Measure.ACCURACY:
                continue
            near = _near(list(items.values()), ids, texts, answers)
            for model in (model for model, of_model in files.items() if of_model == path):
                found.setdefault(name, {})[model] = near
    return found


def row_texts(run: Run, model: str, ids: Collection[str]) -> dict[str, str]:
    """The questions of training rows of a model: id → text."""
    recipe = _recipe(run, model)
    if recipe is None or not ids:
        return {}
    found, texts, _ = (list(column) for column in _rows(run.data(recipe) / "train.parquet"))
    return {id_: text for id_, text in zip(found, texts, strict=True) if id_ in set(ids)}


def _recipe(run: Run, model: str) -> Recipe | None:
    """What a model is a checkpoint of."""
    for recipe in run.params.recipes:
        if re.fullmatch(re.escape(recipe.model_name("")) + r"\d+", model):
            return recipe
    return None


def _rows(path: Path) -> Iterator[Iterable[str]]:
    """The columns id, question and answer of training rows."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=list(_COLUMNS), memory_map=True)
    for name in _COLUMNS:
        yield (text or "" for text in table[name].to_pylist())


def _near(
    questions: list[Question], ids: list[str], texts: list[str], answers: list[str]
) -> dict[str, Near]:
    forms = [_forms(question) for question in questions]
    found = nearest([question.question for question in questions], texts, forms, answers)
    columns = zip(
        found.similarity.tolist(),
        found.place.tolist(),
        found.with_answer.tolist(),
        found.place_with_answer.tolist(),
        strict=True,
    )
    return {
        question.id: Near(
            similarity,
            ids[place] if place >= 0 else "",
            with_answer,
            ids[other] if other >= 0 else "",
        )
        for question, (similarity, place, with_answer, other) in zip(
            questions, columns, strict=True
        )
    }


def _forms(question: Question) -> set[str]:
    """The answer, and of a choice its text."""
    return {question.answer, options(question.question).get(question.answer, question.answer)}
