"""Settings of a training that cannot be given together: one would silently take the place of another, or have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.params.training import TrainingParams

# Keys below `training`, what is wrong with them and the remedy.
Conflict = tuple[str | tuple[str, ...], str]

#: What transformers' schedules take as lr_scheduler_kwargs besides warm-up and the number of steps.
_SCHEDULES = {"cosine": {"num_cycles"}}
#: Of generation_kwargs: what has a setting of its own, which it would take the place of.
_SAMPLING = {
    "temperature": "training.grpo.temperature",
    **dict.fromkeys(
        ("max_new_tokens", "max_tokens", "max_length"), "training.grpo.max_completion_length"
    ),
    **dict.fromkeys(("n", "num_return_sequences"), "training.grpo.group_size"),
    **{
        name: f"training.grpo.config.{name}"
        for name in ("top_p", "top_k", "min_p", "repetition_penalty", "cache_implementation")
    },
    **dict.fromkeys(
        ("do_sample", "num_beams", "pad_token_id", "bos_token_id", "eos_token_id"),
        "this package, as group-relative rewards need samples that end where the model ends them",
    ),
}


def check_together(training: TrainingParams) -> None:
    """Refuse settings that contradict one another. Raises `ValueError(keys, message)`."""
    for keys, message in _conflicts(training):
        raise ValueError(keys, message)


def _conflicts(training: TrainingParams) -> Iterator[Conflict]:
    section: tuple[str, ...] = ("sft",)
    given: dict[str, Any] = training.sft
    if training.method == "sft":
        yield from _of_rows(training)
    else:
        own = getattr(training, training.method)
        section, given = (training.method, "config"), own.config if own else {}
    if training.method == "grpo" and training.grpo is not None:
        yield from _of_grpo(training, given)
    given = {name: value for name, value in given.items() if value is not None}
    for name, message in (*_of_all(training, given), *_of_offload(training, given)):
        yield (*section, name), message
    yield from _of_quantization(training)
    yield from _of_sequences(training, given)


def _of_all(training: TrainingParams, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Further fields of any method's configuration against the settings of the training."""
    if training.lr_scheduler == "cosine_with_min_lr" and "lr_scheduler_kwargs" in given:
        yield (
            "lr_scheduler_kwargs",
            "of this schedule has a setting of its own: training.min_lr_rate",
        )
    known = _SCHEDULES.get(training.lr_scheduler, set())
    for name in given.get("lr_scheduler_kwargs", {}):
        if name not in known:
            also = (
                "; for a least rate give lr_scheduler: cosine_with_min_lr"
                if "min_lr" in name
                else ""
            )
            yield (
                "lr_scheduler_kwargs",
                f"{name}: the schedule {training.lr_scheduler} takes {' and '.join(known) or 'none'}{also}",
            )
    if given.get("liger_kernel_config", {}).get("fused_linear_cross_entropy"):
        yield (
            "liger_kernel_config",
            "fused_linear_cross_entropy: TRL has a fused output layer of its own, which it would take the place of; leave it out",
        )
    if "liger_kernel_config" in given and training.liger == "off":
        yield (
            "liger_kernel_config",
            "has no effect with training.liger: off; set auto or on, or leave this out",
        )


def offloads_optimizer(training: TrainingParams) -> bool:
    """Is the optimizer in main memory, or on disk?"""
    zero = training.deepspeed_config.get("zero_optimization") or {}
    default = {"device": "cpu"} if training.deepspeed == "zero3_offload" else {}
    return bool((default | (zero.get("offload_optimizer") or {})).get("device", "none") != "none")


