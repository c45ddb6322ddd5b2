"""A run: its params file, and the folders that belong to it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams, ModelParams, Params, Recipe, is_commit, is_hub_name
from llmc_lib.params.reader import load, where
from llmc_lib.processes.progress import say
from llmc_lib.store import variants
from llmc_lib.store.files import remove_remains, require_folder, set_aside
from llmc_lib.store.manifests import ROOT, from_root
from llmc_lib.store.working import deaths


@dataclass(frozen=True)
class Run:
    """A params file and the folders that belong to it."""

    params: Params
    params_file: Path

    def __repr__(self) -> str:
        """The run, and of a variant what it changes."""
        changed = variants.told(self.folder)
        return f"run {self.name} ({self.shown}){f', {changed}' if changed else ''}"

    @property
    def shown(self) -> Path:
        """The params file as messages call it: from the checkout, where it lies there."""
        return from_root(self.params_file) if Path.cwd() == ROOT else self.params_file

    @property
    def name(self) -> str:
        """The run's name, of its folder and its report."""
        return self.params.run

    @property
    def runs(self) -> Path:
        """The folder of all runs: where large files lie."""
        return ROOT / self.params.runs_dir

    @property
    def folder(self) -> Path:
        """The run's own folder, runs/<run>."""
        return self.runs / self.name

    @property
    def dataset(self) -> Path:
        """Of the data set: its files, its card, its manifest."""
        return self.folder / "dataset"

    def data(self, recipe: Recipe) -> Path:
        """Where the rows lie that a candidate is trained on."""
        return self.dataset / recipe.rows if recipe.mixture else self.dataset

    @property
    def training(self) -> Path:
        """Of the training: logs, checkpoints, its manifest."""
        return self.folder / "training"

    @property
    def models(self) -> Path:
        """Of the models that the training exports, a folder each."""
        return self.folder / "models"

    @property
    def predictions(self) -> Path:
        """Of the answers and grades, a folder a benchmark."""
        return self.folder / "predictions"

    @property
    def reasoning(self) -> Path:
        """What was found in the models' reasoning: false claims, a judge's opinion."""
        return self.folder / "reasoning"

    @property
    def looks(self) -> Path:
        """The ledger of all analyses of its evaluation (`ledger`)."""
        return self.folder / "looks.jsonl"

    @property
    def exploring(self) -> Path:
        """What a person left while exploring: marked questions, the subsets that were compared."""
        return self.folder / "exploring"

    @property
    def audit(self) -> Path:
        """Of grades checked by people: what was drawn, the sheets, the labels."""
        return self.folder / "audit"

    @property
    def report(self) -> Path:
        """Of the page and metrics.json: reports/<run>."""
        return ROOT / self.params.reports_dir / self.name


