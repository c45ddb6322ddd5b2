"""What learning from pairs needs, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.params import PlanParams, TrainingParams
from llmc_lib.plan.hours import training_flops
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.plan.memory import memory
from llmc_lib.plan.preferences import as_sequences, beside, pair_work, pairs_in
from llmc_lib.plan.zero import zero_settings
from tests.plan.test_memory import DENSE

GPU = Machine("a GPU", True, 80.0 * GIB, None, 1000.0, False)
CPU = Machine("processors", False, 16.0 * GIB, None, 1.0, False)
PLAN = PlanParams(mfu=0.5)


def _settings(**keys: Any) -> TrainingParams:
    base = {
        "method": "dpo", "batch_size": 64, "micro_batch_size": 2, "nproc_per_node": 8, "max_length": 4096,
        "deepspeed": "zero3",
    }  # fmt: skip
    return TrainingParams.model_validate({**base, **keys})


def _parts(training: TrainingParams, on: Machine = GPU) -> dict[str, float]:
    parts = beside(DENSE, training, on, zero_settings(training, DENSE))
    return {part.name: part.backward_start for part in parts}


def test_the_reference_model_is_counted() -> None:
    weights = DENSE.parameters
    assert _parts(_settings()) == {"reference model": 2 * weights / 8}
    assert _parts(_settings(deepspeed="zero2")) == {"reference model": 2 * weights}
    assert _parts(_settings(precision="float32")) == {"reference model": 4 * weights / 8}
    assert _parts(_settings(deepspeed="zero2"), CPU) == {"reference model": 4 * weights}
    assert _parts(_settings(lora={"rank": 8})) == {}
    assert _parts(_settings(method="orpo"), CPU) == {}


def test_orpo_holds_whole_logits_on_a_gpu() -> None:
    tokens = 2 * 2 * 4096  # two pairs of two sequences
    assert _parts(_settings(method="orpo")) == {"logits, whole": 3 * 2 * tokens * DENSE.vocabulary}


def test_a_pair_is_two_sequences() -> None:
    training = as_sequences(_settings())
    assert (training.batch_size, training.micro_batch_size) == (128, 4)
    assert memory(DENSE, training, on_gpu=True).tokens == 4 * 4096
    zero = zero_settings(training, DENSE)
    found = {
        method: pair_work(
            DENSE, _settings(method=method), zero, GPU, PLAN, rows=640, length=1000.0, adapters=0
        )
        for method in ("dpo", "orpo")
    }
    assert [work.steps for work in found.values()] == [10, 10]
    assert [work.tokens for work in found.values()] == [1_280_000, 1_280_000]
    flops = 1_280_000 * training_flops(DENSE, 1000.0, False)
    assert found["orpo"].compute_hours == pytest.approx(flops / (8e15 * 0.5) / 3600)
    # The reference runs forward once more: 2 FLOPs beside 6.
    assert found["dpo"].compute_hours == pytest.approx(flops / (8e15 * 0.5) / 3600 * 4 / 3)


def test_pairs_of_a_built_data_set_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    assert pairs_in(path) is None
    pd.DataFrame({"prompt": ["a", "b", "c"]}).to_parquet(path)
    assert pairs_in(path) is None
    pd.DataFrame({"prompt": ["a", "b", "c"], "rejected": ["", "x", "y"]}).to_parquet(path)
    assert pairs_in(path) == 2
