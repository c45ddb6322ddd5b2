"""The fields of TRL's SFTConfig (1.16) that a params file may set further, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from llmc_lib.params.common import Section
from llmc_lib.params.passed_on import (
    CODE,
    FILE,
    LOCAL,
    NETWORK,
    Number,
    PlainGroup,
    Switch,
    Token,
    Whole,
    Word,
    Words,
    check,
    one_of,
)

#: Fields that have a setting of their own.
OURS = {
    "num_train_epochs": "training.epochs",
    "max_steps": "training.epochs",
    "per_device_train_batch_size": "training.micro_batch_size",
    "per_device_eval_batch_size": "training.micro_batch_size",
    "gradient_accumulation_steps": "training.batch_size",
    "gradient_checkpointing": "training.gradient_checkpointing",
    "learning_rate": "training.learning_rate",
    "lr_scheduler_type": "training.lr_scheduler",
    "warmup_steps": "training.warmup_steps",
    "warmup_ratio": "training.warmup_ratio",
    "weight_decay": "training.weight_decay",
    "adam_beta1": "training.adam_beta1",
    "adam_beta2": "training.adam_beta2",
    "adam_epsilon": "training.adam_epsilon",
    "max_grad_norm": "training.max_grad_norm",
    "max_length": "training.max_length",
    "packing": "training.batching",
    "padding_free": "training.batching",
    "bf16": "training.precision",
    "fp16": "training.precision",
    "deepspeed": "training.deepspeed and training.deepspeed_config",
    "use_liger_kernel": "training.liger",
    "router_aux_loss_coef": "training.router_aux_loss",
    "model_init_kwargs": "training.model_init_kwargs",
    "seed": "seed",
    "data_seed": "seed",
    "ddp_timeout": "training.cluster.timeout_minutes",
    "eval_strategy": "training.evaluations",
    "eval_steps": "training.evaluations",
    "eval_on_start": "training.evaluations",
    "save_strategy": "training.save_minutes",
    "save_steps": "training.save_minutes",
}


class CheckpointingKwargs(Section):
    """Arguments of torch.utils.checkpoint."""

    use_reentrant: bool | None = None


_SWITCHES = """
    activation_offloading average_tokens_across_devices bf16_full_eval dataloader_drop_last
    dataloader_in_order dataloader_persistent_workers dataloader_pin_memory ddp_broadcast_buffers
    ddp_find_unused_parameters ddp_static_graph eval_do_concat_batches fp16_full_eval full_determinism
    group_by_length ignore_data_skip include_num_input_tokens_seen log_on_each_node prediction_loss_only
    shuffle_dataset skip_memory_metrics tf32 torch_compile use_cache
"""
_WHOLES = """
    dataloader_prefetch_factor ddp_bucket_cap_mb eval_accumulation_steps pad_to_multiple_of
    torch_empty_cache_steps
"""
_LEVEL = one_of("debug", "info", "warning", "error", "critical", "passive")
KNOWN: dict[str, Any] = {
    **dict.fromkeys(_SWITCHES.split(), Switch),
    **dict.fromkeys(_WHOLES.split(), Whole),
    "dataloader_num_workers": Annotated[int, Field(ge=0, le=256)],
    "dataloader_multiprocessing_context": one_of("fork", "forkserver", "spawn"),
    "dataset_num_proc": Annotated[int, Field(ge=1, le=1024)],
    "ddp_backend": one_of("nccl", "gloo", "mpi", "ccl"),
    "eos_token": Token,
    "gradient_checkpointing_kwargs": CheckpointingKwargs,
    "label_smoothing_factor": Annotated[float, Field(ge=0, lt=1)],
    "liger_kernel_config": dict[Word, bool],
    "log_level": _LEVEL,
    "log_level_replica": _LEVEL,
    "loss_type": one_of("nll", "dft"),
    "lr_scheduler_kwargs": PlainGroup,
    "neftune_noise_alpha": Annotated[Number, Field(ge=0)],
    "optim": Word,
    "optim_args": Annotated[str, Field(pattern=r"^[\w+=,. -]*$", max_length=500)],
    "optim_target_modules": Word | Words,
    "packing_strategy": one_of("bfd", "bfd_split", "wrapped"),
    "pad_token": Token,
    "run_name": Annotated[str, Field(max_length=200)],
    # Another backend is imported by its name.
    "torch_compile_backend": one_of("inductor", "eager", "aot_eager", "cudagraphs"),
    "torch_compile_mode": one_of("default", "reduce-overhead", "max-autotune"),
    "train_sampling_strategy": Word,
    "truncation_mode": one_of("keep_start", "keep_end"),
}
_NEVER = {
    **dict.fromkeys("trust_remote_code accelerator_config".split(), CODE),
    **dict.fromkeys("output_dir chat_template_path resume_from_checkpoint".split(), FILE),
    **dict.fromkeys(
        "report_to push_to_hub hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision "
        "project trackio_space_id trackio_bucket_id trackio_static_space_id".split(),
        NETWORK,
    ),
    "hub_token": "keep keys out of files; set HF_TOKEN",
    **dict.fromkeys(
        "logging_strategy logging_steps logging_first_step logging_nan_inf_filter use_cpu "
        "completion_only_loss assistant_only_loss dataset_kwargs disable_tqdm save_total_limit "
        "save_only_model save_on_each_node load_best_model_at_end local_rank eval_packing eval_delay "
        "remove_unused_columns max_seq_length dataset_text_field auto_find_batch_size fsdp fsdp_config "
        "parallelism_config do_train do_eval do_predict label_names length_column_name "
        "metric_for_best_model greater_is_better include_for_metrics batch_eval_metrics debug "
        "restore_callback_states_from_checkpoint enable_jit_checkpoint eval_use_gather_object".split(),
        LOCAL,
    ),
}  # fmt: skip


def check_sft(given: Mapping[str, Any]) -> None:
    """Check the section `sft` of a training. Raises `ValueError(keys, message)`."""
    check("sft", given, KNOWN, OURS, _NEVER, "TRL's SFTConfig")
