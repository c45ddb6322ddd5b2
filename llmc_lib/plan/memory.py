"""The memory that one process of a training needs, part by part, at the three moments that can be its peak.

Sources. Weights, gradients and optimizer states under ZeRO: Rajbhandari et al., "ZeRO: Memory
Optimizations Toward Training Trillion Parameter Models" (arXiv:1910.02054), section 3 and 5; CPU offload:
Ren et al., "ZeRO-Offload" (arXiv:2101.06840). Activations: Korthikanti et al., "Reducing Activation
Recomputation in Large Transformer Models" (arXiv:2205.05198), section 4, recounted for RMSNorm, grouped
queries, gated MLPs and attention kernels that keep no matrix of scores. Buffers: DeepSpeed's own defaults.

All sizes are bytes; upper bounds where lengths vary: every micro-batch is as long as it can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmc_lib.models.hardware import computing_dtype
from llmc_lib.params import TrainingParams
from llmc_lib.plan.activations import activation_widths, attention_mask, scores
from llmc_lib.plan.machine import GIB
from llmc_lib.plan.shape import Shape
from llmc_lib.plan.zero import Zero, zero_settings

#: Assumptions, which the plan states. A process on a CPU with its libraries and no model to speak of:
#: measured, the peak of a training of 0.1 M parameters. On a GPU: CUDA's context and NCCL's buffers.
CPU_PROCESS = 0.9 * GIB
GPU_PROCESS = 1.5 * GIB
HOST_PROCESS = 4 * GIB  # RAM of a process that trains on a GPU
GPU_FRAGMENTS = 0.05  # of the other parts: blocks that the allocator holds and cannot give out
#: On a CPU: free parts of the heap between blocks in use, which no later block fits. The embedded model's
#: peaks were 16% (a few steps) to 50% (20 steps of differing lengths) above the sum of the other parts.
CPU_FRAGMENTS = 0.3
#: glibc keeps what is smaller in its heap when it is freed (`cluster.environment` sets the threshold).
_HEAP_BUFFER = 2**30
#: Of a weight in 4 bits: a scale of 8 bits for 64 weights, and one of float32 for 256 of these (QLoRA, arXiv:2305.14314).
NF4_BYTES = 0.5 + (1 + 4 / 256) / 64
#: TRL's fused output layer works on tiles of so many tokens × so many words of the vocabulary.
_TILE_TOKENS, _TILE_WORDS = 4096, 32768


@dataclass(frozen=True)
class Part:
    """A part of the memory when the backward pass starts, when it ends, and in the optimizer step."""

    name: str
    how: str  # how it is counted
    backward_start: float
    backward_end: float
    step: float


@dataclass(frozen=True)
class Memory:
    """What one process needs (on a GPU: of the GPU's memory), and a machine's RAM with all its processes.

    On a CPU both are the same memory, and `ram` is empty.
    """

    parts: tuple[Part, ...]
    ram: tuple[tuple[str, float], ...]  # bytes a machine, the largest machine (the first)
    tokens: int  # of a micro-batch, at most
    precision: str

    @property
    def moments(self) -> tuple[float, float, float]:
        """The sums at the three moments."""
        return (
            sum(part.backward_start for part in self.parts),
            sum(part.backward_end for part in self.parts),
            sum(part.step for part in self.parts),
        )

    @property
    def peak(self) -> float:
        """The largest of the three sums, in bytes."""
        return max(self.moments)

    @property
    def machine_ram(self) -> float:
        """Bytes of RAM of the largest machine; 0 on a CPU, where `peak` is the RAM."""
        return sum(size for _, size in self.ram)


def memory(
    shape: Shape,
    training: TrainingParams,
    *,
    on_gpu: bool,
    longest: int | None = None,
    beside: Sequence[Part] = (),
) -> Memory:
    """The memory of a training. `longest`: tokens of the longest example, where the data set is known; `beside`:
    what else the process holds.

    How it trains: on a GPU weights are loaded in bfloat16, and DeepSpeed keeps
    float32 weights and Adam's two moments, divided by the ZeRO stage; on a CPU all is float32, and
    "bfloat16" adds copies of the weights for the products. QLoRA holds the linear layers in 4 bits, but for the output layer, and
    makes bfloat16 of one at a time. Processes that share sequences have their part of a micro-batch's tokens.
    """
    at = _Training(shape, training, zero_settings(training, shape), on_gpu, longest)
    parts = [*_states(at), *_layers(at), _logits(at)]
    parts += [*_overhead(parts, on_gpu), *beside]
    parts = [part for part in parts if max(part.backward_start, part.backward_end, part.step)]
    return Memory(tuple(parts), _ram(at) if on_gpu else (), at.tokens, at.precision)


@dataclass(frozen=True)
class _Training:
    """A training, and what its parts are counted from. Sizes are bytes unless they say otherwise."""

    shape: Shape
    params: TrainingParams
    zero: Zero
    on_gpu: bool
    longest: int | None  # tokens of the longest example; None: not known

    @property
    def precision(self) -> str:
        if self.params.precision != "auto":
            return self.params.precision
        return "bfloat16" if self.on_gpu else computing_dtype("auto")

    @property
    def half(self) -> bool:
        """Are the products in bfloat16?"""
        return self.precision == "bfloat16"

    @property
    def weight(self) -> int:
        """Of one weight, and of its gradient."""
        return 2 if self.on_gpu and self.half else 4

    @property
    def adapters(self) -> int:
        """Parameters of the adapters; 0: all weights are trained."""
        lora = self.params.lora
        return (
            self.shape.adapters(lora.rank, lora.target_modules, lora.modules_to_save) if lora else 0
        )

    @property
    def trained(self) -> int:
        """Parameters that are trained."""
        return self.adapters if self.params.lora else self.shape.parameters

    @property
    def whole(self) -> int:
        """Parameters of the model with its adapters."""
        return self.shape.parameters + self.adapters

    @property
    def share(self) -> float:
        """Parameters whose optimizer state one process has."""
        return self.trained / self.params.world_size if self.zero.stage >= 1 else self.trained

    @property
    def states(self) -> float:
        """Adam's moments and float32 weights; DeepSpeed 0.19 copies weights that are float32 already, too."""
        return 12.0 * self.share

    @property
    def tokens(self) -> int:
        """Tokens of a micro-batch, at most."""
        length = self.params.max_length
        if self.longest and self.params.batching != "packed":
            length = min(length, self.longest)
        return self.params.micro_batch_size * length

    @property
    def shared_tokens(self) -> int:
        """Of them those that one process has."""
        return math.ceil(self.tokens / self.params.sequence_parallel)

    @property
    def four_bit(self) -> int:
        """Parameters that are held in 4 bits."""
        lora = self.params.lora
        return self.shape.linear_weights if lora and lora.quantization else 0

    @property
    def widths(self) -> list[int]:
        """Of one token in one layer, tensor by tensor."""
        liger = self.on_gpu and self.params.liger != "off"
        return activation_widths(self.shape, 2 if self.half else 4, liger)


def _states(at: _Training) -> list[Part]:
    """Weights, gradients, optimizer, and the buffers that they pass through."""
    zero, n, wide, trained = at.zero, at.params.world_size, at.weight, at.trained
    held = wide * (at.whole - at.four_bit) + NF4_BYTES * at.four_bit
    weights = 0.0 if zero.offload_weights else held / n if zero.stage == 3 else held
    optimizer = 0.0 if zero.offload_optimizer else at.states
    gradients = wide * (trained / n if zero.stage >= 2 else trained)
    accumulates = at.params.batch_size > at.params.micro_batch_size * at.params.replicas
    accumulated = gradients if accumulates or zero.stage == 3 else 0.0
    if zero.offload_optimizer and zero.stage >= 2:
        gradients = accumulated = 0.0
    step_copy = 4 * (min(at.share, zero.sub_group) if zero.stage == 3 else at.share)
    if zero.offload_optimizer:
        step_copy = 0.0
    # The bucket is reserved whole on a GPU; on a CPU what is not touched takes no memory.
    bucket = wide * (zero.bucket if at.on_gpu else min(zero.bucket, trained))
    copies = 2.0 * at.shape.parameters if at.half and not at.on_gpu else 0.0
    divided = f" / {n}" if n > 1 else ""
    cut = [divided if zero.stage >= stage else "" for stage in (1, 2, 3)]
    off = ", in RAM" if zero.offload_weights else ""
    off_optimizer = ", in RAM" if zero.offload_optimizer else ""
    per_weight = at.states / at.share if at.share else 0
    return [
        Part("weights", f"{_held(at)}{cut[2]}{off}", weights, weights, weights),
        Part(
            "optimizer", f"{per_weight:.0f} B × {in_billions(trained)}{cut[0]}{off_optimizer}",
            optimizer, optimizer, optimizer,
        ),
        Part(
            "gradients", f"{wide} B × {in_billions(trained)}{cut[1]}{off_optimizer}",
            accumulated, gradients, gradients,
        ),
        Part(
            "reduce bucket", f"{wide} B × {in_billions(bucket / wide)}",
            bucket if at.on_gpu else 0.0, bucket, bucket if zero.stage == 3 else 0.0,
        ),
        Part("gradients, float32", "a copy for Adam", 0.0, 0.0, step_copy),
        *_gathered(at),
        Part("weights, bfloat16", "copies for the products", copies, copies, 0.0),
    ]  # fmt: skip


def _gathered(at: _Training) -> list[Part]:
    """What ZeRO-3 has of the other processes' weights and gradients."""
    zero, shape = at.zero, at.shape
    gathered = block = 0.0
    if zero.stage == 3:
        live = max(zero.live, shape.largest_block + zero.prefetch)
        gathered = at.weight * min(at.whole, live)
        block = at.weight * min(at.trained, shape.largest_block)  # before it is divided
    # glibc's heap keeps them; on a GPU the step has their memory.
    in_step = 0.0 if at.on_gpu else gathered
    return [
        Part("gathered weights", "layers at hand", gathered, gathered, in_step),
        Part("gathered gradients", "of the largest layer", 0.0, block, 0.0),
    ]


def _layers(at: _Training) -> list[Part]:
    """The activations that the backward pass needs, and on a CPU the heap that they leave."""
    tokens, shape, widths = at.shared_tokens, at.shape, at.widths
    b = 2 if at.half else 4
    one_layer = tokens * sum(widths) + scores(shape, at.params, at.tokens, b)
    mask = attention_mask(at.params, at.tokens, b)
    ends = tokens * shape.hidden * (4 + 2 * b)  # the last norm, and what the output layer reads
    heap = 0.0
    if not at.on_gpu:
        heap = sum(tokens * width for width in widths if tokens * width < _HEAP_BUFFER)
    if at.params.gradient_checkpointing:
        kept, recomputed = "(inputs of layers, one layer)", one_layer
        total = tokens * shape.layers * shape.hidden * b + one_layer + ends + mask
    else:
        kept, recomputed = f"{shape.layers} layers", 0
        total = shape.layers * one_layer + ends + mask
        heap *= shape.layers
    how = f"{tokens:,} tokens × {kept}"
    layer = (
        2.0 * shape.hidden * max(shape.ffn, shape.heads * shape.head_dim) if at.four_bit else 0.0
    )
    return [
        Part("activations", how, total, max(recomputed, heap), heap),
        Part("a layer in bfloat16", "of 4 bits, for its product", layer, layer, 0.0),
        *_exchanged(at),
    ]


def _exchanged(at: _Training) -> list[Part]:
    """What processes that share sequences have besides: in the attention the heads that they send and receive; and in an
    evaluation, where each has whole sequences, one layer of it, as far as that is more than a training's activations."""
    shared, shape = at.params.sequence_parallel, at.shape
    if shared == 1:
        return []
    b = 2 if at.half else 4
    key_heads = max(shape.kv_heads, shared)  # repeated where there are fewer than processes
    heads = 2.0 * at.shared_tokens * (2 * shape.heads + 2 * key_heads) * shape.head_dim * b
    whole = at.tokens * (3 * shape.ffn + 2 * shape.heads * shape.head_dim + 4 * shape.hidden) * b
    return [
        Part("heads, exchanged", f"between {shared} processes", heads, heads, 0.0),
        Part(
            "evaluation", f"{at.tokens:,} tokens × a layer, at another time", 0.0, 0.0, float(whole)
        ),
    ]


def _logits(at: _Training) -> Part:
    """The output layer: on a GPU TRL's fused one, on a CPU the logits of all tokens."""
    shape, tokens = at.shape, at.shared_tokens
    if not at.on_gpu:
        size = 2 * 4 * tokens * shape.vocabulary
        return Part("logits", "float32, and their gradient, of all tokens", float(size), 0.0, 0.0)
    b = 2 if at.half else 4
    tile = min(tokens, _TILE_TOKENS) * min(shape.vocabulary, _TILE_WORDS) * b
    lora = at.params.lora
    names = {"lm_head", "embed_tokens"} if shape.tied else {"lm_head"}
    trained = lora is None or not names.isdisjoint(lora.modules_to_save)
    head = (4 + at.weight) * shape.vocabulary * shape.hidden if trained else 0
    size = tile + head + 4 * tokens * shape.hidden
    how = "fused output layer: a tile, and float32 gradients"
    return Part("logits", how, float(size), 0.0, 0.0)


def _overhead(parts: list[Part], on_gpu: bool) -> list[Part]:
    """The process itself, and what its allocator holds and cannot give out."""
    sums = Memory(tuple(parts), (), 0, "").moments
    if on_gpu:
        how = f"assumed: {GPU_FRAGMENTS:.0%} of the above"
        return [
            Part("CUDA, NCCL", "assumed", *[GPU_PROCESS] * 3),
            Part("fragments", how, *[GPU_FRAGMENTS * size for size in sums]),
        ]
    how = f"assumed: {CPU_FRAGMENTS:.0%} of the above but the process"
    return [
        Part("process", "Python, torch, TRL, DeepSpeed", *[CPU_PROCESS] * 3),
        Part("fragments", how, *[CPU_FRAGMENTS * size for size in sums]),
    ]


def _ram(at: _Training) -> tuple[tuple[str, float], ...]:
    """The RAM of a machine whose GPUs train. The largest of its moments: while the model is loaded,
    while it trains, and while the first process gathers the weights of the export."""
    zero, processes = at.zero, at.params.nproc_per_node
    own = ("processes", float(HOST_PROCESS * processes))
    if zero.stage < 3:
        if at.four_bit:  # which go to the GPU one by one; adapters are merged in main memory
            gathered = at.weight * float(at.shape.parameters)
            return (own, ("weights for an export (first machine)", gathered))
        # Each process loads the whole model before it goes to its GPU.
        load = float(at.weight * at.shape.parameters * processes)
        offloaded = (at.states + 4 * at.share) * processes if zero.offload_optimizer else 0.0
        if load >= offloaded:
            return (own, ("weights, while they are loaded", load))
        return (own, ("optimizer and float32 gradients", offloaded))
    parts = [own]
    if zero.offload_optimizer:
        parts.append(("optimizer", at.states * processes))
        # A float32 buffer for the step, and the accumulated ones.
        parts.append(("gradients", (4 + at.weight) * at.share * processes))
    if zero.offload_weights:
        held = at.weight * at.whole / at.params.world_size * processes
        parts.append(("weights", held))
    parts.append(("weights gathered for an export (first machine)", at.weight * float(at.whole)))
    return tuple(parts)


def _held(at: _Training) -> str:
    """How the weights of a model are counted."""
    if not at.four_bit:
        return f"{at.weight} B × {in_billions(at.whole)}"
    rest = in_billions(at.whole - at.four_bit)
    return f"{NF4_BYTES:.3f} B × {in_billions(at.four_bit)} + {at.weight} B × {rest}"


def in_billions(number: float) -> str:
    """Parameters for people: 135 M, 8.19 B."""
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"
