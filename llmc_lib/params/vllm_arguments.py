"""The arguments of vLLM's engine (its EngineArgs, 0.32) that a params file may set, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from llmc_lib.params.common import PathText, Section
from llmc_lib.params.passed_on import (
    CODE,
    FILE,
    LOCAL,
    NETWORK,
    Number,
    PlainGroup,
    Share,
    Switch,
    Whole,
    Wholes,
    Word,
    Words,
    check,
    one_of,
)

#: Arguments that have a setting of their own.
OURS = {
    "model": "model.source",
    "revision": "model.revision",
    "seed": "seed",
    "dtype": "evaluation.dtype",
    "max_model_len": "max_model_len, next to engine",
    "max_num_seqs": "engine.max_num_seqs",
    "tensor_parallel_size": "engine.tensor_parallel",
    "pipeline_parallel_size": "engine.pipeline_parallel",
    "data_parallel_size": "engine.data_parallel",
    "nnodes": "engine.nodes",
    "reasoning_parser": "engine.reasoning_parser",
    "served_model_name": "engine.served_as",
}


class HfOverrides(Section):
    """What of a model's config.json may be changed: lengths and rope scaling."""

    rope_scaling: PlainGroup | None = None
    rope_parameters: PlainGroup | None = None
    rope_theta: Number | None = None
    max_position_embeddings: Whole | None = None
    original_max_position_embeddings: Whole | None = None
    sliding_window: Whole | None = None
    use_sliding_window: bool | None = None
    num_experts_per_tok: Whole | None = None
    text_config: HfOverrides | None = None


#: Those of vLLM's that need no other model: from the prompt, from earlier answers, by heads of the model's own.
_METHODS = """
    ngram ngram_gpu suffix deepseek_mtp dots3_note_mtp mimo_mtp mimo_v2_mtp glm4_moe_mtp glm4_moe_lite_mtp
    glm_ocr_mtp ernie_mtp nemotron_h_mtp exaone_moe_mtp exaone4_5_mtp qwen3_next_mtp qwen4_exp_mtp
    qwen3_5_mtp longcat_flash_mtp bailing_hybrid_v3_mtp minimax_m3_mtp bailing_hybrid_mtp mtp kimi_k3_mtp
    pangu_ultra_moe_mtp step3p5_mtp hy_v3_mtp hy_v4_mtp gemma4_mtp inkling_mtp glm5_next_mtp
"""
_Graphs = one_of("NONE", "PIECEWISE", "FULL", "FULL_DECODE_ONLY", "FULL_AND_PIECEWISE")
_Ahead = Annotated[int, Field(ge=1, le=1000)]


class SpeculativeConfig(Section):
    """Speculation from the prompt or by the model's own heads; a model of its own is none of it."""

    method: one_of(*_METHODS.split())  # type: ignore[valid-type]
    num_speculative_tokens: _Ahead | None = None
    prompt_lookup_max: _Ahead | None = None
    prompt_lookup_min: _Ahead | None = None


class CompilationConfig(Section):
    """Without backend and passes, which name Python functions."""

    mode: Annotated[int, Field(ge=0, le=3)] | None = None
    level: Whole | None = None
    cudagraph_mode: _Graphs | None = None  # type: ignore[valid-type]
    cudagraph_capture_sizes: Wholes | None = None
    max_cudagraph_capture_size: Whole | None = None
    custom_ops: (
        Annotated[list[Annotated[str, Field(pattern=r"^[+-]?\w+$")]], Field(max_length=100)] | None
    ) = None


