"""What can be known to be wrong with a training before anything starts."""

from __future__ import annotations

import json
import subprocess
import sys

from llmc_lib.errors import UserError
from llmc_lib.params.reader import where
from llmc_lib.store import ROOT, Run


def check(run: Run) -> None:
    """Check `training.sft` against the installed TRL, where it is given (importing TRL takes seconds).

    Raises `UserError` with the place of the mistake and its remedy.
    """
    seen: list[dict[str, object]] = []
    for number, recipe in enumerate(run.params.recipes):
        fields = recipe.training.sft
        if not fields or fields in seen:
            continue
        seen.append(fields)
        mistake = _ask_trl(fields)
        if mistake:
            own = recipe.listed and "sft" in run.params.candidates[number].training
            section = ("candidates", number, "training") if own else ("training",)
            raise UserError(f"{where(run.params_file, *section, 'sft')}.{mistake}")


def _ask_trl(fields: dict[str, object]) -> str | None:
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib.training.arguments"],
        input=json.dumps(fields), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"training.sft: TRL cannot be loaded: {done.stderr.strip()[-500:]}")
    found: str | None = json.loads(done.stdout.splitlines()[-1])
    return found
