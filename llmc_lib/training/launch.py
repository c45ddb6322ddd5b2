"""Run the trainings of a run in processes of their own, show their progress, keep what they leave.

A candidate has a folder, runs/<run>/training/<candidate>: spec.json while it is being trained,
history.jsonl, logs/, checkpoints/ until it is complete, and then manifest.json. Its models go to
runs/<run>/models.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.models.resolve import Model, base_model, models_of
from llmc_lib.params import Recipe, TrainingParams
from llmc_lib.params.batches import batch_facts, batch_told
from llmc_lib.plan import refuse
from llmc_lib.processes.interrupts import Interrupted, first_interrupt
from llmc_lib.processes.progress import progress_bar, say
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import (
    Run,
    fingerprint,
    read_jsonl,
    read_manifest,
    read_object,
    read_word,
    remove,
    working,
    write_atomic,
    write_manifest,
)
from llmc_lib.training import cluster
from llmc_lib.training.check import check_rows
from llmc_lib.training.methods import METHODS, Method
from llmc_lib.training.quantize import require_gpu
from llmc_lib.training.starts import in_training_order, start_of, started_from

_VERSION = 2
# Settings that decide how and where a training runs, and not what comes out.
_NO_MATTER = {"cluster", "save_minutes"}


@dataclass(frozen=True)
class Trained:
    """A finished training. `history` has the rows of callbacks.History, `facts` what its manifest says."""

    recipe: Recipe
    history: pd.DataFrame
    models: list[Model]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Training:
    """The finished trainings of a run, by the names of their candidates."""

    candidates: dict[str, Trained]
    manifest: dict[str, Any]


def train(run: Run) -> Training:
    """Train the run's candidates; what is complete and has not changed is left as it is.

    A training that was interrupted resumes from its last complete checkpoint. Raises `UserError` for one that
    cannot fit into this machine or whose data set lacks a column, and `WorkerError` with the error of the
    process that failed first.
    """
    base = base_model(run)
    key = stage_key(run, base)
    if read_manifest(run.training, key) is not None:
        return load_training(run)
    left = [
        recipe
        for recipe in run.params.recipes
        if read_manifest(recipe_folder(run, recipe), recipe_key(run, base, recipe)) is None
    ]
    for recipe in left:
        check_rows(run, recipe)
    if left:
        for recipe in left:
            require_gpu(recipe)
        refuse(run, base.folder, left)
    with working(run.folder, "training"):
        for recipe in in_training_order(run.params.recipes):
            if recipe in left:
                _train(run, base, recipe)
    facts = {
        recipe.name: read_manifest(recipe_folder(run, recipe)) or {}
        for recipe in run.params.recipes
    }
    _tidy(run, facts)
    seconds = sum(manifest["seconds"] for manifest in facts.values())
    outputs = [
        file for recipe in run.params.recipes for file in _outputs(run, recipe, facts[recipe.name])
    ]
    write_manifest(run.training, key, seconds, outputs=outputs, base=base.label, candidates=facts)
    return load_training(run)


def load_training(run: Run) -> Training:
    """The finished trainings of a run."""
    manifest = read_manifest(run.training)
    if manifest is None:
        raise UserError(f"{run.training}: no finished training; run notebook 2 first")
    candidates = {}
    for recipe in run.params.recipes:
        facts = manifest["candidates"].get(recipe.name)
        if facts is None:
            raise UserError(f"{run.training}: no training of {recipe.name!r}; run notebook 2 again")
        history = pd.DataFrame(read_jsonl(recipe_folder(run, recipe) / "history.jsonl"))
        candidates[recipe.name] = Trained(recipe, history, models_of(run, facts), facts)
    return Training(candidates, manifest)


def finished(run: Run) -> bool:
    """Are the candidates complete and made from the present params and data set?"""
    return read_manifest(run.training, stage_key(run, base_model(run))) is not None


def recipe_folder(run: Run, recipe: Recipe) -> Path:
    """Where the training of a candidate leaves its work."""
    return run.training / recipe.name


def stage_key(run: Run, base: Model) -> str:
    """The fingerprint of what all candidates are made from."""
    return fingerprint(
        candidates={recipe.name: recipe_key(run, base, recipe) for recipe in run.params.recipes}
    )


def recipe_key(run: Run, base: Model, recipe: Recipe) -> str:
    """The fingerprint of what a candidate is made from."""
    dataset = read_manifest(run.dataset)
    if dataset is None:
        raise UserError(f"{run.dataset}: no finished data set; run notebook 1 first")
    rows = run.data(recipe).relative_to(run.dataset)
    names = [str(rows / f"{part}.parquet") for part in ("train", "validation")]
    others = {method.SECTION[0] for method in METHODS.values()}
    others -= {METHODS[recipe.training.method].SECTION[0]}
    start = started_from(run, recipe)
    return fingerprint(
        version=_VERSION,
        seed=_seed(run, recipe),
        training=_settings(recipe.training, _NO_MATTER | others),
        nodes=recipe.training.cluster.nodes,
        rows=[dataset["files"].get(name) for name in names],
        # Of the base all the same: what the other candidate starts from is in its key.
        base=recipe_key(run, base, start) if start else base.fingerprint,
    )


def _settings(training: TrainingParams, left_out: set[str]) -> dict[str, Any]:
    """The settings of a training; without those that are younger than some finished trainings, where they ask for nothing."""
    found = training.model_dump(mode="json", exclude=left_out)
    if found["sequence_parallel"] == 1:
        del found["sequence_parallel"]
    if found["lora"] and found["lora"]["quantization"] is None:
        del found["lora"]["quantization"]
    return found


def _seed(run: Run, recipe: Recipe) -> int:
    return run.params.seed if recipe.seed is None else recipe.seed


def _train(run: Run, base: Model, recipe: Recipe) -> None:
    """Train a candidate, from where an earlier process was stopped if there was one."""
    folder, key = recipe_folder(run, recipe), recipe_key(run, base, recipe)
    start_model = start_of(run, base, recipe)
    if not _has_key(folder, key):
        for path in folder.glob("*"):  # the logs stay
            if path.name != "logs":
                remove(path)
        for model in _own_models(run, recipe):
            remove(model)
        for mark in _marks(folder):
            write_atomic(mark, key)
    spec = {
        "key": key,
        # By its time, so that the logs of all attempts lie in their order.
        "attempt": f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}",
        "seed": _seed(run, recipe),
        "base": str(start_model.folder),
        "train": str(run.data(recipe) / "train.parquet"),
        "validation": str(run.data(recipe) / "validation.parquet"),
        "folder": str(folder),
        "models": str(run.models),
        "stop": str(folder / "stop"),  # asks for a checkpoint and the end
        "model_name": recipe.model_name("{step}"),
        "world_size": recipe.training.world_size,
        **recipe.training.model_dump(mode="json"),
    }
    (folder / "result.json").unlink(missing_ok=True)
    if recipe.asked:
        say(f"{recipe.name}: {batch_told(recipe.asked, recipe.training)}")
    start = time.monotonic()
    stop = Path(spec["stop"])
    stop.unlink(missing_ok=True)
    with _meanwhile(folder / "spec.json") as path, _meanwhile(stop):
        write_atomic(path, json.dumps(spec, indent=1))
        _watch(run, recipe, path, stop)
    facts = _result(folder)
    history = read_jsonl(folder / "history.jsonl")
    facts |= _outcome(METHODS[recipe.training.method], history)
    facts |= batch_facts(recipe.asked, recipe.training)
    # What an earlier attempt worked, counted to its checkpoint, belongs to the time that it took.
    seconds = max(time.monotonic() - start, history[-1]["seconds"])
    _check_models(run, folder, facts)
    outputs = _outputs(run, recipe, facts)
    write_manifest(folder, key, seconds, outputs=outputs, base=start_model.label, **facts)
    for left in (folder / "checkpoints", folder / "rows"):
        shutil.rmtree(left, ignore_errors=True)
    for name in ("result.json", "resumed.json"):
        (folder / name).unlink(missing_ok=True)


def _marks(folder: Path) -> tuple[Path, Path]:
    """What says of which settings the work in a training's folder is, twice: the loss of one loses nothing."""
    return folder / "key", folder / "checkpoints" / "key"


