"""What the section `gate` asks about: a candidate and categories that the report will have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from llmc_lib.benchmarks import Measure, declared
from llmc_lib.errors import instead, shown
from llmc_lib.preflight.problem import Problem
from llmc_lib.records import Question
from llmc_lib.store import Run


def problems(run: Run, questions: Mapping[str, Sequence[Question]]) -> Iterator[Problem]:
    """A candidate that no model of the run can be called, and categories that the main benchmark has not.

    `questions`: those that this machine has, by benchmark.
    """
    gate = run.params.gate
    if gate is None:
        return
    of_a_recipe = gate.about == "recipe"  # which the schema has checked
    if (
        gate.candidate is not None
        and not of_a_recipe
        and (problem := _candidate(run, gate.candidate))
    ):
        yield Problem(("gate", "candidate"), problem)
    main, known = _categories(run, questions)
    for name in gate.categories if known else ():
        if name not in known:
            hint = instead(name, known, f"it has {', '.join(known)}")
            yield Problem(
                ("gate", "categories", name), f"no category {shown(name)} of {main}; {hint}"
            )


def _candidate(run: Run, name: str) -> str:
    evaluation = run.params.evaluation
    several = [candidate.name for candidate in run.params.candidates if len(candidate.seeds) > 1]
    if name in (*several, *run.params.report.recipes):
        return (
            f"{shown(name)} is a recipe, not a model; give about: recipe, or name one of its models"
        )
    if evaluation.imports:
        known = [*dict.fromkeys(item.model for item in evaluation.answered)][1:]
    else:
        known = [model.name for model in evaluation.models]
        trained = [recipe.model_name("#") for recipe in run.params.recipes]
        steps = "|".join(re.escape(each).replace(re.escape("#"), r"\d+") for each in trained)
        if re.fullmatch(steps, name):
            return ""
        known += [each.replace("#", "<number>") for each in trained]
    if name in known:
        return ""
    hint = instead(name, known, f"there are {', '.join(known[:8])}")
    return f"{shown(name)} is no candidate of the report; {hint}"


def _categories(
    run: Run, questions: Mapping[str, Sequence[Question]]
) -> tuple[str, dict[str, None]]:
    """The benchmark of the verdict and its categories; none where they are not known on this machine."""
    for benchmark in run.params.evaluation.benchmarks:
        main = run.params.report.main or benchmark.name
        if benchmark.name == main and benchmark.measure == Measure.ACCURACY:
            found = questions.get(main)
            known = declared(benchmark.module).categories if found is None else ()
            return main, dict.fromkeys(known or (q.category for q in found or ()))
    return "", {}
