"""What to change in a params file so that a training fits: the changes are tried, not guessed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from llmc_lib.params import LoraParams, TrainingParams
from llmc_lib.plan.shape import Shape

#: Each needs less memory of a GPU than those before it.
_PRESETS = ("zero1", "zero2", "zero3", "zero3_offload")
_MOST_NODES = 64


@dataclass(frozen=True)
class Remedy:
    """Settings that make a training fit."""

    text: str  # "gradient_checkpointing: true and micro_batch_size: 1"
    key: str  # the first of them
    peak: float  # bytes then


def possible(training: TrainingParams, shape: Shape) -> bool:
    """Can a model of that shape be trained with these settings? Heads of attention that do not divide, and experts, which are no
    linear layers, are what a change may not fit."""
    shared = training.sequence_parallel
    divide = shape.kv_heads % shared == 0 or shared % shape.kv_heads == 0
    four_bit = training.lora is not None and training.lora.quantization is not None
    return shape.heads % shared == 0 and divide and not (four_bit and shape.expert_count)


def remedies(
    training: TrainingParams, peak: Callable[[TrainingParams], float], capacity: float, on_gpu: bool
) -> list[Remedy]:
    """The single changes that make it fit, or else the shortest row of changes in order of their cost,
    those that leave the result as it is first; [] where nothing tried is enough."""
    single: list[Remedy] = []
    for text, key, update in _changes(training, on_gpu):
        size = peak(training.model_copy(update=update))
        if size <= capacity and not any(remedy.key == key for remedy in single):
            single.append(Remedy(text, key, size))
    if single:
        return single
    changed, first, size = training, "", peak(training)
    texts: list[str] = []
    for key in dict.fromkeys(key for _, key, _ in _changes(training, on_gpu)):
        # Of a key's values the first that is enough, or else the one that saves most.
        best = None
        for text, _, update in [c for c in _changes(changed, on_gpu) if c[1] == key]:
            tried = changed.model_copy(update=update)
            if best is None or peak(tried) < best[2]:
                best = (text, tried, peak(tried))
            if best[2] <= capacity:
                break
        if best is None or best[2] > 0.99 * size:
            continue
        text, changed, size = best
        texts.append(text)
        first = first or key
        if size <= capacity:
            return [Remedy(" and ".join(texts), first, size)]
    return []


def _changes(training: TrainingParams, on_gpu: bool) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Changes to try, as text, key and update, the cheap ones first."""
    micro = training.micro_batch_size // 2
    while micro >= 1:
        if training.batch_size % (micro * training.world_size) == 0:
            yield f"micro_batch_size: {micro}", "micro_batch_size", {"micro_batch_size": micro}
        micro //= 2
    if not training.gradient_checkpointing:
        update: dict[str, Any] = {"gradient_checkpointing": True}
        yield "gradient_checkpointing: true", "gradient_checkpointing", update
    if on_gpu and not training.deepspeed_config:
        for preset in _PRESETS[_PRESETS.index(training.deepspeed) + 1 :]:
            yield f"deepspeed: {preset}", "deepspeed", {"deepspeed": preset}
        yield from _more_machines(training)
    if not on_gpu and training.nproc_per_node > 1:
        yield "nproc_per_node: 1", "nproc_per_node", {"nproc_per_node": 1}
    if training.lora is None:
        yield "lora: {rank: 16}", "lora", {"lora": LoraParams()}
    if on_gpu:
        yield from _four_bit(training)
        yield from _shared_sequences(training)
    length = training.max_length // 2
    while length >= 256:
        yield f"max_length: {length}", "max_length", {"max_length": length}
        length //= 2


def _four_bit(training: TrainingParams) -> Iterator[tuple[str, str, dict[str, Any]]]:
    given = training.lora
    if training.method == "grpo" or training.deepspeed.startswith("zero3") or not given:
        return
    if given.quantization is None and training.precision != "float32":
        lora = given.model_copy(update={"quantization": "nf4"})
        yield "lora.quantization: nf4", "lora", {"lora": lora}


def _shared_sequences(training: TrainingParams) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if training.method != "sft" or training.batching == "packed":
        return
    shared = 2 * training.sequence_parallel
    while training.nproc_per_node % shared == 0:
        text = f"sequence_parallel: {shared}"
        if training.batching != "padded":
            text += " (with batching: padded)"
        update = {"sequence_parallel": shared, "batching": "padded"}
        yield text, "sequence_parallel", update
        shared *= 2


def _more_machines(training: TrainingParams) -> Iterator[tuple[str, str, dict[str, Any]]]:
    nodes = training.cluster.nodes * 2
    while nodes <= _MOST_NODES:
        least = training.micro_batch_size * training.nproc_per_node * nodes
        batch = math.ceil(training.batch_size / least) * least
        text = f"cluster.nodes: {nodes}"
        if batch != training.batch_size:
            text += f" (with batch_size: {batch})"
        cluster = training.cluster.model_copy(update={"nodes": nodes})
        yield text, "cluster", {"cluster": cluster, "batch_size": batch}
        nodes *= 2
