"""The fields of TRL's GRPOConfig (1.16) that a params file may set further, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from llmc_lib.params import sft_arguments as sft
from llmc_lib.params.passed_on import (
    CODE,
    LOCAL,
    NETWORK,
    Number,
    PlainGroup,
    Switch,
    Whole,
    Word,
    check,
    one_of,
)

#: Of SFTConfig alone.
_SFT = set(
    "dataset_num_proc eos_token pad_token packing_strategy truncation_mode activation_offloading "
    "loss_type max_length packing padding_free completion_only_loss assistant_only_loss dataset_kwargs "
    "eval_packing max_seq_length dataset_text_field shuffle_dataset label_smoothing_factor".split()
)
#: Fields that have a setting of their own.
_OURS = {name: key for name, key in sft.OURS.items() if name not in _SFT} | {
    "max_steps": "training.grpo.steps",
    "num_generations": "training.grpo.group_size",
    "max_completion_length": "training.grpo.max_completion_length",
    "temperature": "training.grpo.temperature",
    "beta": "training.grpo.beta",
    "loss_type": "training.grpo.loss_type",
    "epsilon": "training.grpo.epsilon",
    "epsilon_high": "training.grpo.epsilon_high",
    "reward_weights": "training.grpo.rewards",
    "generation_batch_size": "training.batch_size, times steps_per_generation",
    "num_generations_eval": "training.grpo.group_size",
    "use_vllm": "training.grpo.generator",
    "vllm_mode": "training.grpo.vllm_server",
    "vllm_server_host": "training.grpo.vllm_server",
    "vllm_server_port": "training.grpo.vllm_server",
    "vllm_server_base_url": "training.grpo.vllm_server",
    "vllm_gpu_memory_utilization": "training.grpo.vllm_memory",
    "vllm_tensor_parallel_size": "training.grpo.vllm_tensor_parallel",
    "vllm_enable_sleep_mode": "training.grpo.vllm_sleep",
    "vllm_max_model_length": "training.max_length",
    "shuffle_dataset": "seed",
}
_Share = Annotated[Number, Field(ge=0, le=1)]
_Positive = Annotated[Number, Field(gt=0)]
_SWITCHES = """
    disable_dropout cast_lm_head_to_fp32 ds3_gather_for_generation mask_truncated_completions
    sync_ref_model use_adaptive_entropy use_bias_correction_kl vllm_importance_sampling_correction
    use_transformers_continuous_batching
"""
_POSITIVES = """
    delta sapo_temperature_neg sapo_temperature_pos entropy_coef_delta entropy_target
    off_policy_mask_threshold repetition_penalty vllm_server_timeout
    vllm_importance_sampling_clip_max vllm_importance_sampling_clip_min
"""
_COUNTS = "num_iterations steps_per_generation ref_model_sync_steps"
_KNOWN: dict[str, Any] = {
    **{name: kind for name, kind in sft.KNOWN.items() if name not in _SFT},
    **dict.fromkeys(_SWITCHES.split(), Switch),
    **dict.fromkeys(_POSITIVES.split(), _Positive),
    **dict.fromkeys(_COUNTS.split(), Annotated[int, Field(ge=1, lt=2**31)]),
    **dict.fromkeys("entropy_coef entropy_coef_min entropy_coef_max".split(), Number),
    **dict.fromkeys("min_p ref_model_mixup_alpha top_entropy_quantile".split(), _Share),
    "top_p": Annotated[Number, Field(gt=0, le=1)],
    "top_k": Whole,
    "cache_implementation": Word,
    "importance_sampling_level": one_of("token", "sequence"),
    "multi_objective_aggregation": one_of("sum_then_normalize", "normalize_then_sum"),
    "scale_rewards": one_of("group", "batch", "none"),
    "generation_kwargs": PlainGroup,
    "transformers_continuous_batching_config": PlainGroup,
    "vllm_group_port": Annotated[int, Field(ge=1, lt=65536)],
    "vllm_importance_sampling_mode": one_of(
        "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"
    ),
    "vllm_model_impl": one_of("vllm", "transformers"),
}
_NEVER = {name: why for name, why in sft.NEVER.items() if name not in _SFT} | {
    "chat_template_kwargs": LOCAL,
    "log_completions": LOCAL,
    "log_multimodal": LOCAL,
    "log_unique_prompts": LOCAL,
    "num_completions_to_print": LOCAL,
    "log_completions_hub_repo": NETWORK,
    "max_tool_calling_iterations": "tools are not part of a data set's rows",
    "tools": CODE,
    "vllm_structured_outputs_regex": LOCAL,
    "use_transformers_paged": "give use_transformers_continuous_batching",
    "vllm_importance_sampling_cap": "give vllm_importance_sampling_clip_max",
}


def check_grpo(given: Mapping[str, Any]) -> None:
    """Check `config` of the section `grpo` of a training. Raises `ValueError(keys, message)`."""
    check("config", given, _KNOWN, _OURS, _NEVER, "TRL's GRPOConfig")
