"""What an import was, and whether several can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmc_lib.errors import UserError, shown


@dataclass
class Source:
    """What an import was, for the manifest."""

    model: str
    benchmark: str
    path: str  # as the params file has it
    files: dict[str, dict[str, str]]  # name → format and sha256
    samples: int = 1  # of a question
    answers: int = 0  # to questions of the benchmark
    verdicts: int = 0  # of them: with one
    unknown: int = 0  # answers to questions that the benchmark has not; they are left out
    missing: int = 0  # questions that the benchmark has and the import has not


def check_comparable(benchmark: str, answered: Sequence[tuple[Source, set[str]]]) -> None:
    """Can the imports of a benchmark be compared, each with the ids of the questions that it answers? The first model is the
    reference. Raises `UserError`."""
    _same_grader([source for source, _ in answered])
    _have_some_in_common(benchmark, answered)


def _same_grader(sources: Sequence[Source]) -> None:
    """Models that are graded by different graders cannot be compared."""
    judged = [source for source in sources if source.verdicts]
    if judged and len(judged) < len(sources):
        without = next(source for source in sources if not source.verdicts)
        raise UserError(
            f"{without.path}: has no verdicts, while {judged[0].path} has: the two would be graded by different "
            "graders; import both with verdicts, or HLE's files with format: hle_predictions, which leaves "
            "the grading of both to our rules"
        )


def _have_some_in_common(benchmark: str, answered: Sequence[tuple[Source, set[str]]]) -> None:
    """Models that have answered other questions cannot be compared."""
    ids: dict[str, set[str]] = {}
    paths: dict[str, str] = {}
    for source, of_one in answered:
        ids.setdefault(source.model, set()).update(of_one)
        paths.setdefault(source.model, source.path)
    reference, *others = ids
    for model in others:
        if not ids[reference] & ids[model]:
            first, second = (shown(min(ids[name])) for name in (reference, model))
            raise UserError(
                f"{paths[model]}: {model} answers no question of {benchmark!r} that {reference} answers in {paths[reference]} "
                f"(questions like {second}, and like {first}), so there is nothing to compare; give files of the same questions"
            )
