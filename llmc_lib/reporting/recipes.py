"""Which models of a run are trainings of one recipe, and what more of each costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib import question_bank
from llmc_lib.analysis.recipe_design import Costs
from llmc_lib.analysis.summary import Trained
from llmc_lib.evaluation.results import Results
from llmc_lib.params.seeds import is_whole, trained_as
from llmc_lib.store import Run


def trained(run: Run, results: Results, training: Mapping[str, Any]) -> Trained:
    """What the analysis is to know of the trainings of a run; `training`, the manifest of that stage.

    Costs are those of this run: the mean time of a recipe's trainings, and the time of the evaluation for each of its completions.
    """
    recipes = run.params.repeated(results.models)
    if not recipes:
        return Trained({})
    answer = _seconds_an_answer(results)
    costs = {}
    for name in recipes:
        of = [recipe.name for recipe in run.params.recipes if recipe.of == trained_as(name)]
        facts = [training.get("candidates", {}).get(training_of, {}) for training_of in of]
        seconds = [float(found["seconds"]) for found in facts if found.get("seconds")]
        if seconds and answer:
            costs[name] = Costs(sum(seconds) / len(seconds), answer)
    whole = frozenset(name for name in recipes if is_whole(name))
    return Trained(recipes, whole, costs, frozenset(_with_more(run, results)))


def _seconds_an_answer(results: Results) -> float:
    """Of the evaluation; 0 where it is not known (imported answers, or one that is not finished)."""
    manifest = results.manifest
    answers = int(sum(manifest.get("questions", {}).values())) * len(results.models)
    seconds = manifest.get("seconds")
    if results.partial is not None or not seconds or not answers:
        return 0.0
    return float(seconds / (answers * int(manifest.get("samples") or 1)))


def _with_more(run: Run, results: Results) -> list[str]:
    """The benchmarks that have more questions than were asked."""
    return [
        benchmark.name
        for benchmark in run.params.evaluation.benchmarks
        if benchmark.questions is not None
        and benchmark.source != "imports"
        and len(question_bank.load(benchmark)) > len(results.questions.get(benchmark.name, {}))
    ]
