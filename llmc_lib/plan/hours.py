"""How long a training and an evaluation take, from counts of operations, bytes and tokens.

Sources. Model FLOPs of training: 6 for each parameter that is multiplied and each token, and 12 × layers
× heads × head width × length for attention: Chowdhery et al., "PaLM" (arXiv:2204.02311), appendix B, which
also defines the model FLOPs utilisation (MFU); the 6 is from Kaplan et al. (arXiv:2001.08361), section
2.1. Bytes between GPUs: the ZeRO paper (arXiv:1910.02054), section 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmc_lib.params import PlanParams, TrainingParams
from llmc_lib.plan.machine import Machine
from llmc_lib.plan.shape import Shape
from llmc_lib.plan.zero import Zero

_SLOW, _SLOW_EXPERTS = 0.12, 0.06  # see `slow_mfu`


@dataclass(frozen=True)
class Work:
    """A training's steps, tokens (over all epochs) and hours. None: not known."""

    steps: int
    tokens: float
    compute_hours: float | None  # at the stated MFU
    transfer_hours: float  # bytes between the GPUs, at the stated bandwidth
    slower: float = 1.0  # times as long computing may take, at the MFU of a slow training
    slower_transfers: float = 1.0  # and transfers, at its share of the bandwidth
    measured: float | None = None  # seconds of a step, as people measured it

    @property
    def hours(self) -> float | None:
        """At least: the longer of the two, as transfers run beside the computation as far as they can. A measured step takes
        the place of what is counted."""
        if self.measured is not None:
            return self.steps * self.measured / 3600
        return self.counted[0] if self.counted else None

    @property
    def slow_hours(self) -> float | None:
        """At most, by the same count: computing at a slow training's share of the peak, and transfers after it."""
        if self.measured is not None:
            return self.hours
        return self.counted[1] if self.counted else None

    @property
    def counted(self) -> tuple[float, float] | None:
        """From and to, in hours, whatever was measured; None: the speed is not known."""
        if self.compute_hours is None:
            return None
        fast = max(self.compute_hours, self.transfer_hours)
        slow = self.slower * self.compute_hours + self.slower_transfers * self.transfer_hours
        return fast, slow


def training_flops(shape: Shape, length: float, lora: bool) -> float:
    """Model FLOPs for a token of an example of `length` tokens, forward and backward pass.

    Attention is counted as if every token saw all others, as PaLM counts it. With LoRA the frozen
    weights need no gradient of their own, which leaves 4 of the 6. What gradient checkpointing computes
    a second time is no model FLOP: it makes the MFU lower.
    """
    attention = 12 * shape.layers * shape.heads * shape.head_dim * length
    return (4 if lora else 6) * shape.multiplied + attention


def work(
    shape: Shape, training: TrainingParams, zero: Zero, machine: Machine, plan: PlanParams, *,
    rows: int, length: float, adapters: int,
) -> Work:  # fmt: skip
    """The work of a training on `rows` examples of `length` tokens on average."""
    sequences = rows
    if training.batching == "packed":
        sequences = math.ceil(rows * length / training.max_length)
    steps = math.ceil(sequences / training.batch_size * training.epochs)
    tokens = rows * length * training.epochs
    flops = tokens * training_flops(shape, length, training.lora is not None)
    n = training.world_size
    compute = None
    if machine.tflops:
        # The peak of a CPU is that of all its cores, however many processes share them.
        peak = machine.tflops * 1e12 * (n if machine.on_gpu else training.cluster.nodes)
        compute = flops / (peak * plan.mfu) / 3600
    transfer = 0.0
    if machine.on_gpu and n > 1:
        micro_steps = training.batch_size // (training.micro_batch_size * training.replicas)
        trained = adapters or shape.parameters
        width = 4 if training.precision == "float32" else 2
        if zero.stage == 3:  # weights for the forward and for the backward pass, then gradients
            elements = micro_steps * (2 * shape.parameters + trained)
        elif zero.stage == 2:  # gradients of each micro-batch, then weights
            elements = (micro_steps + 1) * trained
        else:
            elements = 2 * trained
        bandwidth = plan.link_gb_per_s
        if training.cluster.nodes > 1:  # every GPU of a machine brings its own network card
            bandwidth = min(bandwidth, plan.network_gb_per_s * training.nproc_per_node)
        transfer = steps * elements * width / (bandwidth * 1e9) / 3600
        transfer += (
            tokens / n * exchanged(shape, training) * width / (plan.link_gb_per_s * 1e9) / 3600
        )
    far = 1 / plan.slow_bandwidth if training.cluster.nodes > 1 else 1.0
    slower = plan.mfu / slow_mfu(shape, plan)
    return Work(steps, tokens, compute, transfer, slower, far, plan.measured)


def exchanged(shape: Shape, training: TrainingParams) -> float:
    """Elements of queries, keys, values and outputs that a process sends for each of its tokens where processes share sequences:
    all but its own part, in the forward pass, the backward pass and, with gradient checkpointing, the forward pass again (DeepSpeed
    Ulysses, arXiv:2309.14509, section 3.2)."""
    shared = training.sequence_parallel
    passes = 3 if training.gradient_checkpointing else 2
    heads = 2 * shape.heads + 2 * max(shape.kv_heads, shared)
    return passes * shape.layers * heads * shape.head_dim * (1 - 1 / shared)


def slow_mfu(shape: Shape, plan: PlanParams) -> float:
    """The share of the peak that a slow training reaches. Pre-training on thousands of accelerators reports 21% to 46% (PaLM,
    table 3); trainings of teams are slower. Where the params file names none it is a value that, with `plan.slow_bandwidth`, takes
    in two logs of such teams, of which neither says how long its rows were: a step took 2.9 times as long as counted of all
    weights of a 32B model on 24 GPUs, and 5.1 times of adapters of a mixture of experts of 235B, whose products are small."""
    found = plan.slow_mfu or (_SLOW_EXPERTS if shape.expert_count else _SLOW)
    return min(found, plan.mfu)


def generated_per_second(shape: Shape, machine: Machine, plan: PlanParams) -> float | None:
    """Tokens/s that one GPU (or all cores) generates: 2 FLOPs for each multiplied parameter and token,
    at the stated share of the peak. None: the peak is not known."""
    if plan.tokens_per_s:
        return plan.tokens_per_s
    if not machine.tflops:
        return None
    share = plan.generation_mfu if machine.on_gpu else plan.cpu_generation_mfu
    return machine.tflops * 1e12 * share / (2 * shape.multiplied)
