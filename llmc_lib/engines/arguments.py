"""The arguments of vLLM's engine, offline or served."""

from __future__ import annotations

import dataclasses
from typing import Any

from llmc_lib.params import EngineParams

#: Further arguments that change how fast an engine answers, and what only by rounding: of these what can do that is
#: recorded with the answers (`harness`), and does not keep them apart.
_NO_MATTER = {
    "gpu_memory_utilization", "kv_cache_memory_bytes", "max_num_batched_tokens", "enforce_eager",
    "enable_prefix_caching", "enable_chunked_prefill", "block_size", "cpu_offload_gb", "load_format",
    "safetensors_load_strategy", "disable_log_stats", "distributed_executor_backend",
    "enable_expert_parallel", "all2all_backend", "attention_backend", "compilation_config",
    "max_parallel_loading_workers", "disable_custom_all_reduce", "async_scheduling", "use_tqdm_on_load",
    "shutdown_timeout", "log_level", "stream_interval", "optimization_level", "performance_mode",
}  # fmt: skip


def engine_arguments(
    model: str, settings: dict[str, Any], engine: EngineParams, *, on_cpu: bool
) -> dict[str, Any]:
    """What vLLM's engine is made with, by the names of its EngineArgs; those of the params go first.

    `settings`: dtype, max_model_len, seed and temperature.
    """
    arguments = {
        "model": model,
        "dtype": settings["dtype"],
        "max_model_len": settings["max_model_len"],
        "max_num_seqs": engine.max_num_seqs,
        "seed": settings["seed"],
        "tensor_parallel_size": engine.tensor_parallel,
        "pipeline_parallel_size": engine.pipeline_parallel,
        # What the model's maker recommends for sampling stays out: all models are sampled alike.
        "generation_config": "vllm",
    }
    if on_cpu:
        arguments["enforce_eager"] = True  # compiling takes longer than it saves
        arguments["kv_cache_memory_bytes"] = 2 * 2**30  # vLLM would take most of the memory
        # A question's samples share the whole blocks of its prompt; few prompts fill 128 tokens, a
        # block's size on a CPU, and reading them took as long as writing the answers.
        arguments["block_size"] = 32
        if settings["temperature"] > 0:
            # After a part of a prompt the engine winds a sample's generator back, which torch's
            # generator on a CPU cannot do ("CPU Generator does not use offset").
            arguments["enable_chunked_prefill"] = False
    return {**arguments, **engine.vllm}


def what_matters(extra: dict[str, Any]) -> dict[str, Any]:
    """Those of the further arguments that may change what a model answers: rope scaling, quantization…"""
    return {name: value for name, value in extra.items() if name not in _NO_MATTER}


def unknown(extra: dict[str, Any]) -> str | None:
    """Which of the further arguments the installed vLLM does not know, as "name: what; remedy"; None if it
    knows all. The schema of the params has checked their kinds."""
    from vllm.engine.arg_utils import EngineArgs

    known = {field.name for field in dataclasses.fields(EngineArgs)}
    for name in extra:
        if name not in known:
            return f"{name}: the installed vLLM's EngineArgs has no such argument; leave it out"
    return None
