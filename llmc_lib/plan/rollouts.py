"""What reinforcement learning needs besides training: who samples the completions, and how long that takes.

Sources. The reference model of the KL term: Shao et al., "DeepSeekMath" (arXiv:2402.03300), section 4; TRL 1.16 keeps
it beside the policy, under ZeRO-3 divided among the processes, and with adapters not at all. vLLM takes a share of
a GPU when it starts and holds it; its weights are bfloat16, divided among the GPUs of a copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmc_lib.params import PlanParams, TrainingParams
from llmc_lib.params.grpo import GrpoParams
from llmc_lib.plan.hours import Work, generated_per_second, work
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.plan.memory import Memory, Part
from llmc_lib.plan.preferences import reference, with_reference
from llmc_lib.plan.shape import Shape
from llmc_lib.plan.zero import Zero

#: Of vLLM's share what is not weights: activations of a step and CUDA graphs, assumed.
_VLLM_OWN = 2 * GIB
#: Sequences whose keys and values a copy of vLLM should hold at once to be worth its share, assumed.
_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Rollouts:
    """The completions of a training."""

    generator: str  # "vllm", "vllm server", "transformers" or "batched"
    prompts: int  # a step
    group: int
    tokens_per_prompt: float
    tokens_per_completion: float
    completions: int  # of all steps
    tokens_per_s: float | None  # of all that sample at once; None: not known
    gpus: int  # that sample; of a server those of one copy

    @property
    def tokens(self) -> float:
        """Generated in all steps."""
        return self.completions * self.tokens_per_completion

    @property
    def hours(self) -> float | None:
        """Of sampling, while nothing is trained; None: the speed is not known."""
        return self.tokens / self.tokens_per_s / 3600 if self.tokens_per_s else None


def rollouts(
    shape: Shape, training: TrainingParams, on: Machine, plan: PlanParams, rows: int
) -> Rollouts:
    """The completions of a training on `rows` prompts."""
    grpo = _grpo(training)
    prompts = training.batch_size // grpo.group_size
    steps = grpo.steps or math.ceil(training.epochs * rows / prompts)
    longest = training.max_length - grpo.max_completion_length
    who = _generator(grpo, on)
    gpus = 1
    if on.on_gpu:
        gpus = grpo.vllm_tensor_parallel if grpo.vllm_server else training.world_size
    speed = generated_per_second(shape, on, plan)
    return Rollouts(
        who, prompts, grpo.group_size,
        float(min(plan.tokens_per_prompt or longest, longest)),
        float(min(plan.tokens_per_completion or grpo.max_completion_length, grpo.max_completion_length)),
        steps * training.batch_size,
        speed * gpus if speed else None, gpus,
    )  # fmt: skip


def rollout_work(
    shape: Shape, training: TrainingParams, zero: Zero, on: Machine, plan: PlanParams, *,
    found: Rollouts, adapters: int,
) -> Work:  # fmt: skip
    """The work of the optimizer steps: each completion once forward and backward, with its prompt; with a KL term
    once more forward, by the reference model."""
    grpo = _grpo(training)
    length = found.tokens_per_prompt + found.tokens_per_completion
    once = training.model_copy(update={"epochs": 1.0, "batching": "padded"})
    made = work(
        shape, once, zero, on, plan, rows=found.completions, length=length, adapters=adapters
    )
    return with_reference(made, training) if grpo.beta else made


def rollout_parts(shape: Shape, training: TrainingParams, on: Machine, zero: Zero) -> list[Part]:
    """The reference model, and what samples, in the memory of a process that trains."""
    grpo = _grpo(training)
    parts = []
    if grpo.beta and training.lora is None:
        parts.append(reference(shape, training, on, zero, ", for beta"))
    who = _generator(grpo, on)
    if who == "vllm" and on.memory:
        held = 0.0 if grpo.vllm_sleep else grpo.vllm_memory * on.memory
        how = f"{grpo.vllm_memory:.0%} of the GPU"
        how += ", asleep during the step" if grpo.vllm_sleep else ""
        parts.append(Part("vLLM", how, held, held, held))
    if who == "batched":
        size = 2.0 * shape.parameters + 2**30
        how = "the model's copy that samples, and its cache"
        parts.append(Part("sampling", how, size, size, size))
    return parts


def rollout_notes(shape: Shape, training: TrainingParams, on: Machine, memory: Memory) -> list[str]:
    """What is wrong with the settings of vLLM, as far as sizes tell."""
    grpo = _grpo(training)
    who = _generator(grpo, on)
    if not on.memory or not who.startswith("vllm"):
        return []
    tensor = grpo.vllm_tensor_parallel
    share = on.memory if who == "vllm server" else grpo.vllm_memory * on.memory
    cache = _SIDE_BY_SIDE * training.max_length * shape.cached / tensor
    need = 2.0 * shape.parameters / tensor + cache + _VLLM_OWN
    where = "a server's GPU" if who == "vllm server" else f"vllm_memory {grpo.vllm_memory:g}"
    notes = []
    if need > share:
        notes.append(
            f"training.grpo: vLLM needs {need / GIB:.0f} GiB a GPU for its weights and {_SIDE_BY_SIDE} sequences of "
            f"{training.max_length:,} tokens, and {where} is {share / GIB:.0f}; raise vllm_tensor_parallel or "
            "vllm_memory, or give vllm_server: GPUs of its own"
        )
    if who == "vllm" and training.world_size % tensor:
        notes.append(
            f"training.grpo.vllm_tensor_parallel: {tensor} must divide the {training.world_size} processes of the training"
        )
    if who == "vllm" and grpo.vllm_sleep:
        states = sum(p.step for p in memory.parts if p.name in ("weights", "optimizer"))
        awake = states + grpo.vllm_memory * on.memory
        if awake > on.memory:
            notes.append(
                f"training.grpo: while it samples a GPU holds {awake / GIB:.0f} of {on.memory / GIB:.0f} GiB: vLLM's "
                "share, weights and optimizer; lower vllm_memory"
            )
    return notes


def _grpo(training: TrainingParams) -> GrpoParams:
    return training.grpo or GrpoParams()


def _generator(grpo: GrpoParams, on: Machine) -> str:
    if grpo.vllm_server:
        return "vllm server"
    if grpo.generator != "auto":
        return grpo.generator
    return "vllm" if on.on_gpu else "batched"