def _of_offload(training: TrainingParams, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Optimizers that DeepSpeed has no version of for main memory, where accelerate takes Adam in their place."""
    optim = str(given.get("optim", "adamw_torch"))
    if offloads_optimizer(training) and not optim.startswith("adamw_torch") and optim != "adagrad":
        yield (
            "optim",
            f"{optim} would become Adam: in main memory, where training.deepspeed has the optimizer, there are adamw_torch and "
            "adagrad; give one of them, or a preset without offload",
        )


def _of_rows(training: TrainingParams) -> Iterator[Conflict]:
    """How sequences are laid out."""
    given = training.sft
    strategy = given.get("packing_strategy")
    if strategy is not None and training.batching != "packed":
        yield (
            ("sft", "packing_strategy"),
            f"has no effect with training.batching: {training.batching}; set packed, or leave this out",
        )
    if strategy == "wrapped":
        yield (
            ("sft", "packing_strategy"),
            "wrapped cuts examples, and those of one row see one another; leave it out, for bfd",
        )


def _of_grpo(training: TrainingParams, given: dict[str, Any]) -> Iterator[Conflict]:
    grpo = training.grpo
    assert grpo is not None
    for name in given.get("generation_kwargs") or {}:
        if name in _SAMPLING:
            yield (
                ("grpo", "config", "generation_kwargs"),
                f"{name} is set by {_SAMPLING[name]}; leave it out here",
            )
    if grpo.beta == 0 and given.get("sync_ref_model"):
        yield (
            ("grpo", "config", "sync_ref_model"),
            "there is no reference model with training.grpo.beta: 0; set beta, or leave this out",
        )
    if given.get("sync_ref_model") and training.lora is not None:
        yield (
            ("grpo", "config", "sync_ref_model"),
            "TRL has no reference model to update beside adapters; leave out training.lora or this",
        )
    if grpo.generator in ("batched", "transformers"):
        for name, value in given.items():
            if name.startswith("vllm_") and value is not None:
                yield (
                    ("grpo", "config", name),
                    f"has no effect with training.grpo.generator: {grpo.generator}; set vllm, or leave this out",
                )


def _of_quantization(training: TrainingParams) -> Iterator[Conflict]:
    """QLoRA."""
    if training.lora is None or training.lora.quantization is None:
        return
    keys = ("lora", "quantization")
    if training.method == "grpo":
        yield keys, "method grpo samples with the weights that it trains, in 16 bits; leave it out"
    elif training.method != "sft":
        yield (
            keys,
            f"method {training.method} has 16-bit weights alone; leave it out, or take method: sft",
        )
    if training.deepspeed.startswith("zero3"):
        yield (
            keys,
            f"4-bit weights are whole on each GPU, and {training.deepspeed} would divide them; give deepspeed: zero2, or leave "
            "this out",
        )
    if others := set(training.lora.modules_to_save) - {"embed_tokens", "lm_head"}:
        yield (
            ("lora", "modules_to_save"),
            f"{min(others)} is held in 4 bits and cannot be trained as a whole; only embed_tokens and lm_head are not",
        )
    if training.precision == "float32":
        yield keys, "products of 4-bit weights are in bfloat16; give precision: auto or bfloat16"


def _of_sequences(training: TrainingParams, given: dict[str, Any]) -> Iterator[Conflict]:
    """Sequence parallelism."""
    shared = training.sequence_parallel
    if shared == 1:
        return
    key = "sequence_parallel"
    if training.method != "sft":
        yield key, f"method {training.method} cannot divide sequences; leave it out"
    if training.world_size % shared:
        yield (
            key,
            f"{shared} must divide the {training.world_size} processes (nproc_per_node × cluster.nodes)",
        )
    if training.batching != "padded":
        yield (
            "batching",
            f"{training.batching} keeps sequences of a row apart by a mask, which sequence_parallel has not; give padded "
            "(with micro_batch_size: 1 no row is padded but to a multiple of sequence_parallel)",
        )
    if training.attention in ("eager", "flex_attention"):
        yield (
            "attention",
            f"{training.attention} cannot be divided by sequence_parallel; give auto, sdpa or a flash attention",
        )
    if "label_smoothing_factor" in given or given.get("loss_type", "nll") != "nll":
        name = "loss_type" if given.get("loss_type", "nll") != "nll" else "label_smoothing_factor"
        if given[name]:
            yield ("sft", name), "sequence_parallel has the plain loss alone; leave it out"
    if given.get("average_tokens_across_devices") is False:
        yield (
            ("sft", "average_tokens_across_devices"),
            "processes that share a sequence have one loss; leave it out",
        )
    if (multiple := given.get("pad_to_multiple_of")) and multiple % shared:
        yield (
            ("sft", "pad_to_multiple_of"),
            f"{multiple} must be a multiple of sequence_parallel ({shared}); leave it out, and it is",
        )
