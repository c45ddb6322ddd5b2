"""Settings of a training against the model's config.json and the machine."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib import preflight
from llmc_lib.errors import UserError
from llmc_lib.preflight import models, training
from llmc_lib.store import Run, open_run
from llmc_lib.training import quantize

DENSE = {"model_type": "llama", "num_attention_heads": 12, "num_key_value_heads": 4}
QLORA: dict[str, Any] = {"lora": {"quantization": "nf4"}}


def _run(tmp_path: Path, config: dict[str, Any], settings: dict[str, Any], **values: Any) -> Run:
    model = tmp_path / "model"
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text(json.dumps(config))
    path = tmp_path / "my.yaml"
    head = {"run": "x", "model": {"source": str(model)}, "training": settings}
    path.write_text(yaml.safe_dump({**head, **values}, sort_keys=False))
    return open_run(path)


def _told(
    tmp_path: Path, config: dict[str, Any], settings: dict[str, Any], **values: Any
) -> list[str]:
    found = training.problems(_run(tmp_path, config, settings, **values))
    return [f"{'.'.join(map(str, problem.keys))}: {problem.message}" for problem in found]


def _long(shared: int, **values: Any) -> dict[str, Any]:
    processes = {"nproc_per_node": 24, "batch_size": 24, "micro_batch_size": 1}
    return {**processes, "sequence_parallel": shared, "batching": "padded", **values}


@pytest.mark.parametrize("shared", [2, 4, 12])
def test_heads_that_divide_are_well(tmp_path: Path, shared: int) -> None:
    assert _told(tmp_path, DENSE, _long(shared)) == []
    assert _told(tmp_path, {"text_config": DENSE}, _long(shared)) == []


@pytest.mark.parametrize("shared", [3, 6, 8, 24])
def test_heads_that_do_not_divide_are_told_with_what_does(tmp_path: Path, shared: int) -> None:
    assert _told(tmp_path, DENSE, _long(shared)) == [
        f"training.sequence_parallel: {shared} must divide the model's 12 heads of attention, and its 4 of keys and values or be "
        "a multiple of them; give 2 or 4 or 12"
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sliding_window": 256}, "a sliding window of 256 tokens"),
        ({"sliding_window": 256, "use_sliding_window": False}, ""),
        ({"sliding_window": 100_000}, ""),
        ({"sliding_window": None}, ""),
        ({"layer_types": ["sliding_attention", "full_attention"]}, "layers of sliding attention"),
        ({"layer_types": ["full_attention"], "sliding_window": 256}, ""),
    ],
)
def test_attention_that_is_not_over_the_whole_sequence_is_told(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    told = _told(tmp_path, {**DENSE, **more}, _long(2))
    assert len(told) == bool(words)
    assert all(words in line and "flash_attention_2" in line for line in told)
    flash = _long(2, attention="flash_attention_2")
    assert _told(tmp_path, {**DENSE, **more}, flash) == []


@pytest.mark.parametrize("name", ["num_experts", "num_local_experts", "n_routed_experts"])
def test_experts_stay_in_sixteen_bits_which_is_told_at_the_candidate(
    tmp_path: Path, name: str
) -> None:
    candidates = [{"name": "a"}, {"name": "b", "training": QLORA}]
    told = _told(tmp_path, {**DENSE, name: 8}, {}, candidates=candidates)
    assert len(told) == 1
    assert told[0].startswith("candidates.1.training.lora.quantization: the experts of this model")
    assert _told(tmp_path, DENSE, {}, candidates=candidates) == []


def test_without_a_gpu_a_check_warns_and_a_training_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "has_gpu", lambda: False)
    monkeypatch.setattr(quantize, "has_gpu", lambda: False)
    run = _run(tmp_path, DENSE, QLORA)
    assert training.warnings(run) == [
        "warning: training.lora.quantization: needs an NVIDIA GPU, and this machine has none; train where there is one"
    ]
    with pytest.raises(UserError, match="needs an NVIDIA GPU, and this machine has none"):
        quantize.require_gpu(run.params.recipes[0])
    long = _run(tmp_path, DENSE, _long(2))
    assert "training.sequence_parallel: needs an NVIDIA GPU" in training.warnings(long)[0]
    with pytest.raises(UserError, match="sequence_parallel: 2: processes share sequences on GPUs"):
        quantize.require_gpu(long.params.recipes[0])
    plain = _run(tmp_path, DENSE, {"lora": {}})
    assert training.warnings(plain) == []
    quantize.require_gpu(plain.params.recipes[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"deepspeed": "zero3_offload"},
        {"deepspeed_config": {"zero_optimization": {"offload_optimizer": {"device": "cpu"}}}},
    ],
)
def test_an_offloaded_optimizer_needs_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    compiler = tmp_path / "g++"
    compiler.touch(mode=0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    (tmp_path / "Python.h").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert training.warnings(_run(tmp_path, DENSE, settings)) == []
    compiler.unlink()
    (told,) = training.warnings(_run(tmp_path, DENSE, settings))
    assert told.startswith("warning: training.deepspeed: DeepSpeed compiles the optimizer")
    assert training.warnings(_run(tmp_path, DENSE, {})) == []


def test_a_missing_package_is_told_where_there_is_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (training, quantize):
        monkeypatch.setattr(module, "has_gpu", lambda: True)
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    told = _told(tmp_path, DENSE, QLORA)
    assert (
        "the package bitsandbytes is not installed here; `make install ACCELERATOR=cuda`" in told[0]
    )
    run = _run(tmp_path, DENSE, QLORA)
    assert training.warnings(run) == []
    with pytest.raises(UserError, match="the package bitsandbytes is not installed here"):
        quantize.require_gpu(run.params.recipes[0])


def test_the_check_of_a_run_has_them_with_line_and_key(tmp_path: Path) -> None:
    run = _run(tmp_path, DENSE, _long(8), runs_dir=f"{tmp_path}/r", reports_dir=f"{tmp_path}/p")
    with pytest.raises(
        UserError, match=r"my\.yaml, line 8: training\.sequence_parallel: 8 must divide"
    ):
        preflight.check(run)


def test_a_context_that_the_params_stretch_is_as_long_as_they_say(tmp_path: Path) -> None:
    config = {**DENSE, "max_position_embeddings": 4096}
    yarn = {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}
    for settings, fits in (
        ({"max_length": 8192}, False),
        ({"max_length": 8192, "model_init_kwargs": yarn}, True),
        ({"max_length": 32768, "model_init_kwargs": yarn}, False),
        ({"max_length": 32768, "model_init_kwargs": {"max_position_embeddings": 32768}}, True),
    ):
        found = models.problems(_run(tmp_path, config, settings))
        told = [problem for problem in found if problem.keys == ("training", "max_length")]
        assert len(told) == (not fits)


@pytest.mark.parametrize("name", ["adamw_8bit", "paged_adamw_32bit", "lion_32bit", "adamw_torch_8bit", "sgd"])  # fmt: skip
def test_an_optimizer_of_a_package_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(training, "find_spec", lambda package: None)
    told = _told(tmp_path, DENSE, {"sft": {"optim": name}})
    missing = name not in ("adamw_torch_8bit", "sgd")
    assert [line.startswith(f"training.sft.optim: {name}: the package bits") for line in told] == [
        True
    ] * missing
