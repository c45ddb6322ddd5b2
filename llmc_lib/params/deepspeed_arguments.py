"""The keys of DeepSpeed's configuration (0.19) that a params file may set over its preset, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from llmc_lib.params.common import PathText, Section
from llmc_lib.params.passed_on import (
    CODE,
    FILE,
    LOCAL,
    NETWORK,
    Number,
    Switch,
    Whole,
    check,
    one_of,
)

_Auto = Literal["auto"]
_Bytes = Whole | _Auto
_Dtype = Literal["fp16", "bf16", "fp32", "fp64"]


class Offload(Section):
    """Where optimizer state or weights are kept."""

    device: Literal["none", "cpu", "nvme"]
    nvme_path: PathText | None = None
    pin_memory: bool | None = None
    buffer_count: Whole | None = None
    buffer_size: _Bytes | None = None
    max_in_cpu: _Bytes | None = None
    pipeline_read: bool | None = None
    pipeline_write: bool | None = None
    fast_init: bool | None = None
    ratio: Annotated[float, Field(ge=0, le=1)] | None = None


class Zero(Section):
    """ZeRO, after deepspeed/runtime/zero/config.py."""

    stage: Annotated[int, Field(ge=0, le=3)] | None = None
    contiguous_gradients: bool | None = None
    reduce_scatter: bool | None = None
    reduce_bucket_size: _Bytes | None = None
    use_multi_rank_bucket_allreduce: bool | None = None
    allgather_partitions: bool | None = None
    allgather_bucket_size: _Bytes | None = None
    overlap_comm: bool | None = None
    load_from_fp32_weights: bool | None = None
    elastic_checkpoint: bool | None = None
    offload_param: Offload | None = None
    offload_optimizer: Offload | None = None
    sub_group_size: _Bytes | None = None
    stage3_max_live_parameters: _Bytes | None = None
    stage3_max_reuse_distance: _Bytes | None = None
    stage3_prefetch_bucket_size: _Bytes | None = None
    stage3_param_persistence_threshold: _Bytes | None = None
    stage3_model_persistence_threshold: _Bytes | None = None
    stage3_gather_16bit_weights_on_model_save: bool | None = None
    stage3_use_all_reduce_for_fetch_params: bool | None = None
    ignore_unused_parameters: bool | None = None
    round_robin_gradients: bool | None = None
    zero_hpz_partition_size: Whole | None = None
    zero_quantized_weights: bool | None = None
    zero_quantized_gradients: bool | None = None
    mics_shard_size: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    memory_efficient_linear: bool | None = None


class ActivationCheckpointing(Section):
    """After deepspeed/runtime/activation_checkpointing/config.py."""

    partition_activations: bool | None = None
    cpu_checkpointing: bool | None = None
    contiguous_memory_optimization: bool | None = None
    number_checkpoints: Whole | None = None
    synchronize_checkpoint_boundary: bool | None = None
    profile: bool | None = None


class Aio(Section):
    """Asynchronous reads and writes of NVMe offload."""

    block_size: Whole | None = None
    queue_depth: Whole | None = None
    thread_count: Whole | None = None
    single_submit: bool | None = None
    overlap_events: bool | None = None


class CommsLogger(Section):
    """The log of collective operations."""

    enabled: bool
    verbose: bool | None = None
    prof_all: bool | None = None
    debug: bool | None = None


class FlopsProfiler(Section):
    """The profile of floating-point operations."""

    enabled: bool
    profile_step: Whole | None = None
    module_depth: Annotated[int, Field(ge=-1)] | None = None
    top_modules: Whole | None = None
    detailed: bool | None = None


class DataTypes(Section):
    """The dtype in which gradients are summed."""

    grad_accum_dtype: _Dtype | None = None


KNOWN: dict[str, Any] = {
    "zero_optimization": Zero,
    "activation_checkpointing": ActivationCheckpointing,
    "aio": Aio,
    "comms_logger": CommsLogger,
    "flops_profiler": FlopsProfiler,
    "data_types": DataTypes,
    "communication_data_type": one_of("fp16", "bf16", "fp32"),
    "seq_parallel_communication_data_type": one_of("fp16", "bf16", "fp32"),
    "gradient_predivide_factor": Annotated[Number, Field(gt=0)],
    "steps_per_print": Annotated[int, Field(ge=1, lt=2**31)],
    **dict.fromkeys(
        "prescale_gradients sparse_gradients wall_clock_breakdown memory_breakdown dump_state "
        "zero_allow_untested_optimizer zero_force_ds_cpu_optimizer graph_harvesting".split(),
        Switch,
    ),
}
_OURS = {
    "optimizer": "training.learning_rate, weight_decay and adam_*",
    "scheduler": "training.lr_scheduler",
    "train_batch_size": "training.batch_size",
    "train_micro_batch_size_per_gpu": "training.micro_batch_size",
    "gradient_accumulation_steps": "training.batch_size",
    "gradient_clipping": "training.max_grad_norm",
    **dict.fromkeys(("fp16", "bf16", "amp", "torch_autocast"), "training.precision"),
}
_NEVER = {
    **dict.fromkeys("compression_training sparse_attention compile".split(), CODE),
    **dict.fromkeys(
        "autotuning checkpoint nebula data_efficiency curriculum_learning".split(), FILE
    ),
    **dict.fromkeys("tensorboard wandb comet csv_monitor monitor_config".split(), NETWORK),
    **dict.fromkeys(
        "elasticity hybrid_engine tensor_parallel pipeline sequence_parallel_size "
        "progressive_layer_drop quantize_training load_universal_checkpoint".split(),
        LOCAL,
    ),
}


def check_deepspeed(given: Mapping[str, Any], preset: str) -> None:
    """Check `deepspeed_config` of a training. Raises `ValueError(keys, message)`."""
    check("deepspeed_config", given, KNOWN, _OURS, _NEVER, "DeepSpeed")
    zero = given.get("zero_optimization") or {}
    stage, own = zero.get("stage"), int(preset[4])
    if stage is not None and stage != own:
        raise ValueError(
            ("deepspeed_config", "zero_optimization", "stage"),
            f"{stage} is not the stage of the preset {preset}; give deepspeed: zero{stage}"
            if stage
            else "0 is no ZeRO at all; take deepspeed: zero1, in one process the least work",
        )
    for part in ("offload_param", "offload_optimizer"):
        offload = zero.get(part) or {}
        if offload.get("device") == "nvme" and not offload.get("nvme_path"):
            raise ValueError(
                ("deepspeed_config", "zero_optimization", part),
                "device nvme needs nvme_path: a folder on a fast local disk",
            )
