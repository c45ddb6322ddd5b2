"""The arguments of vLLM's engine, offline or served, and the check of those from a params file.

python -m llmc_lib.engines.arguments JSON     prints what is wrong with further arguments (see `check`)
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.params import EngineParams
from llmc_lib.params_file import where
from llmc_lib.store import ROOT, Run

#: Arguments that have a setting of their own.
_OURS = {
    "model": "model.source",
    "revision": "model.revision",
    "seed": "seed",
    "dtype": "evaluation.dtype",
    "max_model_len": "max_model_len, beside engine",
    "max_num_seqs": "engine.max_num_seqs",
    "tensor_parallel_size": "engine.tensor_parallel",
    "pipeline_parallel_size": "engine.pipeline_parallel",
    "data_parallel_size": "engine.data_parallel",
    "nnodes": "engine.nodes",
    "reasoning_parser": "engine.reasoning_parser",
    "served_model_name": "engine.served_as",
}
#: Arguments with a reason why they are in no params file.
_NEVER = {
    "hf_token": "a key never stands in a file; set HF_TOKEN",
    "trust_remote_code": "code from a hub is not run",
    "node_rank": "`make serve` sets it",
    "master_addr": "`make serve` sets it",
    "master_port": "`make serve` sets it",
}
#: Further arguments that change how fast an engine answers, and not what.
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
        # A question's samples share the whole blocks of its prompt; few prompts fill 128 tokens, a
        # block's size on a CPU, and reading them took as long as writing the answers.
        arguments["block_size"] = 32
        if settings["temperature"] > 0:
            # Behind a part of a prompt the engine winds a sample's generator back, which torch's
            # generator on a CPU cannot do ("CPU Generator does not use offset").
            arguments["enable_chunked_prefill"] = False
    return {**arguments, **engine.vllm}


def what_matters(extra: dict[str, Any]) -> dict[str, Any]:
    """Those of the further arguments that may change what a model answers: rope scaling, quantization…"""
    return {name: value for name, value in extra.items() if name not in _NO_MATTER}


def check(run: Run) -> None:
    """Check the section `vllm` of each engine against the installed vLLM (importing it takes seconds).

    Raises `UserError` with the place of the mistake and its remedy. Without vLLM nothing is checked.
    """
    params = run.params.evaluation
    engines: list[tuple[EngineParams, tuple[str, ...]]]
    engines = [(params.engine, ("evaluation", "engine", "vllm"))]
    if params.judge is not None:
        engines.append((params.judge.engine, ("evaluation", "judge", "engine", "vllm")))
    for engine, keys in engines:
        if engine.vllm and find_spec("vllm") and (found := _ask_vllm(engine.vllm)):
            raise UserError(f"{where(run.params_file, *keys)}.{found}")


def _ask_vllm(extra: dict[str, Any]) -> str | None:
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib.engines.arguments", json.dumps(extra)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UserError(
            f"evaluation.engine.vllm: vLLM cannot be loaded: {done.stderr.strip()[-500:]}"
        )
    found: str | None = json.loads(done.stdout.splitlines()[-1])
    return found


def mistake(extra: dict[str, Any]) -> str | None:
    """What is wrong with further arguments, as "name: what; remedy"; None if nothing is."""
    for name in extra:
        if name in _OURS:
            return f"{name}: is set by {_OURS[name]}; give it there"
        if name in _NEVER:
            return f"{name}: is not for a params file: {_NEVER[name]}"
    from pydantic import ConfigDict, TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError
    from vllm.engine.arg_utils import EngineArgs

    fields: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(EngineArgs)}
    for name, value in extra.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else "see vLLM's documentation"
            return f"{name}: the installed vLLM's EngineArgs has no such argument; {hint}"
        if isinstance(value, dict | list) or isinstance(fields[name], str):
            continue  # vLLM checks these itself, before it loads the model
        try:
            config = ConfigDict(arbitrary_types_allowed=True)
            TypeAdapter(fields[name], config=config).validate_python(value)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg'].lower()}, not {value!r}"
        except PydanticUserError:
            continue
    return None


if __name__ == "__main__":
    print(json.dumps(mistake(json.loads(sys.argv[1]))))
