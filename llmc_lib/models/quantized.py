"""A base model whose weights are quantised: FP8 ones become bfloat16, which can be trained; others are refused.

python -m llmc_lib.models.quantized SOURCE DESTINATION     converts (a worker of `trainable`)

transformers reads the weights by their scales (FineGrainedFP8Config, dequantize): those of DeepSeek-V3 and R1 and of Qwen3's FP8
releases. It holds the whole model in memory, two bytes a weight. The candidates and the base are then compared in the same precision.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llmc_lib.errors import UserError, shown
from llmc_lib.models.derived import fill, identity, made_once
from llmc_lib.models.folder import read_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def quantized_problem(folder: Path) -> str:
    """Why the quantised weights of a model cannot be trained; "" where they can, or are not quantised."""
    method = _method(folder)
    if method in ("", "fp8"):
        return ""
    return (
        f"{folder / 'config.json'}: its weights are quantised ({shown(method)}), and of such weights only FP8 with scales of "
        "blocks can be made trainable; give the model that it was made from"
    )


def trainable(folder: Path, runs: Path) -> Path:
    """The folder of the model with weights that can be trained: its own, or that of its bfloat16 copy, made once below `runs`.

    Raises `UserError` where they cannot be had, `WorkerError` where the conversion fails.
    """
    if problem := quantized_problem(folder):
        raise UserError(problem)
    if not _method(folder):
        return folder
    name = folder.parent.parent.name if folder.parent.name == "snapshots" else folder.name
    copy = runs / "_base" / f"{name}-bf16-{identity(folder)}"
    return made_once(
        copy, "llmc_lib.models.quantized", [folder], f"Converting {name} from FP8 to bfloat16"
    )


def _method(folder: Path) -> str:
    """By which method the weights are quantised; "" where they are not, or the configuration tells nothing, which others say."""
    try:
        found = read_config(folder / "config.json").get("quantization_config")
    except UserError:
        return ""
    method = found.get("quant_method", "unknown") if isinstance(found, dict) else ""
    return str(method)


def _main(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, FineGrainedFP8Config

    given = read_config(source / "config.json")["quantization_config"]
    block = given.get("weight_block_size") or (128, 128)
    settings = FineGrainedFP8Config(dequantize=True, weight_block_size=tuple(block))
    read = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.bfloat16, quantization_config=settings
    )
    fill(folder, source, unquantized(read).save_pretrained)


def unquantized(read: PreTrainedModel) -> PreTrainedModel:
    """A fresh model of the weights of one that was read from quantized ones, in their dtype.

    Its configuration says nothing of a quantization: the one that was read would be saved as if its weights still were.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=read.dtype)
    model.load_state_dict(read.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = read.generation_config
    return model


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:3]))
