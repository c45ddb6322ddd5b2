"""The upload folder of a model: card, weights, tokenizer, manifest, params.

Weights are hard links, so that the folder takes no room of its own; where the file system has none, or
the folder lies on another one, they are copied.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib import evaluation, training
from llmc_lib.dataset.card.impersonal import impersonal, without_secrets
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.errors import UserError, instead
from llmc_lib.models.folder import read_config, shards
from llmc_lib.models.resolve import Model, base_model, model_licence
from llmc_lib.publish.folder import BUILD, OF_THE_BUILD, Draft, write_facts
from llmc_lib.publish.model_card import card, licence_page
from llmc_lib.publish.model_subject import Subject
from llmc_lib.publish.model_terms import model_terms
from llmc_lib.reporting import load_report
from llmc_lib.reporting.training_page import read_histories
from llmc_lib.store import Run, read_manifest, sha256_file

# What transformers and vLLM load of a model; nothing else of its folder is published.
_LOADED = {".safetensors", ".json", ".jinja", ".model", ".txt"}
# transformers notes here where a model was loaded from: a folder of this machine.
_PLACES = ("_name_or_path", "name_or_path")
# Texts of the base that its licence may ask to pass on with what is made from it.
_NOTICES = ("LICENSE*", "LICENCE*", "NOTICE*")
_FORBIDDEN = (
    "the base or training rows are under {}, which does not allow sharing changed versions; take another base, or leave the "
    "source out of dataset.sources"
)
_UNKNOWN = (
    "the base or training rows are under a licence that is not known ({}); state it in the README.md of the base "
    "(license: …) or as `licence` of the source, or, if you may pass the model on, ALLOW_UNKNOWN_LICENCE=1"
)


def draft(run: Run, name: str | None) -> Draft:
    """What goes to the hub of a model (None: the last one). Raises `UserError` for a name that the run
    does not have, and for models that are not whole or not of the present params."""
    if not training.finished(run):
        raise UserError(
            f"{run.training}: was trained from other params or data than {run.params_file.name} now has; "
            f"{BUILD}"
        )
    subject = _subject(run, name)
    folder = run.models / subject.name
    _check_whole(folder)
    held = model_terms(model_licence(run.params.model, subject.base), subject.rows)
    write = partial(_write, subject, held, folder)
    return Draft(run.folder / "publish" / subject.name, held, write, _FORBIDDEN, _UNKNOWN)


def _subject(run: Run, name: str | None) -> Subject:
    """The model and all that its card says of it."""
    manifest = read_manifest(run.training) or {}
    recipes = {recipe.name: recipe for recipe in run.params.recipes}
    models = {
        entry["name"]: (recipe, entry)
        for recipe, facts in manifest["candidates"].items()
        for entry in facts["models"]
    }
    if not models:
        raise UserError(f"{run.training}: no model was exported; {BUILD}")
    name = name or list(models)[-1]
    if name not in models:
        hint = instead(name, models, f"there are {', '.join(models)}")
        raise UserError(f"MODEL: {name!r} is not a model of this run; {hint}")
    of, entry = models[name]
    facts, recipe = manifest["candidates"][of], recipes[of]
    base = base_model(run)
    columns = ["source", "licence", "category", "kind", "author_kind"]
    return Subject(
        run=run,
        name=name,
        step=entry["step"],
        steps=entry["of"],
        base=base,
        recipe=recipe,
        facts=facts,
        history=read_histories(run, {of: facts})[of],
        data=pd.read_parquet(run.data(recipe) / "train.parquet", columns=columns),
        sources=(read_manifest(run.dataset) or {})["sources"],
        metrics=_metrics(run, base, list(models), name),
        others=[other for other in models if other != name],
        environment=manifest["environment"],
    )


def _metrics(run: Run, base: Model, names: list[str], model: str) -> dict[str, Any] | None:
    """The `benchmarks` block of metrics.json with a model, None where these very models were not evaluated, or where a race
    has stopped this one."""
    models = [base, *(Model(name, run.models / name, "") for name in names)]
    if not all(model.folder.is_dir() for model in models) or not evaluation.finished(run, models):
        return None
    report = load_report(run)
    blocks: dict[str, Any] = report.metrics["benchmarks"]
    of_it = [name for name, block in blocks.items() if model in block["models"]]
    return {
        name: blocks[name] for name in sorted(of_it, key=lambda name: name != report.main)
    } or None


def _check_whole(folder: Path) -> None:
    """Raises `UserError` where a file is missing that loading the model would ask for."""
    weights = {path.name for path in folder.glob("*.safetensors")}
    named = shards(folder)
    if isinstance(named, str):
        raise UserError(named)
    missing = sorted((named or {"model.safetensors"}) - weights) + [
        name for name in ("config.json", "tokenizer_config.json") if not (folder / name).is_file()
    ]
    if missing:
        raise UserError(
            f"{folder / missing[0]}: is not as it was trained; remove "
            f"{folder.parent.parent / 'training' / 'manifest.json'} and {BUILD}"
        )


def _write(subject: Subject, held: Terms, folder: Path, part: Path) -> dict[str, str]:
    run, known = subject.run, {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in _LOADED and not path.name.startswith("."):
            _pass_on(run, path, part / path.name)
            if path.suffix == ".safetensors":
                known[path.name] = sha256_file(path)
    for pattern in _NOTICES:
        for path in sorted(subject.base.folder.glob(pattern)):
            if path.is_file():
                shutil.copyfile(path, part / path.name)
    (part / "README.md").write_text(card(subject, held), encoding="utf-8")
    if held.name:  # the card links to it
        (part / "LICENSES.md").write_text(licence_page(subject, held), encoding="utf-8")
    facts = {key: value for key, value in subject.manifest().items() if key not in OF_THE_BUILD}
    facts["files"] = known
    write_facts(run, without_secrets(facts), part)
    return known


def _pass_on(run: Run, path: Path, to: Path) -> None:
    """Link a file of weights, copy any other; what a configuration says of this machine is left out."""
    if path.suffix == ".safetensors":
        try:
            os.link(path.resolve(), to)
        except OSError:
            shutil.copyfile(path, to)
        return
    if path.suffix == ".json" and path.name.endswith("config.json"):
        content = read_config(path)
        kept = {key: value for key, value in content.items() if key not in _PLACES}
        if impersonal(run, kept) != content:
            text = json.dumps(impersonal(run, kept), indent=2, ensure_ascii=False)
            to.write_text(f"{text}\n", encoding="utf-8")
            return
    shutil.copyfile(path, to)
