"""A trained model as a folder that transformers and vLLM load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from llmc_lib.training.trainer import MethodTrainer

# What transformers' Trainer leaves beside a model: pickles and notes that no user of the model needs.
_NOT_THE_MODELS = ("training_args.bin", "README.md")


def export(trainer: MethodTrainer, spec: dict[str, Any], folder: Path) -> None:
    """Write the model as it is now to `folder`: safetensors, configuration, tokenizer.

    All processes call it: under ZeRO-3 each has a part of the weights. Adapters are merged into the
    base model by the first process, in main memory.
    """
    adapter = folder.with_name(f"{folder.name}.adapter")
    trainer.save_model(str(adapter if spec["lora"] else folder))
    if not trainer.is_world_process_zero():
        return
    if spec["lora"]:
        _merge(Path(spec["base"]), adapter, folder)
        trainer.processing_class.save_pretrained(folder)
        shutil.rmtree(adapter)
    for name in _NOT_THE_MODELS:
        (folder / name).unlink(missing_ok=True)


def _merge(base: Path, adapter: Path, folder: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)
