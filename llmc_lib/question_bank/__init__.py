"""The questions of a run's benchmarks: where they are, how they are read, in which order they are asked, and how
they are put to a model. What each benchmark is, its module of `llmc_lib.benchmarks` declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

from llmc_lib.benchmarks import declared
from llmc_lib.benchmarks.rows import text
from llmc_lib.errors import UserError, shown
from llmc_lib.models import hub
from llmc_lib.models.prompts import question_prompt
from llmc_lib.params import BenchmarkParams
from llmc_lib.question_bank.files import question_rows
from llmc_lib.question_bank.order import drawn
from llmc_lib.question_bank.subsets import divided, subsets_digest, unknown_ids
from llmc_lib.records import Prompt, Question
from llmc_lib.store import ROOT, fingerprint, is_hub_id, sha256_file

__all__ = [
    "asked", "clustered", "digest", "divided", "load", "path", "prepared", "prompt", "question_rows", "read",
    "subsets_digest", "unknown_ids",
]  # fmt: skip

#: Fields of ours that can be clusters.
_OURS = ("category", "subject")


def path(benchmark: BenchmarkParams) -> Path:
    """The file that holds a benchmark's questions, or the folder of a hub set, which is fetched once.

    Raises `UserError` for a hub set that is gated, absent or out of reach.
    """
    if benchmark.source == "embedded":
        folder = resources.files("llmc_lib.benchmarks")
        return Path(str(folder.joinpath(declared(benchmark.module).embedded)))
    if not is_hub_id(benchmark.source):
        return ROOT / benchmark.source
    where = (
        f"evaluation.benchmarks.{benchmark.name}.source: {benchmark.source}@{benchmark.revision}"
    )
    patterns = ["*.parquet", "*.jsonl", "*.csv"]
    return hub.download(benchmark.source, benchmark.revision, patterns, where=where, kind="dataset")


def digest(benchmark: BenchmarkParams) -> str:
    """A hash of where a benchmark's questions come from: the file's bytes, or the hub's commit."""
    if is_hub_id(benchmark.source):
        return fingerprint(source=benchmark.source, revision=benchmark.revision)
    place = path(benchmark)
    files = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
    digests = [sha256_file(file) for file in files]
    return digests[0] if place.is_file() else fingerprint(files=digests)


def load(benchmark: BenchmarkParams) -> list[Question]:
    """All questions of a benchmark that are not excluded, in file order. Raises `UserError` for a broken file, for one
    without the field of the clusters, and as `divided` does."""
    field = None if benchmark.cluster in _OURS else benchmark.cluster
    if benchmark.source == "embedded" and not benchmark.fields:
        found = [*_embedded(benchmark.module, path(benchmark), field)]
    else:
        found = read(benchmark.module, path(benchmark), benchmark.fields, cluster=field)
    return prepared(found, benchmark)


@lru_cache(maxsize=8)
def _embedded(kind: str, path: Path, cluster: str | None) -> tuple[Question, ...]:
    """What travels with the package does not change, and is read several times in a process."""
    return tuple(read(kind, path, cluster=cluster))


def prepared(found: list[Question], benchmark: BenchmarkParams) -> list[Question]:
    """Questions that were read, with their subsets and clusters, without those that are excluded. Raises `UserError` as
    `divided` and `clustered` do."""
    found = divided(found, benchmark)
    return clustered(found, benchmark) if benchmark.cluster else found


def read(
    kind: str, path: Path, fields: Mapping[str, str] | None = None, *, cluster: str | None = None
) -> list[Question]:
    """The questions of a file in the schema of a benchmark, or with a map of `fields` (kind "questions").

    `cluster` is a field of the file that becomes the questions' cluster. Raises `UserError` with the row of the
    first error, and where there is no question.
    """
    benchmark, fields = declared(kind), fields or {}
    columns = (*(benchmark.columns or fields.values()), *([cluster] if cluster else []))
    questions: dict[str, Question] = {}
    number = 0
    for number, row in enumerate(question_rows(path, columns), 1):
        try:
            question = benchmark.question(row.record, fields)
        except ValueError as error:
            raise UserError(f"{row.where}: {error}") from None
        except KeyError as error:
            raise UserError(row.lacks(error.args[0])) from None
        if question is None:
            continue
        group = text(row.record.get(cluster)) if cluster else ""
        question = replace(question, id=question.id or str(number), benchmark=kind, cluster=group)
        if question.id in questions:
            raise UserError(
                f"{row.where}: id {shown(question.id)} is given twice; ids must be unique"
            )
        questions[question.id] = question
    if not questions:
        raise UserError(f"{path}: no text-only question in its {number:,} rows")
    return list(questions.values())


def clustered(found: list[Question], benchmark: BenchmarkParams) -> list[Question]:
    """The questions with the cluster that `benchmark.cluster` gives each: a field of ours (category, subject), or
    the field of the file that they have already. Raises `UserError` where a question has none."""
    field = str(benchmark.cluster)
    if field in _OURS:
        found = [replace(question, cluster=getattr(question, field)) for question in found]
    for question in found:
        if not question.cluster:
            raise UserError(
                f"evaluation.benchmarks.{benchmark.name}.cluster: question {question.id} has no {field!r}; give a field "
                "that every question has, or leave it out"
            )
    return found


def asked(benchmark: BenchmarkParams, seed: int) -> list[Question]:
    """The questions that models are asked, in the order in which they are: see `order.drawn`.

    All, or the first `benchmark.questions` of the order. Raises `UserError` for a broken file, and
    where there are fewer.
    """
    found = load(benchmark)
    if benchmark.questions is not None and benchmark.questions > len(found):
        raise UserError(
            f"evaluation.benchmarks.{benchmark.name}.questions: {benchmark.questions} are asked for, and "
            f"{path(benchmark)} has {len(found)}; lower it, or leave it out"
        )
    return drawn(found, seed)[: benchmark.questions]


def prompt(question: Question, style: str = "brief") -> Prompt:
    """The turns that put a question to a model; `style` is `evaluation.prompt` of the params."""
    turns = declared(question.benchmark).prompt(question, style)
    return turns or Prompt(question_prompt(question.question, question.answer_type))
