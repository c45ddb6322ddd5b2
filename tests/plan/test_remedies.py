"""Changes that make a training fit: each that is named does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmc_lib.params import TrainingParams
from llmc_lib.plan.machine import GIB
from llmc_lib.plan.memory import memory
from llmc_lib.plan.remedies import Remedy, _changes, possible, remedies
from tests.plan.test_memory import DENSE


def _peak(training: TrainingParams) -> float:
    return memory(DENSE, training, on_gpu=True).peak


def _find(capacity: float, **keys: Any) -> list[Remedy]:
    base = {"batch_size": 64, "micro_batch_size": 1, "nproc_per_node": 8, "max_length": 4096}
    training = TrainingParams.model_validate({**base, **keys})
    assert _peak(training) > capacity * GIB
    return remedies(training, _peak, capacity * GIB, on_gpu=True)


def test_single_changes_are_named_with_what_they_need() -> None:
    found = _find(40, deepspeed="zero2", micro_batch_size=4, gradient_checkpointing=True)
    texts = {remedy.text: remedy.peak / GIB for remedy in found}
    assert texts
    assert all(peak <= 40 for peak in texts.values())
    # The first preset that is enough, and no other; the model's weights come before its length.
    keys = [remedy.key for remedy in found]
    assert len(keys) == len(set(keys))
    assert "deepspeed: zero3" in texts
    assert "deepspeed: zero3_offload" not in texts


def test_a_named_change_does_what_it_says() -> None:
    (first, *_) = _find(40, deepspeed="zero2", micro_batch_size=4, gradient_checkpointing=True)
    key, value = first.text.split(": ")
    base = {
        "batch_size": 64, "micro_batch_size": 4, "nproc_per_node": 8, "max_length": 4096,
        "deepspeed": "zero2", "gradient_checkpointing": True,
    }  # fmt: skip
    changed = {**base, key: int(value) if value.isdigit() else value}
    assert _peak(TrainingParams.model_validate(changed)) == first.peak


def test_changes_are_put_together_where_none_is_enough() -> None:
    (found,) = _find(14, deepspeed="zero1", micro_batch_size=4, max_length=16384)
    assert " and " in found.text
    assert found.text.startswith("micro_batch_size: 1 and gradient_checkpointing: true")
    assert found.peak <= 14 * GIB


def test_more_machines_keep_the_batch_whole() -> None:
    found = _find(40, deepspeed="zero3", batch_size=8, gradient_checkpointing=True, nproc_per_node=2,
                  max_length=1024)  # fmt: skip
    texts = [remedy.text for remedy in found]
    assert any(text.startswith("cluster.nodes: ") for text in texts)
    for text in texts:
        if "with batch_size" in text:
            nodes = int(text.split()[1])
            assert int(text.rstrip(")").split()[-1]) % (2 * nodes) == 0


def test_nothing_is_named_where_nothing_is_enough() -> None:
    assert _find(0.5) == []


@pytest.mark.parametrize("key", ["deepspeed", "cluster"])
def test_a_cpu_is_not_told_to_divide_the_states(key: str) -> None:
    training = TrainingParams(micro_batch_size=16, max_length=8192)
    found = remedies(training, lambda t: float(t.micro_batch_size), 1.0, on_gpu=False)
    assert found
    assert key not in [remedy.key for remedy in found]


def test_four_bits_and_shared_sequences_are_tried_where_they_can_be() -> None:
    found = _find(14, deepspeed="zero2", lora={"rank": 16}, gradient_checkpointing=True)
    assert "lora.quantization: nf4" in [remedy.text for remedy in found]
    for other in ({"precision": "float32"}, {"method": "grpo"}, {"deepspeed": "zero3"}):
        training = TrainingParams.model_validate({"lora": {}, **other})
        texts = [text for text, _, _ in _changes(training, on_gpu=True)]
        assert "lora.quantization: nf4" not in texts
    settings = {"max_length": 65536, "deepspeed": "zero3", "gradient_checkpointing": True}
    found = _find(45, **settings)
    shared = next(remedy for remedy in found if remedy.key == "sequence_parallel")
    assert shared.text == "sequence_parallel: 2 (with batching: padded)"
    given = {"batch_size": 64, "micro_batch_size": 1, "nproc_per_node": 8}
    changed = {**given, **settings, "sequence_parallel": 2, "batching": "padded"}
    assert shared.peak == _peak(TrainingParams.model_validate(changed))


def test_what_a_model_cannot_be_trained_with_is_no_remedy() -> None:
    def can(**keys: Any) -> bool:
        values = {
            "nproc_per_node": 12,
            "batch_size": 12,
            "micro_batch_size": 1,
            "batching": "padded",
        }
        return possible(TrainingParams.model_validate({**values, **keys}), DENSE)

    assert can(sequence_parallel=4)
    assert not can(sequence_parallel=6)  # of 32 heads
    nf4 = TrainingParams.model_validate({"lora": {"quantization": "nf4"}})
    assert possible(nf4, DENSE)
    assert not possible(nf4, replace(DENSE, expert_count=8))
