"""A base model with a foreign LoRA adapter merged into its weights, as a folder that everything loads.

python -m llmc_lib.models.adapter BASE ADAPTER DESTINATION     merges (a worker of `merged`)

The adapter is a folder in peft's form: adapter_config.json and adapter_model.safetensors. peft merges; of the configuration nothing
is taken that names code.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.errors import UserError, shown
from llmc_lib.models.folder import read_config
from llmc_lib.processes.progress import say
from llmc_lib.processes.workers import run_worker
from llmc_lib.store import fingerprint, remove, sha256_file

if TYPE_CHECKING:
    from transformers import PretrainedConfig

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: What is downloaded of an adapter on the hub.
FILES = [CONFIG, WEIGHTS]
#: Keys that have peft import a module by its name.
_CODE = ("megatron_config",)
#: Of the base, beside what transformers writes: its card and licence.
_BESIDE = ("README.md", "LICENSE*", "LICENCE*", "NOTICE*")


def adapter_problems(folder: Path) -> Iterator[str]:
    """What is wrong with the folder of an adapter: a text each."""
    if not (folder / CONFIG).is_file():
        yield f"{folder}: has no {CONFIG}; give the folder of a peft adapter"
        return
    try:
        config = read_config(folder / CONFIG)
    except UserError as error:
        yield str(error)
        return
    if config.get("peft_type") != "LORA":
        yield (
            f"{folder / CONFIG}: peft_type is {shown(config.get('peft_type'))}, and LORA alone can be merged; merge it where it "
            "was made, and give the merged model as source"
        )
    if named := next((name for name in _CODE if config.get(name)), None):
        yield f"{folder / CONFIG}: {named} names code, and none is run here; remove it"
    if not (folder / WEIGHTS).is_file():
        pickles = (folder / "adapter_model.bin").is_file()
        yield (
            f"{folder}: adapter_model.bin is a pickle, which runs what is in it; save the adapter as safetensors"
            if pickles
            else f"{folder}: has no {WEIGHTS}; download it"
        )


def merged(base: Path, adapter: Path, runs: Path) -> Path:
    """The folder with `adapter` merged into the model in `base`, made once, below `runs`.

    Raises `UserError` for an adapter that cannot be merged, `WorkerError` where peft fails, as with an adapter of another
    model.
    """
    if problem := next(adapter_problems(adapter), None):
        raise UserError(problem)
    weights = [path.stat() for path in sorted(base.glob("*.safetensors"))]
    key = fingerprint(
        base=[str(base.resolve()), [[stat.st_size, stat.st_mtime_ns] for stat in weights]],
        adapter=[sha256_file(adapter / name) for name in FILES],
    )
    folder = runs / "_base" / f"{adapter.name}-{key}"
    if not (folder / "config.json").exists():
        say(f"Merging the adapter {adapter.name} into {base.name} (once)…")
        folder.parent.mkdir(parents=True, exist_ok=True)
        names = [str(path) for path in (base, adapter, folder)]
        command = [sys.executable, "-m", "llmc_lib.models.adapter", *names]
        run_worker(command, runs / "_base" / "merge.log", lambda event: None)
    return folder


def merge(base: Path, adapter: Path, folder: Path, config: PretrainedConfig | None = None) -> Any:
    """Write the base, of that configuration (None: its own), with the adapter merged into its weights to `folder`; returns the
    merged model."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    given: dict[str, Any] = {} if config is None else {"config": config}
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", **given)
    whole = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    whole.save_pretrained(folder)
    return whole


def _main(base: Path, adapter: Path, folder: Path) -> None:
    from transformers import AutoTokenizer

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    merge(base, adapter, part)
    AutoTokenizer.from_pretrained(base).save_pretrained(part)
    for pattern in _BESIDE:
        for path in base.glob(pattern):
            shutil.copyfile(path, part / path.name)
    if os.path.lexists(folder):
        remove(folder)
    os.replace(part, folder)


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:4]))
