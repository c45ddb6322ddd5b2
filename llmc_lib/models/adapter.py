"""A base model with a foreign LoRA adapter merged into its weights, as a folder that everything loads.

python -m llmc_lib.models.adapter BASE ADAPTER DESTINATION     merges (a worker of `merged`)

The adapter is a folder in peft's form: adapter_config.json and adapter_model.safetensors. peft merges; of the configuration nothing
is taken that names code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.errors import UserError, shown
from llmc_lib.models.derived import fill, identity, made_once
from llmc_lib.models.folder import read_config
from llmc_lib.store import fingerprint, sha256_file

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: What is downloaded of an adapter on the hub.
FILES = [CONFIG, WEIGHTS]
#: Keys that have peft import a module by its name.
_CODE = ("megatron_config",)


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
    key = fingerprint(base=identity(base), adapter=[sha256_file(adapter / name) for name in FILES])
    return made_once(
        runs / "_base" / f"{adapter.name}-{key}",
        "llmc_lib.models.adapter",
        [base, adapter],
        f"Merging the adapter {adapter.name} into {base.name}",
    )


def merge(
    base: Path,
    adapter: Path,
    folder: Path,
    config: PretrainedConfig | None = None,
    weights: Iterable[tuple[str, Tensor]] = (),
) -> None:
    """Write the base, of that configuration (None: its own), with the adapter merged into its weights to `folder`.

    `weights`: names and tensors that take the place of the base's.
    """
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    given: dict[str, Any] = {} if config is None else {"config": config}
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", **given)
    for name, weight in weights:
        model.get_parameter(name).data.copy_(weight)
    PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)


def _main(base: Path, adapter: Path, folder: Path) -> None:
    def write(part: Path) -> None:
        merge(base, adapter, part)

    fill(folder, base, write)


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:4]))
