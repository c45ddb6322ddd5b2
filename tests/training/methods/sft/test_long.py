"""Groups of processes that share sequences: how they are set up."""

from __future__ import annotations

import pytest

from llmc_lib.params import TrainingParams
from llmc_lib.training.methods.sft.long import parallelism

pytestmark = pytest.mark.slow  # loads torch


def test_groups_of_processes_are_replicas() -> None:
    spec = TrainingParams.model_validate(
        {"nproc_per_node": 8, "sequence_parallel": 2, "batching": "padded", "micro_batch_size": 1}
    )
    fields = parallelism({**spec.model_dump(), "world_size": spec.world_size})
    given = fields["parallelism_config"]
    assert (given.sp_size, given.data_parallel_size) == (2, 4) == (2, spec.replicas)
    assert given.sp_handler.sp_attn_implementation == "sdpa"
    assert fields["pad_to_multiple_of"] == 8
    assert parallelism(TrainingParams().model_dump()) == {}