def _has_key(folder: Path, key: str) -> bool:
    """Is the work in a training's folder of these settings? A mark that is damaged is written again."""
    found = [read_word(mark) for mark in _marks(folder)]
    if key not in found:
        return False
    for mark, word in zip(_marks(folder), found, strict=True):
        if word != key:
            if word or mark.exists():
                say(f"{mark}: is damaged; its backup copy says that this training can be resumed")
            write_atomic(mark, key)
    return True


def _outputs(run: Run, recipe: Recipe, facts: dict[str, Any]) -> list[Path]:
    """What a finished training has left: its log, and all files of its models."""
    models = [run.models / model["name"] for model in facts["models"]]
    files = [file for model in models for file in model.rglob("*")]
    return [recipe_folder(run, recipe) / "history.jsonl", *files]


def _check_models(run: Run, folder: Path, facts: dict[str, Any]) -> None:
    """Are the models there that the training exported? Raises `WorkerError`; the next run starts from the beginning."""
    for model in facts["models"]:
        made = run.models / model["name"]
        if not ((made / "config.json").is_file() and list(made.glob("*.safetensors"))):
            for mark in _marks(folder):
                mark.unlink(missing_ok=True)
            raise WorkerError(
                f"{made}: was removed, or a part of it, during the training; the same command "
                "trains again from the beginning"
            )


