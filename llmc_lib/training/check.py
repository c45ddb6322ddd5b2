"""What can be known to be wrong with a training before anything starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from llmc_lib.errors import UserError
from llmc_lib.params import Recipe
from llmc_lib.params.reader import where
from llmc_lib.store import ROOT, Run
from llmc_lib.training.arguments import further_fields
from llmc_lib.training.methods import METHODS


def check(run: Run) -> None:
    """Check the further fields of each training's configuration against the installed TRL, where some are
    given (importing TRL takes seconds).

    Raises `UserError` with the place of the error and its remedy.
    """
    seen: list[tuple[str, dict[str, object]]] = []
    for recipe in run.params.recipes:
        name = recipe.training.method
        keys = METHODS[name].SECTION
        fields = further_fields(METHODS[name], recipe.training.model_dump())
        if not fields or (name, fields) in seen:
            continue
        seen.append((name, fields))
        error = _ask_trl(name, ".".join(keys), fields)
        if error:
            own = recipe.listed and keys[0] in run.params.candidates[recipe.number].training
            section = ("candidates", recipe.number, "training") if own else ("training",)
            raise UserError(f"{where(run.params_file, *section, *keys)}.{error}")


def _ask_trl(method: str, key: str, fields: dict[str, object]) -> str | None:
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib.training.arguments", method],
        input=json.dumps(fields), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"training.{key}: TRL cannot be loaded: {done.stderr.strip()[-500:]}")
    found: str | None = json.loads(done.stdout.splitlines()[-1])
    return found


def check_rows(run: Run, recipe: Recipe) -> None:
    """Has the data set what the candidate's method needs? Raises `UserError` if not."""
    method, path = recipe.training.method, run.data(recipe) / "train.parquet"
    try:
        there = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}; make dataset builds it again") from None
    for name in METHODS[method].COLUMNS:
        if name not in there:
            raise UserError(
                f"{path}: has no column {name!r}, which training.method: {method} needs; make dataset "
                "builds it again"
            )
    if problem := METHODS[method].unusable(_row_counts(path, there)):
        raise UserError(f"{path}: {problem}")


def _row_counts(path: Path, columns: Sequence[str]) -> dict[str, int]:
    """How many rows of a data set have a completion, how many a reference answer, and how many a rejected response."""
    given = {"completed": "completion", "answered": "answer", "paired": "rejected"}
    table = pq.read_table(path, columns=[name for name in given.values() if name in columns])
    return {
        what: len(table) - table[name].to_pylist().count("") if name in columns else len(table)
        for what, name in given.items()
    }
