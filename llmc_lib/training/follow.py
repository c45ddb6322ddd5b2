"""`make train NODE_RANK=k` on the machines after the first: take part in each training that it starts.

The first machine decides what is trained; what it does is in the run's folder, which all machines
see: `spec.json` beside a candidate's training while that runs, `manifest.json` when it is complete.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.formatting import counted
from llmc_lib.models.resolve import Model, base_model
from llmc_lib.params import Recipe, TrainingParams
from llmc_lib.processes.progress import say
from llmc_lib.store import Run, json_reader, read_manifest
from llmc_lib.training import cluster
from llmc_lib.training.launch import recipe_folder, recipe_key
from llmc_lib.training.starts import in_training_order

_POLL_SECONDS = 2.0
_REMIND_SECONDS = 300.0


def follow(run: Run, node_rank: int) -> None:
    """Take part in the trainings of a run as machine `node_rank`, until all are complete.

    Raises `UserError` where the params have no such machine, `WorkerError` when a training fails.
    """
    recipes = in_training_order(run.params.recipes)
    check(recipes, node_rank)

    @cache
    def base() -> Model:
        return base_model(run)

    def key(recipe: Recipe) -> str:
        return str(recipe_key(run, base(), recipe))

    follow_recipes(recipes, node_rank, lambda recipe: recipe_folder(run, recipe), key)


def check(recipes: list[Recipe], node_rank: int) -> None:
    """Raise `UserError` where no training has a machine `node_rank` to start by hand."""
    if any(cluster.by_hostfile(recipe.training) for recipe in recipes):
        raise UserError(
            "NODE_RANK: with launcher: hostfile DeepSpeed starts the processes of all machines; run "
            "make train (or make report) on the first one alone"
        )
    nodes = max(recipe.training.cluster.nodes for recipe in recipes)
    if node_rank not in range(1, nodes):
        raise UserError(
            f"NODE_RANK: {node_rank} is not one of 0 to {nodes - 1} (training.cluster.nodes: {nodes})"
        )


def follow_recipes(
    recipes: list[Recipe],
    node_rank: int,
    folder: Callable[[Recipe], Path],
    key: Callable[[Recipe], str],
    take_part: Callable[[TrainingParams, Path, int], None] | None = None,
) -> None:
    """For each recipe: wait for the first machine to start it, take part, and end with it.

    `folder` is where a recipe's training lies; `key` the fingerprint of what it is made from now, which
    may raise `UserError` while the first machine has not made that yet; `take_part` runs this machine's
    processes (`cluster.run`, except in a test).
    """
    for recipe in recipes:
        if recipe.training.cluster.nodes <= node_rank:
            say(
                f"{recipe.name}: runs on {counted(recipe.training.cluster.nodes, 'machine')}, not on this one"
            )
            continue
        spec = _wait(recipe, folder(recipe), key)
        if spec is None:
            say(f"{recipe.name}: complete")
            continue
        say(f"{recipe.name}: taking part as machine {node_rank} …")
        (take_part or cluster.run)(recipe.training, spec, node_rank)
        say(f"{recipe.name}: this machine's part is done")
    say("All trainings of the run are done on this machine; the first machine continues.")


def _wait(recipe: Recipe, folder: Path, key: Callable[[Recipe], str]) -> Path | None:
    """Wait until the recipe's training runs on the first machine; returns its spec, None where it is
    complete already."""
    host, port = cluster.endpoint(recipe.training)
    spec = folder / "spec.json"
    start = told = time.monotonic()
    shown = None
    while True:
        wanted = _key(recipe, folder, key)
        if wanted is not None and read_manifest(folder, wanted) is not None:
            return None
        facts = json_reader.readable(spec)
        if wanted is None or not isinstance(facts, dict):
            waits = f"the first machine to start this training (it then writes {spec})"
        elif facts.get("key") != wanted:
            waits = f"the first machine: {spec} is for other params or another data set"
        elif not _answers(host, port):
            # Left behind by a machine that died, or about to be served.
            waits = f"the first machine to answer at {host}:{port}"
        else:
            return spec
        now = time.monotonic()
        if waits != shown or now - told >= _REMIND_SECONDS:
            say(f"{recipe.name}: has waited {now - start:.0f} s for {waits}")
            shown, told = waits, now
        time.sleep(_POLL_SECONDS)


def _key(recipe: Recipe, folder: Path, key: Callable[[Recipe], str]) -> str | None:
    """The recipe's fingerprint, None while the first machine has not begun: only then is all that it
    is made from there, and nothing is made here."""
    if not any((folder / name).exists() for name in ("spec.json", "manifest.json")):
        return None
    try:
        return key(recipe)
    except UserError:  # no finished data set yet
        return None


def _answers(host: str, port: int) -> bool:
    """Does torchrun's store of the first machine listen?"""
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
