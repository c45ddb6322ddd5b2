"""Arguments of vLLM's engine: what a params file may say, and what an engine gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmc_lib.engines import arguments, vllm
from llmc_lib.errors import UserError
from llmc_lib.params import EngineParams
from llmc_lib.store import open_run

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


def _check(tmp_path: Path, section: str, extra: str) -> None:
    path = tmp_path / "my.yaml"
    judge = "model: {source: embedded}, "
    path.write_text(
        f"run: x\nevaluation:\n  {section}: {{{judge if section == 'judge' else ''}"
        + (f"engine: {{vllm: {{{extra}}}}}}}\n" if section == "judge" else f"vllm: {{{extra}}}}}\n")
    )
    arguments.check(open_run(path))


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("tensor_parallel_size: 2", "is set by engine.tensor_parallel; give it there"),
        ("hf_token: abc", "is not for a params file: a key never stands in a file; set HF_TOKEN"),
        ("trust_remote_code: true", "is not for a params file: code from a hub is not run"),
    ],
)
def test_an_argument_with_a_place_of_its_own_is_told(tmp_path: Path, extra: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        _check(tmp_path, "engine", extra)
    name = extra.partition(":")[0]
    where = f"{tmp_path / 'my.yaml'}, line 3: evaluation.engine.vllm"
    assert str(caught.value) == f"{where}.{name}: {said}"


@pytest.mark.slow
def test_the_installed_vllm_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    known = {
        "gpu_memory_utilization": 0.8, "hf_overrides": ROPE, "quantization": "fp8",
        "kv_cache_dtype": "auto", "enable_expert_parallel": True, "max_num_batched_tokens": None,
    }  # fmt: skip
    assert arguments.mistake(known) is None
    assert arguments.mistake({"gpu_memory_utilisation": 0.8}) == (
        "gpu_memory_utilisation: the installed vLLM's EngineArgs has no such argument; did you mean "
        "'gpu_memory_utilization'?"
    )
    found = arguments.mistake({"gpu_memory_utilization": "most"})
    assert found is not None
    assert found.startswith("gpu_memory_utilization: input should be a valid number")
    with pytest.raises(UserError, match=r"line 3: evaluation\.judge\.engine\.vllm\.swap: the inst"):
        _check(tmp_path, "judge", "swap: 4")


def _offline(**engine: Any) -> None:
    """The offline engine on nothing."""
    params = EngineParams(**engine).model_dump(mode="json")
    vllm.main({"engine": params, "requests": [], "section": "evaluation.judge.engine"})


@pytest.mark.slow
def test_the_offline_engine_tells_a_mistake_before_it_loads_a_model() -> None:
    pytest.importorskip("vllm")
    with pytest.raises(UserError, match=r"^evaluation\.judge\.engine\.vllm\.swap: the installed"):
        _offline(vllm={"swap": 4})


def test_the_offline_engine_has_one_machine() -> None:
    with pytest.raises(UserError, match=r"^evaluation\.judge\.engine\.nodes: .* `make serve`"):
        _offline(nodes=2, pipeline_parallel=2)


def test_without_vllm_nothing_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "find_spec", lambda name: None)
    _check(tmp_path, "engine", "swap: 4")
