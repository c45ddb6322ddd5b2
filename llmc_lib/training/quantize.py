"""QLoRA: the frozen weights in 4 bits, by bitsandbytes (Dettmers et al., arXiv:2305.14314).

NF4 with quantized scales ("double quantization"): 0.516 bytes a weight. Products are in bfloat16, and so are the adapters. What
is exported has the adapters merged into the weights that they were trained with, the 4-bit ones as bfloat16, and not into those of
the base: these differ by the rounding, which the adapters have learnt to make up for.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from llmc_lib.errors import UserError
from llmc_lib.models.hardware import has_gpu
from llmc_lib.params import Recipe

if TYPE_CHECKING:
    import torch

_KEY = "training.lora.quantization"


def require_gpu(recipe: Recipe) -> None:
    """Refuse 4-bit weights and shared sequences on a machine without a GPU. Raises `UserError`."""
    lora, shared = recipe.training.lora, recipe.training.sequence_parallel
    if shared > 1 and not has_gpu():
        raise UserError(
            f"training.sequence_parallel: {shared}: processes share sequences on GPUs, and this machine has none; train where there "
            "are some, or leave it out"
        )
    if lora is None or lora.quantization is None:
        return
    if not has_gpu():
        raise UserError(
            f"{_KEY}: {lora.quantization}: needs an NVIDIA GPU, and this machine has none; train where there is one, or leave it out"
        )
    if not find_spec("bitsandbytes"):
        raise UserError(
            f"{_KEY}: {lora.quantization}: the package bitsandbytes is not installed here; `make install ACCELERATOR=cuda` "
            "installs it, or leave the key out"
        )


def quantization(lora: dict[str, Any] | None) -> dict[str, Any]:
    """The arguments that a model is loaded with so that its linear layers, but the output layer, are in 4 bits; {} where they are
    not. `lora`: that section of a spec."""
    if not lora or not lora["quantization"]:
        return {}
    import torch
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=lora["quantization"],
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config}


def elements(weight: torch.Tensor) -> int:
    """How many numbers a weight has: ZeRO-3 leaves each process a part of them, and 4-bit ones are two in a byte."""
    if (state := getattr(weight, "quant_state", None)) is not None:
        return int(state.shape.numel())
    return int(getattr(weight, "ds_numel", weight.numel()))


def dequantized(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The 4-bit weights of a model with adapters, one at a time: their names in the base model, and what they are in the products,
    in main memory. None of a model that has none."""
    if not hasattr(model, "get_base_model"):
        return
    for name, layer in model.get_base_model().named_modules():
        weight: Any = getattr(layer, "weight", None)
        if (state := getattr(weight, "quant_state", None)) is None:
            continue
        from bitsandbytes.functional import dequantize_4bit

        yield (
            f"{name.removesuffix('.base_layer')}.weight",
            dequantize_4bit(weight.data, state).cpu(),
        )
