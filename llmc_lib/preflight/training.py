"""Settings of a training that depend on the model's config.json, or on what is installed: 4-bit weights, shared sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from llmc_lib.models.hardware import has_compiler, has_gpu
from llmc_lib.params import Recipe, TrainingParams
from llmc_lib.params.batches import batch_told
from llmc_lib.params.together import offloads_optimizer
from llmc_lib.preflight.models import config_of
from llmc_lib.preflight.problem import Problem
from llmc_lib.store import Run
from llmc_lib.training.arguments import further_fields
from llmc_lib.training.methods import METHODS

Keys = tuple[str | int, ...]
#: Optimizers that are bitsandbytes' own.
_BNB = re.compile(r"8bit|paged|bnb|lion|ademamix")
#: What decides whether a batch can be shared.
_BATCH = ("batch_size", "micro_batch_size", "nproc_per_node", "cluster", "sequence_parallel")
_COMPILED = (
    "warning: training.deepspeed: DeepSpeed compiles the optimizer that it offloads, and this machine lacks a C++ compiler or "
    "Python's headers; install g++ and python3.11-dev where it trains"
)
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


def problems(run: Run) -> Iterator[Problem]:
    """What the model cannot be trained with, by its configuration, where that is on this machine; and a package that is missing."""
    config = config_of(run.params.model) or {}
    inner = config.get("text_config")
    config = inner if isinstance(inner, dict) else config
    seen: set[Problem] = set()
    for recipe in run.params.recipes:
        found = [
            *_of_quantization(run, recipe, config),
            *_of_sequences(run, recipe, config),
            *_of_optimizer(run, recipe),
        ]
        yield from (problem for problem in found if problem not in seen)
        seen.update(found)


def warnings(run: Run) -> list[str]:
    """Batches that are not as asked for, and what is well where another machine trains."""
    if run.params.evaluation.imports:
        return []
    recipes = run.params.recipes
    batches = [
        f"warning: {'.'.join(map(str, _section(run, recipe, *_BATCH)))}: {batch_told(recipe.asked, recipe.training)}"
        for recipe in recipes
        if recipe.asked
    ]
    told = [*dict.fromkeys(batches)]
    if any(offloads_optimizer(recipe.training) for recipe in recipes) and not has_compiler():
        told.append(_COMPILED)
    return told if has_gpu() else [*told, *_elsewhere(recipes)]


def _elsewhere(recipes: Sequence[Recipe]) -> list[str]:
    wanted = {
        "lora.quantization": any(map(_quantized, recipes)),
        "sequence_parallel": any(recipe.training.sequence_parallel > 1 for recipe in recipes),
    }
    return [
        f"warning: training.{key}: needs an NVIDIA GPU, and this machine has none; train where there is one"
        for key, is_wanted in wanted.items()
        if is_wanted
    ]


def _of_quantization(run: Run, recipe: Recipe, config: Mapping[str, Any]) -> Iterator[Problem]:
    if not _quantized(recipe):
        return
    keys: Keys = (*_section(run, recipe, "lora"), "lora", "quantization")
    if any(_number(config, name) for name in _EXPERTS):
        yield Problem(
            keys,
            "the experts of this model are no linear layers and would stay in 16 bits; leave it out, or train a dense model",
        )
    if has_gpu() and not find_spec("bitsandbytes"):
        yield Problem(
            keys,
            "the package bitsandbytes is not installed here; `make install ACCELERATOR=cuda` installs it, or leave this out",
        )


def _of_optimizer(run: Run, recipe: Recipe) -> Iterator[Problem]:
    method = METHODS[recipe.training.method]
    name = str(further_fields(method, recipe.training.model_dump()).get("optim"))
    if not name.startswith("adamw_torch") and _BNB.search(name) and not find_spec("bitsandbytes"):
        keys = (*_section(run, recipe, method.SECTION[0]), *method.SECTION, "optim")
        yield Problem(
            keys,
            f"{name}: the package bitsandbytes is not installed here; leave it out, or install it",
        )


def _of_sequences(run: Run, recipe: Recipe, config: Mapping[str, Any]) -> Iterator[Problem]:
    training = recipe.training
    shared = training.sequence_parallel
    if shared == 1:
        return
    keys: Keys = (*_section(run, recipe, "sequence_parallel"), "sequence_parallel")
    heads = _number(config, "num_attention_heads")
    groups = _number(config, "num_key_value_heads") or heads
    if heads and groups and (heads % shared or (groups % shared and shared % groups)):
        fitting = [
            n for n in range(2, training.world_size + 1)
            if not training.world_size % n and not heads % n and (not groups % n or not n % groups)
        ]  # fmt: skip
        change = f"give {' or '.join(map(str, fitting))}" if fitting else "leave it out"
        yield Problem(
            keys,
            f"{shared} must divide the model's {heads} heads of attention, and its {groups} of keys and values or be a multiple "
            f"of them; {change}",
        )
    if window := _narrow(training, config):
        yield Problem(
            keys,
            f"this model has {window}, which sdpa does by a mask, and sequence_parallel has none; give attention: "
            "flash_attention_2, or leave this out",
        )


def _narrow(training: TrainingParams, config: Mapping[str, Any]) -> str:
    """Layers whose attention is not over the whole sequence, in words; "" where all are."""
    if training.attention.startswith("flash"):
        return ""
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        other = [str(kind) for kind in kinds if kind != "full_attention"]
        return f"layers of {other[0].replace('_', ' ')}" if other else ""
    window = _number(config, "sliding_window")
    if window and window < training.max_length and config.get("use_sliding_window", True):
        return f"a sliding window of {window:,} tokens"
    return ""


def _number(config: Mapping[str, Any], name: str) -> int | None:
    value = config.get(name)
    return value if type(value) is int and value > 0 else None


def _quantized(recipe: Recipe) -> bool:
    lora = recipe.training.lora
    return lora is not None and lora.quantization is not None


def _section(run: Run, recipe: Recipe, *keys: str) -> Keys:
    """Where a setting of a candidate's training is given, or one of several."""
    own = recipe.listed and any(k in run.params.candidates[recipe.number].training for k in keys)
    return ("candidates", recipe.number, "training") if own else ("training",)
