"""A trained model as a folder that transformers and vLLM load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.errors import UserError
from llmc_lib.models.adapter import merge
from llmc_lib.training.quantize import dequantized
from llmc_lib.training.trainer import MethodTrainer

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PretrainedConfig

# What transformers' Trainer leaves beside a model: pickles and notes that no user of the model needs.
_NOT_THE_MODELS = ("training_args.bin", "README.md")


def export(trainer: MethodTrainer, spec: dict[str, Any], folder: Path) -> None:
    """Write the model as it is now to `folder`: safetensors, configuration, tokenizer.

    All processes call it: under ZeRO-3 each has a part of the weights. Adapters are merged into the
    base model by the first process, in main memory: of QLoRA into the weights that they were trained with,
    those of the base rounded to 4 bits.
    """
    adapter = folder.with_name(f"{folder.name}.adapter")
    trainer.save_model(str(adapter if spec["lora"] else folder))
    if not trainer.is_world_process_zero():
        return
    if spec["lora"]:
        base = Path(spec["base"])
        weights = dequantized(trainer.accelerator.unwrap_model(trainer.model))
        merge(base, adapter, folder, changed_config(base, spec["model_init_kwargs"]), weights)
        trainer.processing_class.save_pretrained(folder)
        shutil.rmtree(adapter)
    for name in _NOT_THE_MODELS:
        (folder / name).unlink(missing_ok=True)


def changed_config(base: Path, given: dict[str, Any]) -> PretrainedConfig:
    """The base's configuration with the keys that the params file gives. Raises `UserError` for a key that it has not."""
    from transformers import AutoConfig

    config, unknown = AutoConfig.from_pretrained(base, return_unused_kwargs=True, **given)
    if unknown:
        raise UserError(
            f"training.model_init_kwargs: the configuration of {base} has no key {', '.join(unknown)}; leave it out"
        )
    return config


def adapters(lora: dict[str, Any]) -> LoraConfig:
    """peft's configuration of the section `lora` of a spec."""
    from peft import LoraConfig

    saved = lora["modules_to_save"]
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules=lora["target_modules"] or "all-linear",
        use_rslora=lora["rank_stabilized"],
        modules_to_save=saved or None,
    )
