"""What can be known to be wrong with a training before anything starts."""

from __future__ import annotations

import json
import subprocess
import sys

from llmc_lib.errors import UserError
from llmc_lib.params.reader import where
from llmc_lib.store import ROOT, Run
from llmc_lib.training.methods import METHODS


def check(run: Run) -> None:
    """Check the further fields of each training's configuration against the installed TRL, where some are
    given (importing TRL takes seconds).

    Raises `UserError` with the place of the error and its remedy.
    """
    seen: list[tuple[str, dict[str, object]]] = []
    for recipe in run.params.recipes:
        name = recipe.training.method
        key = METHODS[name].SECTION
        fields = getattr(recipe.training, key)
        if not fields or (name, fields) in seen:
            continue
        seen.append((name, fields))
        error = _ask_trl(name, key, fields)
        if error:
            own = recipe.listed and key in run.params.candidates[recipe.number].training
            section = ("candidates", recipe.number, "training") if own else ("training",)
            raise UserError(f"{where(run.params_file, *section, key)}.{error}")


def _ask_trl(method: str, key: str, fields: dict[str, object]) -> str | None:
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib.training.arguments", method],
        input=json.dumps(fields), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"training.{key}: TRL cannot be loaded: {done.stderr.strip()[-500:]}")
    found: str | None = json.loads(done.stdout.splitlines()[-1])
    return found
