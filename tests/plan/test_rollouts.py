"""What reinforcement learning needs, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from llmc_lib.params import PlanParams, TrainingParams
from llmc_lib.plan.hours import training_flops
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.plan.memory import memory
from llmc_lib.plan.rollouts import rollout_notes, rollout_parts, rollout_work, rollouts
from llmc_lib.plan.zero import zero_settings
from tests.plan.test_memory import DENSE

GPU = Machine("a GPU", True, 80.0 * GIB, None, 1000.0, False)
CPU = Machine("processors", False, 16.0 * GIB, None, 1.0, False)
PLAN = PlanParams(mfu=0.5, generation_mfu=0.1)


def _settings(grpo: dict[str, Any] | None = None, **keys: Any) -> TrainingParams:
    base = {
        "method": "grpo", "batch_size": 64, "micro_batch_size": 1, "nproc_per_node": 8, "max_length": 4096,
        "deepspeed": "zero3",
    }  # fmt: skip
    grpo = {"group_size": 8, "max_completion_length": 3072, **(grpo or {})}
    return TrainingParams.model_validate({**base, **keys, "grpo": grpo})


def _parts(training: TrainingParams, on: Machine = GPU) -> dict[str, float]:
    parts = rollout_parts(DENSE, training, on, zero_settings(training, DENSE))
    assert all(part.backward_start == part.backward_end == part.step for part in parts)
    return {part.name: part.step for part in parts}


def test_completions_and_the_hours_of_sampling() -> None:
    found = rollouts(DENSE, _settings({"steps": 10}), GPU, PLAN, rows=999)
    assert (found.prompts, found.group, found.completions) == (8, 8, 640)
    assert (found.tokens_per_prompt, found.tokens_per_completion) == (1024, 3072)
    # 8 GPUs, each 0.1 of 1000 TFLOP/s, 2 FLOPs a weight that is multiplied.
    assert found.tokens_per_s == pytest.approx(8 * 1e14 / (2 * DENSE.multiplied))
    assert found.hours == pytest.approx(640 * 3072 * 2 * DENSE.multiplied / 8e14 / 3600)
    passes = rollouts(DENSE, _settings(epochs=2.0), GPU, PLAN, rows=100)
    assert passes.completions == 25 * 64  # 2 × 100 prompts, 8 a step
    served = rollouts(
        DENSE,
        _settings({"vllm_server": "a:1", "vllm_tensor_parallel": 2, "steps": 10}),
        GPU,
        PLAN,
        rows=9,
    )
    assert (served.generator, served.gpus) == ("vllm server", 2)


def test_each_completion_is_trained_on_once_and_read_once_more_by_a_reference() -> None:
    training = _settings({"steps": 10})
    plan = PLAN.model_copy(update={"tokens_per_prompt": 100, "tokens_per_completion": 900})
    found = rollouts(DENSE, training, GPU, plan, rows=999)
    zero = zero_settings(training, DENSE)
    done = rollout_work(DENSE, training, zero, GPU, plan, found=found, adapters=0)
    assert (done.steps, done.tokens) == (10, 640_000)
    flops = 640_000 * training_flops(DENSE, 1000, lora=False)
    assert done.compute_hours == pytest.approx(flops / (8 * 1000e12 * 0.5) / 3600)
    with_kl = _settings({"steps": 10, "beta": 0.1})
    again = rollout_work(DENSE, with_kl, zero, GPU, plan, found=found, adapters=0)
    assert again.compute_hours == pytest.approx(4 / 3 * flops / (8 * 1000e12 * 0.5) / 3600)


def test_reference_model_and_the_share_of_vllm() -> None:
    assert _parts(_settings()) == {"vLLM": pytest.approx(0.3 * 80 * GIB)}
    assert _parts(_settings({"vllm_server": "a:1"})) == {}
    kl = _parts(_settings({"beta": 0.1, "generator": "transformers"}))
    assert kl == {"reference model": 2 * DENSE.parameters / 8}
    whole = _parts(_settings({"beta": 0.1, "generator": "transformers"}, deepspeed="zero2"))
    assert whole == {"reference model": 2 * DENSE.parameters}
    adapted = {"lora": {"rank": 8}}
    assert _parts(_settings({"beta": 0.1, "generator": "transformers"}, **adapted)) == {}
    assert _parts(_settings({"vllm_sleep": True}))["vLLM"] == 0
    assert set(_parts(_settings(), CPU)) == {"sampling"}
    need = memory(
        DENSE, _settings(), on_gpu=True,
        beside=rollout_parts(DENSE, _settings(), GPU, zero_settings(_settings(), DENSE)),
    )  # fmt: skip
    assert need.peak == pytest.approx(memory(DENSE, _settings(), on_gpu=True).peak + 24 * GIB)


def test_a_share_that_holds_no_model_is_noted() -> None:
    need = memory(DENSE, _settings(), on_gpu=True)
    assert rollout_notes(DENSE, _settings({"vllm_memory": 0.4}), GPU, need) == []
    (note,) = rollout_notes(DENSE, _settings({"vllm_memory": 0.1}), GPU, need)
    assert "vLLM needs" in note
    (note,) = rollout_notes(
        DENSE, _settings({"vllm_memory": 0.3, "vllm_tensor_parallel": 3}), GPU, need
    )
    assert "3 must divide the 8 processes" in note
    assert rollout_notes(DENSE, _settings(), CPU, need) == []
