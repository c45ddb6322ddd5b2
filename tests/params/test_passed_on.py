"""What is passed on to vLLM, TRL and DeepSpeed: settings of a known kind, and nothing that names code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.params.reader import load
from llmc_lib.params.vllm_arguments import KNOWN, check_vllm

TAKEN: dict[str, list[dict[str, Any]]] = {
    "vllm": [
        {"gpu_memory_utilization": 0.8, "quantization": "fp8", "kv_cache_dtype": "auto"},
        {"hf_overrides": {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}}},
        {"hf_overrides": {"text_config": {"rope_scaling": {"type": "linear", "factor": 2}}}},
        {"distributed_executor_backend": "mp", "enable_expert_parallel": True, "load_format": "auto"},
        {"speculative_config": {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}},
        {"compilation_config": {"cudagraph_mode": "FULL", "custom_ops": ["+rms_norm", "none"]}},
        {"max_num_batched_tokens": None, "limit_mm_per_prompt": {"image": 0}, "attention_backend": "FLASHINFER"},
    ],
    "sft": [
        {"neftune_noise_alpha": 5.0, "optim": "adamw_torch_fused", "dataloader_num_workers": 2},
        {"lr_scheduler_kwargs": {"num_cycles": 1}, "label_smoothing_factor": 0.1, "eos_token": "<|im_end|>"},
        {"gradient_checkpointing_kwargs": {"use_reentrant": False}, "run_name": "my run: 3"},
    ],
    "deepspeed_config": [
        {"zero_optimization": {"reduce_bucket_size": "auto"}},
        {"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu", "pin_memory": True}}},
        {"wall_clock_breakdown": True, "steps_per_print": 10, "comms_logger": {"enabled": True}},
    ],
}  # fmt: skip

#: Section → argument and value → words of the message.
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "vllm": [
        ({"worker_cls": "evil.Worker"}, "worker_cls: is not for a params file: it names code"),
        ({"worker_extension_cls": "evil.W"}, "it names code to be loaded"),
        ({"logits_processors": ["evil:P"]}, "it names code to be loaded"),
        ({"reasoning_parser_plugin": "/tmp/p.py"}, "it names code to be loaded"),
        ({"tool_parser_plugin": "/tmp/p.py"}, "it names code to be loaded"),
        ({"scheduler_cls": "evil.S"}, "it names code to be loaded"),
        ({"io_processor_plugin": "evil"}, "it names code to be loaded"),
        ({"kv_transfer_config": {"kv_connector_module_path": "evil"}}, "it names code"),
        ({"model_class_overrides": {"A": "evil:B"}}, "it names code"),
        ({"additional_config": {"a": 1}}, "it names code"),
        ({"trust_remote_code": True}, "code from a hub is not run"),
        ({"hf_token": "hf_x"}, "keep keys out of files"),
        ({"load_format": "pt"}, "others unpickle files"),
        ({"load_format": "dummy"}, "make weights up"),
        ({"load_format": "npcache"}, "not 'npcache': others unpickle"),
        ({"hf_overrides": "evil.function"}, "hf_overrides: must be"),
        ({"hf_overrides": {"auto_map": {"AutoModel": "a.B"}}}, "auto_map is not for a params file"),
        ({"hf_overrides": {"rope_scaling": {"rope_type": "evil.module:f"}}}, "which names no module"),
        ({"distributed_executor_backend": "evil.Executor"}, "any other is a class"),
        ({"speculative_config": {"method": "eagle", "model": "owner/name"}}, "speculative_config.model"),
        ({"compilation_config": {"backend": "evil.compile"}}, "backend is not for a params file"),
        ({"compilation_config": {"inductor_passes": {"a": "evil.f"}}}, "inductor_passes"),
        ({"quantization": "evil.module"}, "must be 'awq', 'auto_awq'"),
        ({"attention_backend": "evil.Backend"}, "attention_backend: must be 'FLASH_ATTN'"),
        ({"kv_cache_dtype": "--trust-remote-code"}, "not '--trust-remote-code'"),
        ({"tokenizer_mode": "custom"}, "any other is code of a plugin"),
        ({"otlp_traces_endpoint": "http://x"}, "it names a host"),
        ({"kv_events_config": {"endpoint": "tcp://x"}}, "it names a host"),
        ({"download_dir": "/"}, "it names a file or folder"),
        ({"log_config_file": "/x.json"}, "it names a file or folder"),
        ({"tensor_parallel_size": 2}, "is set by engine.tensor_parallel; give it there"),
        ({"gpu_memory_utilization": float("nan")}, "must be a finite number, not nan"),
        ({"gpu_memory_utilization": 5}, "must be less than or equal to 1, not 5"),
        ({"gpu_memory_utilization": "most"}, "must be number, not 'most'"),
        ({"gpu_memory_utilisation": 0.8}, "did you mean 'gpu_memory_utilization'?"),
        ({"kv_cache_dtype_skip_layers": ["a" * 14_000]}, "must be shorter, not 'aaa"),
        ({"cudagraph_capture_sizes": [1] * 70_000}, "must be shorter, not [1, 1"),
    ],
    "sft": [
        ({"neftune_noise_alpha": float("nan")}, "must be a finite number, not nan"),
        ({"max_grad_norm": float("nan")}, "is set by training.max_grad_norm"),
        ({"model_init_kwargs": {"trust_remote_code": True}}, "is set by training.model_init_kwargs"),
        ({"accelerator_config": "/x.json"}, "it names code"),
        ({"torch_compile_backend": "evil.backend"}, "torch_compile_backend: must be 'inductor'"),
        ({"report_to": ["wandb"]}, "it names a host or an account"),
        ({"hub_token": "hf_x"}, "keep keys out of files"),
        ({"output_dir": "/"}, "it names a file or folder"),
        ({"chat_template_path": "/x.jinja"}, "it names a file or folder"),
        ({"resume_from_checkpoint": "/x"}, "it names a file or folder"),
        ({"optim": "module:Optimizer"}, "must be a plain word"),
        ({"optim_args": "a=b;import os"}, "must be a plain word"),
        ({"lr_scheduler_kwargs": {"a": {"b": 1}}}, "lr_scheduler_kwargs.a: must be"),
        ({"neftune_noise_alfa": 5.0}, "did you mean 'neftune_noise_alpha'?"),
        ({"dataloader_num_workers": 10**9}, "must be less than or equal to 256"),
        ({"fsdp": "full_shard"}, "it is set by this package"),
    ],
    "deepspeed_config": [
        ({"zero_optimization": {"stage": 9}}, "stage: must be less than or equal to 3, not 9"),
        ({"zero_optimization": {"stage": 3}}, "is not the stage of the preset zero2; give deepspeed: zero3"),
        ({"zero_optimization": {"stage": 0}}, "0 is no ZeRO at all"),
        ({"zero_optimization": {"stage": True}}, "stage: must be integer, not True"),
        ({"zero_optimization": {"stge": 2}}, "stge is not for a params file"),
        ({"zero_optimization": {"offload_optimizer": {"device": "disk"}}}, "'none', 'cpu' or 'nvme'"),
        ({"zero_optimization": {"offload_param": {"device": "nvme"}}}, "needs nvme_path"),
        ({"zero_optimization": [2]}, "zero_optimization: must be"),
        ({"optimizer": {"type": "Adam"}}, "is set by training.learning_rate"),
        ({"fp16": {"enabled": True}}, "is set by training.precision"),
        ({"train_batch_size": 8}, "is set by training.batch_size"),
        ({"compile": {"backend": "evil.b"}}, "it names code"),
        ({"tensorboard": {"enabled": True, "output_path": "/"}}, "it names a host"),
        ({"autotuning": {"enabled": True}}, "it names a file or folder"),
        ({"wall_clock": True}, "did you mean 'wall_clock_breakdown'?"),
    ],
}  # fmt: skip


def _values(section: str, given: dict[str, Any]) -> dict[str, Any]:
    if section == "vllm":
        return {"run": "x", "evaluation": {"engine": {"vllm": given}}}
    return {"run": "x", "training": {section: given}}


@pytest.mark.parametrize(
    ("section", "given"), [(name, given) for name, many in TAKEN.items() for given in many]
)
def test_settings_are_passed_on(section: str, given: dict[str, Any]) -> None:
    params = Params.model_validate(_values(section, given))
    found = (
        params.evaluation.engine.vllm if section == "vllm" else getattr(params.training, section)
    )
    assert found == given


@pytest.mark.parametrize(
    ("section", "given", "words"),
    [(name, given, words) for name, many in REFUSED.items() for given, words in many],
)
def test_what_is_no_setting_is_refused_with_the_reason(
    tmp_path: Path, section: str, given: dict[str, Any], words: str
) -> None:
    path = tmp_path / "my.yaml"
    dumper = getattr(
        yaml, "CSafeDumper", yaml.SafeDumper
    )  # of 70,000 values Python's takes seconds
    path.write_text(yaml.dump(_values(section, given), Dumper=dumper, sort_keys=False))
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    place = "evaluation.engine.vllm" if section == "vllm" else f"training.{section}"
    assert message.startswith(f"{path}, line ")
    assert f": {place}." in message
    assert words in message
    assert "\n" not in message
    assert len(message) < 1500


def test_the_judges_engine_and_a_candidates_training_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        "run: x\nevaluation:\n  judge:\n    model: {source: embedded}\n    engine: {vllm: {worker_cls: a.B}}\n"
    )
    with pytest.raises(
        UserError, match=r"line 5: evaluation\.judge\.engine\.vllm\.worker_cls: is not"
    ):
        load(path)
    path.write_text("run: x\ncandidates:\n- name: a\n  training:\n    sft: {report_to: wandb}\n")
    with pytest.raises(
        UserError, match=r"line 5: candidates\.0\.training\.sft\.report_to: is not for"
    ):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "served_as: {base: --trust-remote-code}", "reasoning_parser: --api-key", "served_as: {base: ''}",
        "reasoning_parser: /tmp/parser.py", "served_as: {base: 'a b'}",
    ],
)  # fmt: skip
def test_what_becomes_an_argument_of_a_server_is_no_option_of_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: x\nevaluation:\n  engine: {{{text}}}\n")
    with pytest.raises(UserError, match=r"line 3: evaluation\.engine"):
        load(path)


@pytest.mark.parametrize(
    "given",
    [
        {"attention_backend": "FLASH_ATTENTION"}, {"attention_backend": "CUSTOM"}, {"moe_backend": "tritonn"},
        {"linear_backend": "x"}, {"all2all_backend": "nccl"}, {"mamba_backend": "cuda"}, {"optimization_level": 4},
        {"speculative_config": {"method": "eagle"}}, {"speculative_config": {"method": "draft_model"}},
        {"speculative_config": {"method": "ngram", "num_speculative_tokens": 0}},
        {"compilation_config": {"mode": 4}}, {"compilation_config": {"cudagraph_mode": "HALF"}},
    ],
)  # fmt: skip
def test_words_that_vllm_would_refuse_when_the_training_is_done(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        check_vllm(given)


def test_backends_are_those_of_the_vllm_that_is_installed() -> None:
    spec = find_spec("vllm")  # imported it would load torch
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed")
    root = Path(spec.origin).parent
    registry = (root / "v1/attention/backends/registry.py").read_text()
    kernels = (root / "config/kernel.py").read_text() + (root / "config/parallel.py").read_text()
    for name in ("linear_backend", "moe_backend", "all2all_backend"):
        assert all(f'    "{word}",' in kernels for word in get_args(KNOWN[name]))
    assert all(f"    {word} = " in registry for word in get_args(KNOWN["attention_backend"]))
