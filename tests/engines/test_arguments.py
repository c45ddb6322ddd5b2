"""Arguments of vLLM's engine: what a params file may say, and what an engine gets."""

from __future__ import annotations

from typing import Any

import pytest

from llmc_lib.engines import arguments, vllm
from llmc_lib.errors import UserError
from llmc_lib.params import EngineParams
from llmc_lib.params.vllm_arguments import KNOWN, OURS

SETTINGS = {"dtype": "bfloat16", "max_model_len": 4096, "seed": 3, "temperature": 0.0}
ROPE = {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}}


def test_the_params_go_before_what_is_set_here() -> None:
    engine = EngineParams(
        tensor_parallel=4, pipeline_parallel=2, vllm={"hf_overrides": ROPE, "block_size": 16}
    )
    made = arguments.engine_arguments("folder", SETTINGS, engine, on_cpu=True)
    assert made["model"] == "folder"
    assert (made["tensor_parallel_size"], made["pipeline_parallel_size"]) == (4, 2)
    assert made["hf_overrides"] == ROPE
    assert made["block_size"] == 16
    assert made["enforce_eager"] is True
    assert made["kv_cache_memory_bytes"] == 2**31
    less = EngineParams(vllm={"kv_cache_memory_bytes": 2**27})
    made = arguments.engine_arguments("folder", SETTINGS, less, on_cpu=True)
    assert made["kv_cache_memory_bytes"] == 2**27
    assert "kv_cache_memory_bytes" not in arguments.engine_arguments(
        "folder", SETTINGS, EngineParams(), on_cpu=False
    )
    assert "block_size" not in arguments.engine_arguments(
        "folder", SETTINGS, EngineParams(), on_cpu=False
    )


def test_what_is_drawn_needs_whole_prompts_on_a_cpu() -> None:
    def chunked(temperature: float, on_cpu: bool) -> Any:
        settings = {**SETTINGS, "temperature": temperature}
        made = arguments.engine_arguments("folder", settings, EngineParams(), on_cpu=on_cpu)
        return made.get("enable_chunked_prefill")

    assert chunked(0.7, True) is False
    assert chunked(0.0, True) is None
    assert chunked(0.7, False) is None


def test_speed_does_not_set_answers_aside_and_rope_scaling_does() -> None:
    extra = {"hf_overrides": ROPE, "gpu_memory_utilization": 0.8, "quantization": "fp8"}
    assert arguments.what_matters(extra) == {"hf_overrides": ROPE, "quantization": "fp8"}


@pytest.mark.slow
def test_the_installed_vllm_is_asked() -> None:
    pytest.importorskip("vllm")
    assert arguments.unknown(dict.fromkeys([*KNOWN, *OURS])) is None
    assert arguments.unknown({"swap": 4}) == (
        "swap: the installed vLLM's EngineArgs has no such argument; leave it out"
    )


def _offline(**engine: Any) -> None:
    """The offline engine on nothing."""
    params = EngineParams(**engine).model_dump(mode="json")
    vllm.main({"engine": params, "requests": [], "section": "evaluation.judge.engine"})


def test_the_offline_engine_has_one_machine() -> None:
    with pytest.raises(UserError, match=r"^evaluation\.judge\.engine\.nodes: .* `make serve`"):
        _offline(nodes=2, pipeline_parallel=2)
