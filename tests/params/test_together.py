"""Settings that contradict one another are refused, of every method; and those that only look so are not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib.params import TrainingParams

GRPO: dict[str, Any] = {"method": "grpo"}
LONG: dict[str, Any] = {"nproc_per_node": 8, "sequence_parallel": 4, "batching": "padded"}
QLORA: dict[str, Any] = {"lora": {"quantization": "nf4"}}


def _refused(values: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        TrainingParams.model_validate(values)
    keys, words = caught.value.errors()[0]["ctx"]["error"].args
    return f"{keys if isinstance(keys, str) else '.'.join(keys)}: {words}"


def _of_grpo(**config: Any) -> dict[str, Any]:
    return {**GRPO, "grpo": {"config": config}}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lr_scheduler": "cosine_with_min_lr", "sft": {"lr_scheduler_kwargs": {"min_lr": 1e-6}}},
         "sft.lr_scheduler_kwargs: of this schedule has a setting of its own: training.min_lr_rate"),
        ({"lr_scheduler": "cosine_with_min_lr", **_of_grpo(lr_scheduler_kwargs={"min_lr_rate": 0.2})},
         "grpo.config.lr_scheduler_kwargs: of this schedule has a setting of its own: training.min_lr_rate"),
        (_of_grpo(lr_scheduler_kwargs={"min_lr_rate": 0.2}),
         "grpo.config.lr_scheduler_kwargs: min_lr_rate: the schedule cosine takes num_cycles; for a least rate"),
        ({"lr_scheduler": "linear", "sft": {"lr_scheduler_kwargs": {"num_cycles": 2}}},
         "sft.lr_scheduler_kwargs: num_cycles: the schedule linear takes none"),
        ({"liger": "off", "sft": {"liger_kernel_config": {"rope": True}}},
         "sft.liger_kernel_config: has no effect with training.liger: off"),
        ({"sft": {"liger_kernel_config": {"fused_linear_cross_entropy": True}}},
         "sft.liger_kernel_config: fused_linear_cross_entropy: TRL has a fused output layer of its own"),
        ({"deepspeed": "zero3_offload", "sft": {"optim": "sgd"}}, "sft.optim: sgd would become Adam"),
        ({"deepspeed_config": {"zero_optimization": {"offload_optimizer": {"device": "cpu"}}}, **_of_grpo(optim="adafactor")},
         "grpo.config.optim: adafactor would become Adam"),
        ({"sft": {"packing_strategy": "bfd"}},
         "sft.packing_strategy: has no effect with training.batching: padding_free"),
        ({"batching": "packed", "sft": {"packing_strategy": "wrapped"}},
         "sft.packing_strategy: wrapped cuts examples"),
        (_of_grpo(generation_kwargs={"temperature": 0.5}),
         "grpo.config.generation_kwargs: temperature is set by training.grpo.temperature"),
        (_of_grpo(generation_kwargs={"max_new_tokens": 9}), "training.grpo.max_completion_length"),
        (_of_grpo(generation_kwargs={"top_p": 0.9}), "is set by training.grpo.config.top_p"),
        (_of_grpo(generation_kwargs={"num_beams": 4}), "group-relative rewards need samples"),
        (_of_grpo(sync_ref_model=True), "there is no reference model with training.grpo.beta: 0"),
        ({**GRPO, "lora": {}, "grpo": {"beta": 0.1, "config": {"sync_ref_model": True}}},
         "no reference model to update beside adapters"),
        ({**GRPO, "grpo": {"generator": "transformers", "config": {"vllm_server_timeout": 9}}},
         "grpo.config.vllm_server_timeout: has no effect with training.grpo.generator: transformers"),
    ],
)  # fmt: skip
def test_what_would_be_passed_over_is_refused(values: dict[str, Any], words: str) -> None:
    assert words in _refused(values)


@pytest.mark.parametrize(
    "values",
    [
        {"sft": {"lr_scheduler_kwargs": {"num_cycles": 1}}},
        {"lr_scheduler": "cosine_with_min_lr", "sft": {"lr_scheduler_kwargs": None}},
        {"batching": "packed", "sft": {"packing_strategy": "bfd"}},
        {"sft": {"optim": "sgd"}},
        {"deepspeed": "zero3_offload", "sft": {"optim": "adamw_torch_fused"}},
        _of_grpo(generation_kwargs={"renormalize_logits": True}),
        {**GRPO, "grpo": {"beta": 0.1, "config": {"sync_ref_model": True}}},
        {**GRPO, "sft": {"packing_strategy": "wrapped"}},  # of the other method
        {**LONG, "sft": {"loss_type": "nll", "label_smoothing_factor": 0.0, "pad_to_multiple_of": 64}},
        {**LONG, "lora": {}, "deepspeed": "zero3"},
        {**QLORA, "deepspeed": "zero1"},
    ],
)  # fmt: skip
def test_what_goes_together_is_taken(values: dict[str, Any]) -> None:
    TrainingParams.model_validate(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"deepspeed": "zero3"}, "lora.quantization: 4-bit weights are whole on each GPU, and zero3"),
        ({"deepspeed": "zero3_offload"}, "give deepspeed: zero2"),
        ({"precision": "float32"}, "lora.quantization: products of 4-bit weights are in bfloat16"),
        (GRPO, "lora.quantization: method grpo samples"),
        ({"lora": {"quantization": "nf4", "modules_to_save": ["lm_head", "q_proj"]}},
         "lora.modules_to_save: q_proj is held in 4 bits"),
    ],
)  # fmt: skip
def test_where_weights_cannot_be_in_four_bits(values: dict[str, Any], words: str) -> None:
    assert words in _refused({**QLORA, **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nproc_per_node": 6}, "sequence_parallel: 4 must divide the 6 processes"),
        ({"batching": "packed"}, "batching: packed keeps sequences of a row apart by a mask"),
        ({"batching": "padding_free"}, "batching: padding_free keeps"),
        ({"attention": "eager"}, "attention: eager cannot be divided"),
        ({**GRPO, "grpo": {"group_size": 2}}, "sequence_parallel: method grpo cannot divide sequences"),
        ({"sft": {"loss_type": "dft"}}, "sft.loss_type: sequence_parallel has the plain loss alone"),
        ({"sft": {"label_smoothing_factor": 0.1}}, "sft.label_smoothing_factor: sequence_parallel has"),
        ({"sft": {"average_tokens_across_devices": False}}, "processes that share a sequence have one loss"),
        ({"sft": {"pad_to_multiple_of": 6}}, "sft.pad_to_multiple_of: 6 must be a multiple of sequence_parallel (4)"),
    ],
)  # fmt: skip
def test_where_sequences_cannot_be_shared(values: dict[str, Any], words: str) -> None:
    assert words in _refused({**LONG, **values})


def test_a_batch_counts_sequences_however_many_processes_share_one() -> None:
    values = {**LONG, "micro_batch_size": 1, "batch_size": 2}
    assert TrainingParams.model_validate(values).replicas == 2
