"""The benchmarks: one module each, with `load(path, fields) -> list[Question]` and `prompt(question, style)`.

A new benchmark is a module here, a line in `MODULES`, and a line in `llmc_lib.kinds.KINDS`, which says what it
measures. A plain file of questions and answers needs no module: kind "questions".
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import ModuleType

from llmc_lib.benchmarks import do_not_answer, hle, over_refusal, questions, skills
from llmc_lib.benchmarks.files import question_rows, text
from llmc_lib.benchmarks.order import drawn
from llmc_lib.errors import UserError
from llmc_lib.models import hub
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prompt, Question
from llmc_lib.store import ROOT, fingerprint, is_hub_id, sha256_file

MODULES: dict[str, ModuleType] = {
    "hle": hle,
    "do_not_answer": do_not_answer,
    "over_refusal": over_refusal,
    "questions": questions,
    "skills": skills,
}


def path(benchmark: BenchmarkParams) -> Path:
    """The file that holds a benchmark's questions, or the folder of a hub set, which is fetched once.

    Raises `UserError` for a hub set that is gated, absent or out of reach.
    """
    if benchmark.source == "embedded":
        return Path(str(resources.files(__package__).joinpath(MODULES[benchmark.module].EMBEDDED)))
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
    """All questions of a benchmark, in file order. Raises `UserError` for a broken file, and for one without the
    field of the clusters."""
    found: list[Question] = MODULES[benchmark.module].load(path(benchmark), benchmark.fields)
    return clustered(found, benchmark) if benchmark.cluster else found


def clustered(found: list[Question], benchmark: BenchmarkParams) -> list[Question]:
    """The questions with the cluster that `benchmark.cluster` gives each: a field of ours (category, subject), or
    one of the file. Raises `UserError` where a question has none."""
    field = str(benchmark.cluster)
    if field in ("category", "subject"):
        labels = {question.id: getattr(question, field) for question in found}
    else:
        id_field = benchmark.fields.get("id", "") if benchmark.module == "questions" else "id"
        labels = {
            text(row.record.get(id_field)) or str(number): row.record.get(field)
            for number, row in enumerate(question_rows(path(benchmark), [id_field, field]), 1)
        }
    for question in found:
        if labels.get(question.id) in (None, ""):
            raise UserError(
                f"evaluation.benchmarks.{benchmark.name}.cluster: question {question.id} has no {field!r}; give a field "
                "that every question has, or leave it out"
            )
    return [replace(question, cluster=str(labels[question.id])) for question in found]


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
    turns: Prompt = MODULES[question.benchmark].prompt(question, style)
    return turns
