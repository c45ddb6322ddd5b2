"""The benchmarks: one module each, with `load(path) -> list[Question]` and `prompt(question)`.

A new benchmark is a module here, a line in `MODULES`, and its name in `params.BenchmarkParams`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from types import ModuleType

from llmc_lib.benchmarks import do_not_answer, hle
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question
from llmc_lib.store import ROOT

MODULES: dict[str, ModuleType] = {"hle": hle, "do_not_answer": do_not_answer}


def path(benchmark: BenchmarkParams) -> Path:
    """The file that holds a benchmark's questions."""
    if benchmark.source == "embedded":
        return Path(str(resources.files(__package__).joinpath(MODULES[benchmark.name].EMBEDDED)))
    return ROOT / benchmark.source


def load(benchmark: BenchmarkParams) -> list[Question]:
    """The questions of a benchmark, in file order. Raises `UserError` for a broken file."""
    questions: list[Question] = MODULES[benchmark.name].load(path(benchmark))
    return questions


def prompt(question: Question) -> str:
    """The user turn that puts a question to a model."""
    text: str = MODULES[question.benchmark].prompt(question)
    return text