_SWITCHES = """
    async_scheduling disable_cascade_attn disable_chunked_mm_input disable_custom_all_reduce
    disable_hybrid_kv_cache_manager disable_log_stats disable_sliding_window enable_chunked_prefill enable_dbo
    enable_eplb enable_expert_parallel enable_flashinfer_autotune enable_prefix_caching enforce_eager
    kv_sharing_fast_prefill language_model_only numa_bind scheduler_reserve_full_isl skip_mm_profiling
    use_fp64_gumbel use_tqdm_on_load
"""
_WHOLES = """
    block_size data_parallel_size_local dbo_decode_token_threshold dbo_prefill_token_threshold
    dcp_kv_cache_interleave_size cp_kv_cache_interleave_size decode_context_parallel_size
    kv_cache_memory_bytes long_prefill_token_threshold mamba_block_size max_cudagraph_capture_size
    max_num_batched_tokens max_num_scheduled_tokens max_parallel_loading_workers num_gpu_blocks_override
    offload_group_size offload_num_in_group offload_prefetch_step
    prefill_context_parallel_size prefill_schedule_interval shutdown_timeout stream_interval ubatch_size
"""
#: Arguments that are one of a few words: vLLM would refuse others when the training is done.
_CHOICES = {
    "all2all_backend": "naive pplx deepep_high_throughput deepep_low_latency deepep_v2 mori_high_throughput mori_low_latency "
    "moonep nixl_ep allgather_reducescatter flashinfer_all2allv flashinfer_nvlink_two_sided "
    "flashinfer_nvlink_one_sided passthrough",
    "attention_backend": "FLASH_ATTN FLASH_ATTN_DIFFKV TRITON_ATTN TRITON_ATTN_DIFFKV TRITON_FLASH_ATTN ROCM_ATTN "
    "ROCM_SEGMENTED_ATTN ROCM_AITER_MLA ROCM_AITER_TRITON_MLA ROCM_AITER_FA ROCM_AITER_MLA_SPARSE "
    "XPU_MLA_SPARSE TORCH_SDPA FLASHINFER TRITON_FLASHINFER FLASHINFER_MLA TOKENSPEED_MLA "
    "FLASHINFER_MLA_SPARSE FLASHINFER_MLA_SPARSE_SM120 FLASHINFER_MLA_SPARSE_SM90 TRITON_MLA CUTLASS_MLA "
    "FLASHMLA FLASHMLA_SPARSE FLASHMLA_SPARSE_DSV4 FLASHINFER_MLA_SPARSE_DSV4 ROCM_FLASHMLA_SPARSE_DSV4 "
    "FLASHMLA_SPARSE_DSV41 FLASHINFER_MLA_SPARSE_DSV41 FLASHMLA_MEGA_ATTN_DSV41 B12X FLASH_ATTN_MLA "
    "FLASH_ATTN_MLA_SPARSE MINIMAX_M3_SPARSE CUTLASS_MSA TRITON_MSA NO_ATTENTION FLEX_ATTENTION HPC_ATTN "
    "ROCM_AITER_UNIFIED_ATTN CPU_ATTN CPU_MLA AMX_MLA TURBOQUANT ULTRAQUANT",
    "linear_backend": "auto cutlass flashinfer_cutlass flashinfer_cutedsl flashinfer_trtllm flashinfer_cudnn flashinfer_b12x "
    "b12x marlin humming triton deep_gemm torch aiter machete fbgemm conch exllama emulation xpu xpu_woq",
    "mamba_backend": "triton flashinfer cpu",
    "moe_backend": "auto triton batched_triton deep_gemm deep_gemm_mega_moe cutlass flashinfer_trtllm flashinfer_cutlass "
    "flashinfer_cutedsl flashinfer_moe_ep_cutedsl flashinfer_b12x b12x flashinfer_moe_ep_mega_deep_gemm "
    "marlin humming triton_unfused aiter aiter_mega_moe aiter_triton_mxfp4_bf16 flydsl hpc emulation rdna3",
    "dcp_comm_backend": "ag_rs a2a",
    "expert_placement_strategy": "linear round_robin",
    "gdn_prefill_backend": "flashinfer triton cutedsl aiter_flydsl",
    "kv_cache_dtype": "auto float16 bfloat16 fp8 fp8_e4m3 fp8_e5m2 fp8_inc fp8_ds_mla nvfp4_ds_mla turboquant_k8v4 "
    "turboquant_4bit_nc turboquant_k3v4_nc turboquant_3bit_nc ultraquant_4bit int4_per_token_head "
    "int8_per_token_head fp8_per_token_head nvfp4 nvfp4_4over6",
    "log_level": "CRITICAL ERROR WARNING INFO DEBUG NOTSET",
    "mamba_cache_dtype": "auto float32 float16 bfloat16",
    "mamba_cache_mode": "align none",
    "mamba_ssm_cache_dtype": "auto float32 float16 bfloat16",
    "performance_mode": "balanced interactivity throughput",
    "prefix_caching_hash_algo": "sha256 sha256_cbor xxhash xxhash_cbor",
    "quantization": "awq auto_awq fp8 fbgemm_fp8 fp_quant modelopt modelopt_fp4 modelopt_mxfp8 modelopt_mixed "
    "auto_gptq gptq gptq_marlin awq_marlin humming compressed-tensors experts_int8 quark moe_wna16 torchao inc "
    "mxfp4 gpt_oss_mxfp4 deepseek_v4_fp8 online fp8_per_tensor fp8_per_block fp8_per_channel "
    "int8_per_channel_weight_only nvfp4_per_token mxfp8",
}
KNOWN: dict[str, Any] = {
    **dict.fromkeys(_SWITCHES.split(), Switch),
    **dict.fromkeys(_WHOLES.split(), Whole),
    **{name: one_of(*words.split()) for name, words in _CHOICES.items()},
    "compilation_config": CompilationConfig,
    "cpu_offload_gb": Annotated[float, Field(ge=0, le=1e6)],
    "cudagraph_capture_sizes": Wholes,
    "distributed_executor_backend": one_of("mp", "ray", "uni"),
    "gpu_memory_utilization": Share,
    "hf_overrides": HfOverrides,
    "kv_cache_dtype_skip_layers": Words,
    "kv_offloading_backend": one_of("native"),
    "kv_offloading_size": Annotated[float, Field(ge=0, le=1e6)],
    "limit_mm_per_prompt": dict[Word, Whole],
    "load_format": one_of("auto", "safetensors", "fastsafetensors", "runai_streamer", "mistral"),
    "model_impl": one_of("auto", "vllm", "transformers"),
    "optimization_level": Annotated[int, Field(ge=0, le=3)],
    "safetensors_load_strategy": one_of("lazy", "eager", "prefetch"),
    "scheduling_policy": one_of("fcfs", "priority"),
    "speculative_config": SpeculativeConfig,
    "tokenizer": PathText,
    "tokenizer_mode": one_of("auto", "hf", "slow", "mistral", "deepseek_v32"),
    "watermark": Annotated[float, Field(ge=0, le=1)],
}
_NEVER = {
    "hf_token": "keep keys out of files; set HF_TOKEN",
    "trust_remote_code": "code from a hub is not run",
    **dict.fromkeys(("node_rank", "master_addr", "master_port"), "`make serve` sets it"),
    **dict.fromkeys(
        "worker_cls worker_extension_cls logits_processors scheduler_cls reasoning_parser_plugin "
        "tool_parser_plugin io_processor_plugin kv_transfer_config ec_transfer_config code_revision "
        "model_class_overrides additional_config weight_transfer_config aux_output_config middleware "
        "chat_template enable_prompt_embeds".split(),
        CODE,
    ),
    **dict.fromkeys(
        "model_weights download_dir hf_config_path log_config_file allowed_local_media_path "
        "model_loader_extra_config ignore_patterns default_mm_loras mm_encoder_fp8_scale_path "
        "mm_encoder_fp8_scale_save_path profiler_config logging_config".split(),
        FILE,
    ),
    **dict.fromkeys(
        "otlp_traces_endpoint kv_events_config data_parallel_address data_parallel_rpc_port "
        "allowed_media_domains fault_tolerance_config".split(),
        NETWORK,
    ),
    **dict.fromkeys(
        "generation_config override_generation_config skip_tokenizer_init runner convert config_format "
        "tokenizer_revision max_logprobs logprobs_mode enable_lora pooler_config structured_outputs_config".split(),
        LOCAL,
    ),
}  # fmt: skip

_WHY = {
    "load_format": "others unpickle files (pt, npcache), which runs what is in them, or make weights up (dummy)",
    "distributed_executor_backend": "any other is a class, named by its module",
    "speculative_config": "a model of its own is loaded without the care of model.source",
    "hf_overrides": "lengths and rope scaling alone",
    "tokenizer_mode": "any other is code of a plugin",
}


def check_vllm(given: Mapping[str, Any]) -> None:
    """Check the section `vllm` of an engine. Raises `ValueError(keys, message)`."""
    check("vllm", given, KNOWN, OURS, _NEVER, "vLLM's engine", _WHY)
