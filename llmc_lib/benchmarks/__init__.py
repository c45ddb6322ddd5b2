"""The benchmarks: one module each, which declares as `BENCHMARK` all that other parts need to know of it.

A module of this folder that has a `BENCHMARK` is one, by its own name; nothing lists them. A plain file of questions
and answers needs no module: kind "questions". How questions are read and put is in `llmc_lib.question_bank`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from llmc_lib.benchmarks.declaration import Benchmark, Measure
from llmc_lib.language import tr

__all__ = ["DECLARED", "Benchmark", "Measure", "called", "declared", "measure", "measuring"]


def _declared() -> dict[str, Benchmark]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: import_module(f"{__name__}.{name}") for name in names}
    return {name: m.BENCHMARK for name, m in modules.items() if hasattr(m, "BENCHMARK")}


#: Name → what the module of that name declares.
DECLARED: Mapping[str, Benchmark] = _declared()


def declared(kind: str) -> Benchmark:
    """What is known of a benchmark; of one that has no module (in metrics.json of another version) that it has
    questions with answers."""
    found = DECLARED.get(kind)
    return found or Benchmark(title=kind, question=DECLARED["questions"].question)


def measure(kind: str) -> Measure:
    """What a benchmark measures."""
    return declared(kind).measure


def measuring(wanted: Measure) -> list[str]:
    """The names of the benchmarks that measure this."""
    return [name for name, benchmark in DECLARED.items() if benchmark.measure == wanted]


def called(kind: str, n: int, *, embedded: bool) -> str:
    """Its questions in a sentence, after "on": "Do-Not-Answer"; of embedded ones, which are this project's own in the
    published form, "the 40 embedded instructions in Do-Not-Answer's form"."""
    found = declared(kind)
    if not embedded:
        return found.name
    given = {"n": n, "benchmark": found.name}
    if found.measure == Measure.ACCURACY:
        if found.hub:
            return tr("the {n:,} embedded questions in {benchmark}'s form", **given)
        return tr("the {n:,} embedded questions of {benchmark}", **given)
    if found.hub:
        return tr("the {n:,} embedded instructions in {benchmark}'s form", **given)
    return tr("the {n:,} embedded instructions of {benchmark}", **given)