def _result(folder: Path) -> dict[str, Any]:
    facts = read_object(folder / "result.json")
    if facts is None:  # DeepSpeed's runner reports no error when its helper was killed
        raise WorkerError(f"The training left no result; its logs: {folder / 'logs'}")
    return facts


@contextmanager
def _meanwhile(path: Path) -> Iterator[Path]:
    """A file that is there at most as long as the training runs: other machines join in while its spec is."""
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _watch(run: Run, recipe: Recipe, spec: Path, stop: Path) -> None:
    """Run the worker to its end and show a progress bar. The first interrupt has it write a checkpoint and end, and
    raises `Interrupted` then; the second one ends it at once."""
    measures = METHODS[recipe.training.method].MEASURES
    recipes = run.params.recipes
    name = f"Training {recipe.name}" if recipe.listed else "Training"
    if len(recipes) > 1:
        name += f" ({recipes.index(recipe) + 1} of {len(recipes)})"
    begun = False
    stopped: int | None = None

    def ask() -> bool:
        if begun:
            stop.touch()
            say(
                f"{name}: stopping after this step, with a checkpoint. Interrupt again to stop at once."
            )
        return begun

    with progress_bar(desc=name, unit="step") as bar, first_interrupt(ask):

        def on_event(event: dict[str, Any]) -> None:
            nonlocal begun, stopped
            match event["kind"]:
                case "plan":
                    begun = True
                    bar.reset(event["steps"])
                    bar.initial = bar.n = event["done"]
                    if event["done"]:
                        say(f"{name}: resumes after step {event['done']}")
                case "log" if "loss" in event:
                    bar.n = event["step"]
                    values = {
                        name: format(event[name], how)
                        for name, how in measures.items()
                        if name in event
                    }
                    values["tokens/s"] = f"{event['tokens_per_second']:,.0f}"
                    bar.set_postfix(values, refresh=False)
                    bar.refresh()
                case "stopped":
                    stopped = event["step"]

        cluster.run(recipe.training, spec, on_event=on_event)
    if stopped is not None:
        raise Interrupted(
            f"The training was interrupted after step {stopped}, with a checkpoint; run the cell again to resume "
            "from there."
        )


def _outcome(method: Method, history: list[dict[str, Any]]) -> dict[str, Any]:
    """The first and last value of what the method measures, how long it took, how much was seen."""
    trained = [row for row in history if "loss" in row]
    judged, choose = method.VALIDATION
    measured = [row for row in history if judged in row]
    outcome: dict[str, Any] = {}
    for name in method.MEASURES:
        if values := [row[name] for row in trained if name in row]:
            outcome[name] = {"first": values[0], "last": values[-1]}
    outcome |= {"tokens": trained[-1]["num_tokens"], "train_seconds": history[-1]["seconds"]}
    if measured:
        values = [row[judged] for row in measured]
        best = choose(values)
        outcome[judged] = {
            "first": values[0],
            "last": values[-1],
            "best": best,
            "best_step": measured[values.index(best)]["step"],
        }
    return outcome


def _own_models(run: Run, recipe: Recipe) -> list[Path]:
    """The folders of a candidate's models, finished or not, of any training of it."""
    name = re.escape(recipe.model_name("#")).replace(re.escape("#"), r"\d+")
    pattern = re.compile(rf"\.?{name}(\.\w+)*")  # .step-6.part, .step-6.part.adapter
    return [path for path in run.models.glob("*") if pattern.fullmatch(path.name)]


def _tidy(run: Run, facts: dict[str, Any]) -> None:
    """Remove the models and trainings of candidates that are not in the params any more, and nothing that is
    not ours."""
    models = {model["name"] for manifest in facts.values() for model in manifest["models"]}
    step = re.compile(r"\.?([a-z0-9][a-z0-9_-]*-)?step-\d+(\.\w+)*")
    for path in run.models.glob("*"):
        if path.is_dir() and path.name not in models and step.fullmatch(path.name):
            remove(path)
    for path in run.training.glob("*"):
        ours = any((path / name).exists() for name in ("key", "manifest.json", "history.jsonl"))
        if path.is_dir() and path.name not in facts and ours:
            remove(path)