def open_run(
    params_file: str | Path,
    *,
    files: bool = True,
    override: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Run:
    """Open a run by its params file (looked up from the working directory, then from the checkout).

    With `override`, {"training.learning_rate": 1e-5}, or `name`, it is a variant: the same params but for these
    settings (`params.override` says how keys are written), as a run of its own in runs/<name> and reports/<name>. Its
    params are kept as runs/<name>/params.yaml, so that `make report` and all notebooks take it too, and what it changes
    is printed. A variant that is new begins with what it shares with the run it is made from, where that is there: the
    data set (hard links, which take no room), and the answers of the models that are not trained. The stages use of it
    what their fingerprints say is the same, and make the rest again. Opened again with other settings it is changed, as
    a run is by changing its file.

    Raises `UserError` when the params file is missing or wrong, or, unless `files` is False, when a
    file or folder of data that it names is missing; for an override that the file could not hold, or without a name;
    for a name that another run has.
    """
    path = Path(params_file)
    if not path.is_absolute() and not path.exists():
        path = ROOT / path
    path = path.resolve()
    shown = from_root(path)
    if shown.resolve() != path:  # the working directory is not the checkout
        shown = path
    if override is None and name is None:
        params = load(shown)
        _check_named(params, partial(where, shown), files=files)
        return _told(Run(params, path))
    given = variants.named(shown, override, name)
    params = load(shown, given)
    _check_named(params, partial(where, shown, override=given), files=files)
    origin = Run(load(shown), path)
    variant = Run(params, origin.runs / params.run / variants.PARAMS)
    variants.keep(shown, given, origin.params, params, (origin.folder, variant.folder))
    say(repr(variant))
    return _told(variant)


def _told(run: Run) -> Run:
    """The run, after telling of processes that have died while they worked on it."""
    for death in deaths(run.folder):
        say(death)
    return run


def _check_named(params: Params, place: Callable[..., str], *, files: bool) -> None:
    """Are the files, folders and models there that a params file names, as far as this machine tells?"""
    for number, benchmark in enumerate(params.evaluation.benchmarks):
        if files and (problem := _benchmark_problem(benchmark)):
            raise UserError(f"{place('evaluation', 'benchmarks', number, 'source')}: {problem}")
    for keys, named in _paths(params) if files else ():
        if named and not (ROOT / named).exists():
            raise UserError(
                f"{place(*keys)}: no file or folder {ROOT / named}; give a path from {ROOT}"
            )
    _check_model(params.model, place, "model")
    judge = params.evaluation.judge
    if judge is not None and judge.model is not None:
        _check_model(judge.model, place, "evaluation", "judge", "model")
    if params.evaluation.engine.kind == "vllm":
        for number, model in enumerate(params.evaluation.models):
            _check_model(model, place, "evaluation", "models", number)
    for name, section in (
        ("difficulty", params.dataset.difficulty),
        ("completions", params.dataset.completions),
    ):
        served = section.engine is not None and section.engine.kind == "openai"
        if section.model is not None and not served:
            _check_model(section.model, place, "dataset", name, "model")


def _paths(params: Params) -> Iterator[tuple[tuple[str | int, ...], str | None]]:
    """The files and folders that a params file names besides those of benchmarks and models, and where it does."""
    for number, item in enumerate(params.evaluation.imports):
        yield ("evaluation", "imports", number, "path"), item.path
        yield ("evaluation", "imports", number, "training"), item.training
    for number, source in enumerate(params.dataset.sources):
        yield ("dataset", "sources", number, "path"), source.path
    if params.dataset.difficulty.rates is not None:
        yield ("dataset", "difficulty", "rates", "path"), params.dataset.difficulty.rates.path


def is_hub_id(source: str) -> bool:
    """Is a source a hub repository, "owner/name", and no file or folder of this machine?"""
    named = is_hub_name(source)
    data = Path(source).suffix in (".jsonl", ".json", ".csv", ".parquet")
    return named and not data and not (ROOT / source).exists()


def _benchmark_problem(benchmark: BenchmarkParams) -> str:
    """What is wrong with where a benchmark's questions are, as far as this machine can tell."""
    source = benchmark.source
    if source in ("embedded", "imports") or (ROOT / source).exists():
        return ""
    if not is_hub_id(source):
        return (
            f"no file {ROOT / source}; give a path from {ROOT}, embedded, or a hub set (owner/name)"
        )
    if not is_commit(benchmark.revision):
        return (
            f"the hub set {source!r} needs `revision`, a commit (7 to 40 hexadecimal digits): a branch "
            "moves, and the run could not be repeated"
        )
    return ""


def _check_model(model: ModelParams, place: Callable[..., str], *keys: str | int) -> None:
    """Can this model be had, as far as the params file and this machine tell?"""
    source, adapter = model.source, model.adapter
    if adapter is None and model.adapter_revision is not None:
        raise UserError(
            f"{place(*keys, 'adapter_revision')}: is the commit of an `adapter`; give that too, or leave it out"
        )
    if adapter is not None and not (ROOT / adapter).is_dir():
        if not is_hub_name(adapter):
            raise UserError(
                f"{place(*keys, 'adapter')}: {adapter!r} is no folder; give that of a peft adapter, or a hub id "
                "(owner/name)"
            )
        if not is_commit(model.adapter_revision):
            raise UserError(
                f"{place(*keys, 'adapter_revision')}: must be a commit of the hub's adapter {adapter!r} (7 to 40 "
                "hexadecimal digits): a branch moves, and the run could not be repeated"
            )
    if source == "embedded" or (ROOT / source / "config.json").is_file():
        return
    if (ROOT / source).is_dir() or not is_hub_name(source):
        raise UserError(
            f"{place(*keys, 'source')}: {source!r} is not a folder with a config.json; give "
            "embedded, such a folder, or a hub id (owner/name)"
        )
    if not is_commit(model.revision):
        raise UserError(
            f"{place(*keys, 'revision')}: must be a commit of the hub model {source!r} (7 to 40 "
            "hexadecimal digits): a branch moves, and the run could not be repeated"
        )


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the run directory for this process; a second `make report` on it is refused."""
    run.folder.mkdir(parents=True, exist_ok=True)
    lock = run.folder / ".lock"
    if os.path.lexists(lock) and not lock.is_file():
        set_aside(lock, "is not a regular file")
    made = (run.dataset, run.training, run.models, run.predictions, run.reasoning, run.report)
    with open(lock, "a") as handle:  # "a": an unchanged run touches nothing
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{run.folder}: another process is working on this run; wait for it or stop it"
            ) from None
        for folder in (*made, run.report / "notebooks"):
            require_folder(folder)
        for benchmark in run.params.evaluation.benchmarks:
            require_folder(run.predictions / benchmark.name)
        for folder in (run.folder, run.report):
            remove_remains(folder)
        yield
