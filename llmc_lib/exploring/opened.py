"""Runs as they are explored: answers, texts, training logs and rows, read where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure, measure
from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.exploring import example
from llmc_lib.exploring.table import tidy
from llmc_lib.formatting import counted
from llmc_lib.processes.progress import say
from llmc_lib.records import Question
from llmc_lib.reporting.report import thresholds
from llmc_lib.reporting.training_page import read_histories
from llmc_lib.store import ROOT, Run, are_whole, open_run, read_manifest
from llmc_lib.store.variants import PARAMS as VARIANT

#: The key of an answer: benchmark, model, question id, sample.
Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Opened:
    """One run: what is there of it."""

    name: str
    results: Results | None  # None: it has not been evaluated
    histories: dict[str, pd.DataFrame]  # candidate → log of its training
    rows: dict[str, Path]  # mixture → its training rows, a Parquet file; the run's own is ""
    state: Path  # where marks, and the subsets that were compared, are kept
    reasoning: Path  # where checked claims are kept
    thresholds: Thresholds
    seed: int

    @cached_property
    def answers(self) -> pd.DataFrame:
        """Its answers as `table.tidy` has them."""
        return tidy(self.name, self.results)


class Runs:
    """Several runs, their answers in one table. Built by `open_runs`."""

    def __init__(self, opened: Sequence[Opened]) -> None:
        self.opened = {run.name: run for run in opened}
        #: All answers, a row each: see `table.tidy`.
        self.answers = _joined([run.answers for run in opened])

    def __repr__(self) -> str:
        lines = []
        for name, run in self.opened.items():
            part = self.answers[self.answers["run"] == name]
            models = ", ".join(run.results.models) if run.results else ""
            lines.append(
                f"{name}: {counted(len(part), 'answer')} of {models}"
                if models
                else f"{name}: not evaluated"
            )
        return "\n".join(lines)

    @property
    def first(self) -> Opened:
        """The run that was named first, whose thresholds hold."""
        return next(iter(self.opened.values()))

    def called(self, run: str, name: str) -> str:
        """What something of a run is called: with several runs after its run."""
        return f"{run}: {name}" if len(self.opened) > 1 else name

    def text(self, run: str, key: Key) -> tuple[str, str]:
        """Reasoning and response of an answer, read from disk; ("", "") where it has none, or must not be shown."""
        results = self.opened[run].results
        if results is None or key[0] in results.withheld:
            return "", ""
        return results.texts.get(key, ("", ""))

    def question(self, benchmark: str, id_: str) -> Question | None:
        """A question, of the first run that asks it; None where it must not be shown."""
        for run in self.opened.values():
            if run.results and id_ in run.results.questions.get(benchmark, {}):
                withheld = benchmark in run.results.withheld
                return None if withheld else run.results.questions[benchmark][id_]
        return None

    def benchmarks(self) -> list[str]:
        """The benchmarks with answers; those with right and wrong ones come first."""
        kinds = {
            name: kind
            for run in self.opened.values()
            for name, kind in (run.results.kinds if run.results else {}).items()
        }
        return sorted(kinds, key=lambda name: measure(kinds[name]) != Measure.ACCURACY)


def open_runs(places: str | Path | Iterable[str | Path]) -> Runs:
    """Open runs to explore: by params files, folders of runs (runs/<run>), or kept examples (reports/example).

    Neither torch nor vLLM is needed. Of a run whose evaluation is not finished the training and the data set can be
    looked at, which is said. Raises `UserError` for what is none of these, and where two runs have one name.
    """
    given = [places] if isinstance(places, str | Path) else list(places)
    if not given:
        raise UserError("PARAMS: names no run; give params files or folders of runs")
    opened = [_opened(Path(place)) for place in given]
    names = [run.name for run in opened]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"PARAMS: two runs are called {name!r}; give one of them")
    return Runs(opened)


def _opened(place: Path) -> Opened:
    path = place if place.is_absolute() or place.exists() else ROOT / place
    if path.is_dir():
        if example.is_example(path):
            return _of_example(path)
        return _of_run(open_run(_params_of(path), files=False))
    return _of_run(open_run(place, files=False))


def _params_of(folder: Path) -> Path:
    """The params file of a run's folder: a variant's own, or the one in params/ that names it."""
    for found in (folder / VARIANT, ROOT / "params" / f"{folder.name}.yaml"):
        if not found.is_file():
            continue
        run = open_run(found, files=False)
        if run.folder.resolve() == folder.resolve():
            return found
        if found.parent == folder:  # moved, or a copy
            raise UserError(
                f"{folder}: its {VARIANT} is that of {run.folder}; move it there, or give the run's own folder"
            )
    raise UserError(
        f"{folder}: is neither the folder of a run of params/{folder.name}.yaml nor an example to explore; give the run's "
        "params file"
    )


def _of_run(run: Run) -> Opened:
    results = None
    manifest = read_manifest(run.predictions)
    if manifest is None:
        say(
            f"{run.name}: no finished evaluation in {run.predictions}, so there are no answers to explore; run make report first"
        )
    elif are_whole(run.predictions, manifest.get("outputs", {})):
        results = load_results(run)
    else:  # what is gone would be shown as answers that the models did not give
        raise UserError(
            f"{run.predictions}: files of the evaluation are gone or were changed; make report PARAMS={run.shown} makes them again"
        )
    trained = (read_manifest(run.training) or {}).get("candidates", {})
    files = {"": run.dataset / "train.parquet"}
    files |= {r.name: run.data(r) / "train.parquet" for r in run.params.recipes if r.mixture}
    return Opened(
        run.name,
        results,
        read_histories(run, trained),
        {name: file for name, file in files.items() if file.is_file()},
        run.exploring,
        run.reasoning,
        thresholds(run.params.report),
        run.params.seed,
    )


def _of_example(folder: Path) -> Opened:
    """A kept example. It is part of the checkout, so what a person leaves is not written into it but into runs/."""
    found = example.read(folder)
    state = ROOT / "runs" / folder.name
    return Opened(
        folder.name,
        found.results,
        found.histories,
        {"": found.rows},
        state / "exploring",
        state / "reasoning",
        found.thresholds,
        found.seed,
    )


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames below each other, with the categories of all."""
    if len(frames) == 1:
        return frames[0]
    frames = [frame.copy(deep=False) for frame in frames]
    for column in frames[0].columns[frames[0].dtypes == "category"]:
        names = list(dict.fromkeys(name for f in frames for name in f[column].cat.categories))
        for frame in frames:
            frame[column] = frame[column].cat.set_categories(names)
    return pd.concat(frames, ignore_index=True)
