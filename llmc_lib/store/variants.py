"""A variant of a run: the same params but for some settings, with folders of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from llmc_lib.errors import UserError, printable, shown
from llmc_lib.params import Params
from llmc_lib.params import tree as params_yaml
from llmc_lib.params.changes import changes
from llmc_lib.params.reader import values_of
from llmc_lib.store.files import read_object, set_aside, write_atomic
from llmc_lib.store.manifests import ROOT

#: What a variant's folder holds of it: all its params, and what they change of which file.
PARAMS, _FACTS = "params.yaml", "variant.json"
#: So many changes are told; a repr is a line.
_TOLD = 6


def named(path: Path, override: Mapping[str, Any] | None, name: str | None) -> dict[str, Any]:
    """The override with the variant's name in it. Raises `UserError` where it has none, or two."""
    if isinstance(override, Mapping) and "run" in override:
        raise UserError(f"{path}, override: run: is given by `name`; leave it out of `override`")
    if name is None:
        raise UserError(
            f'{path}, override: needs a name for the variant, that of its folder: open_run(…, name="lr_1e-5"); what it '
            "makes must not be mixed with the run's own"
        )
    if override is not None and not isinstance(override, Mapping):
        raise UserError(
            f'{path}, override: must be {{"section.key": value}}, not {shown(override)}'
        )
    return {**(override or {}), "run": name}


def keep(
    path: Path,
    override: Mapping[str, Any],
    before: Params,
    after: Params,
    folders: tuple[Path, Path],
) -> None:
    """Write a variant's params and what they change, and begin a new one with what it shares with its run.

    `folders`: of the run in the params file `path`, and of the variant. Raises `UserError` where the name is that
    of another run.
    """
    origin, folder = folders
    _check_name(path, after, folder)
    is_new = not folder.exists()
    found = changes(before.model_dump(mode="json"), after.model_dump(mode="json"), ("run",))
    changed = [" ".join(f"{change.key}: {change.what}".split()) for change in found]  # a line each
    head = "".join(
        f"# {printable(line)}\n" for line in [f"A variant of {path}, made by open_run:", *changed]
    )
    values = yaml.safe_dump(values_of(path, override), sort_keys=False, allow_unicode=True)
    # These first: killed while it shares, it is a variant all the same, and makes the rest itself.
    write_atomic(
        folder / _FACTS, json.dumps({"of": str(path), "changed": changed}, ensure_ascii=False)
    )
    write_atomic(folder / PARAMS, head + values)
    if is_new:
        _share(origin, folder, before, after)


def told(folder: Path) -> str:
    """What a variant changes, in a line: "a variant of params/quickstart.yaml: …"; "" of a run that is none."""
    facts = _facts(folder)
    if facts is None:
        return ""
    changed = facts["changed"]
    more = f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
    what = ", ".join(changed[:_TOLD]) + more if changed else "nothing changed"
    return printable(f"a variant of {facts['of']}: {what}")


def _facts(folder: Path) -> dict[str, Any] | None:
    """What a variant's folder holds of it; None where there is none, and for one that is damaged, which is set aside."""
    facts = read_object(folder / _FACTS) if folder.is_dir() else None
    if facts is None:
        return None
    of, changed = facts.get("of"), facts.get("changed")
    whole = isinstance(of, str) and "\0" not in of
    if whole and isinstance(changed, list) and all(isinstance(item, str) for item in changed):
        return facts
    set_aside(folder / _FACTS, "is not as it was written")
    return None


def _check_name(path: Path, after: Params, folder: Path) -> None:
    """Is the name free, or that of a variant of this file?"""
    name, facts = after.run, _facts(folder)
    if facts is not None and (ROOT / facts["of"]).resolve() == path.resolve():
        return
    if facts is not None:
        raise UserError(
            f"{path}, override: name: {name!r} is a variant of {facts['of']}; give another name"
        )
    for file in sorted({*path.parent.glob("*.yaml"), *(ROOT / "params").glob("*.yaml")}):
        if _run_of(file) == name:
            raise UserError(
                f"{path}, override: name: {name!r} is the run of {file}; give another name"
            )
    for there in (
        folder,
        ROOT / after.reports_dir / name,
    ):  # also the report of a run that was removed
        if os.path.lexists(there):
            raise UserError(
                f"{path}, override: name: {there} is there already, and no variant of this file; give another name"
            )


def _run_of(file: Path) -> Any:
    """The run that a params file names; None where it cannot be read."""
    try:
        values = params_yaml.read(file)[1] if file.is_file() else None  # a pipe would be waited for
    except UserError:
        return None
    return values.get("run") if isinstance(values, dict) else None


def _share(origin: Path, folder: Path, before: Params, after: Params) -> None:
    """Have a new variant begin with what the run that it is made from has made already."""
    if before.evaluation.imports or after.evaluation.imports:
        return
    dataset = origin / "dataset"
    if (dataset / "manifest.json").is_file():  # whether it is the same one the stage finds out
        shutil.copytree(dataset, folder / "dataset", copy_function=_link, symlinks=True)
    if (before.evaluation, before.model, before.seed) != (
        after.evaluation,
        after.model,
        after.seed,
    ):
        return
    for benchmark in after.evaluation.benchmarks:
        for model in ("base", *(model.name for model in after.evaluation.models)):
            for ending in (".jsonl", ".settings.json", ".harness.json"):
                file = origin / "predictions" / benchmark.name / f"{model}{ending}"
                if file.is_file():
                    copy = folder / file.relative_to(origin)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)  # no link: answers are appended to it


def _link(file: str, link: str) -> None:
    """A hard link, as all files of a data set are replaced and never written into; else a copy."""
    try:
        os.link(file, link)
    except OSError:  # another file system
        shutil.copyfile(file, link)
