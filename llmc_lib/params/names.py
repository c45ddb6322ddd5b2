"""Names that become files and folders of a run, beside others that are there: none may take another's place."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Of a run. It becomes part of a file's name, of which a file system takes 255 bytes.
RUN_NAME, LONGEST = r"^[a-z0-9][a-z0-9._-]*$", 100
#: What lies beside the runs' folders, and beside their reports.
_BESIDE_RUNS = ("looks.jsonl", "index.html")
#: Endings of the files beside a model's answers: "base.grades" would be the grades of "base".
_ENDINGS = (".grades", ".judge", ".settings", ".harness", ".key", ".damaged", ".jsonl", ".json")
#: What lies in the folder of a benchmark's answers, and in that of all answers.
_FILES = ("questions",)
_FOLDERS = ("beside", "earlier", "judge", "logs", "so_far", "variants", "manifest.json")
#: Models that every run has, or may have.
_RESERVED = {
    "base": "the base model of the run",
    "judge": "the judge",
}


def is_run_name(name: str) -> bool:
    """Can a run be called so?"""
    written = len(name) <= LONGEST and re.fullmatch(RUN_NAME, name)
    return bool(written) and name not in _BESIDE_RUNS


def check_run(name: str) -> None:
    """Can a run have a folder of this name? Raises `ValueError(keys, message)`."""
    if name in _BESIDE_RUNS:
        raise ValueError(
            "run", f"{name!r} is what a file beside the folders of all runs is called; rename it"
        )


def check_stored(keys: tuple[str | int, ...], name: str, *, folder: bool = False) -> None:
    """Can the answers of a model, or those to a benchmark (a folder), be kept under this name?

    Raises `ValueError(keys, message)`.
    """
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if ending and not folder:
        raise ValueError(
            keys,
            f"{name!r}: the ending {ending!r} is the name of a file that is kept with a model's answers; rename it",
        )
    if name in (_FOLDERS if folder else _FILES):
        raise ValueError(keys, f"{name!r} is what another file of the run is called; rename it")


def check_further(models: Iterable[str], candidates: Iterable[str]) -> None:
    """Do the further models of an evaluation have names that no other model of the run has?

    `candidates`: the names of the trainings, "" where the params list none. Raises
    `ValueError(keys, message)`.
    """
    trained = "|".join(re.escape(f"{name}-" if name else "") for name in candidates)
    step = re.compile(rf"(?:{trained})step-\d+")
    for number, name in enumerate(models):
        what = _RESERVED.get(name)
        if step.fullmatch(name):
            what = "a checkpoint of the training"
        if what:
            raise ValueError(
                ("evaluation", "models", number, "name"),
                f"{name!r} is the name of {what}, whose answers it would replace; give another name",
            )


def check_repeated(repeated: Iterable[str], further: Iterable[str]) -> None:
    """Can models of these names be in the evaluation: the base, one of the `further` ones, a trained one? Which steps there will be the
    training tells. Raises `ValueError(keys, message)`."""
    known = ["base", *further]
    for number, name in enumerate(repeated):
        if name not in known and not re.fullmatch(r"(?:.+-)?step-\d+", name):
            raise ValueError(
                ("evaluation", "repeat", number, "model"),
                f"{name!r} is not a model of the run; there are {', '.join(known)}, and those that are trained (step-18)",
            )
