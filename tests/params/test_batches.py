"""Batches that the processes of a training cannot share evenly."""

from __future__ import annotations

from typing import Any

import pytest

from llmc_lib.params import Params, TrainingParams
from llmc_lib.params.batches import batch_facts, batch_told, even


def _training(batch: int, micro: int, each: int = 1, nodes: int = 1, **more: Any) -> TrainingParams:
    cluster = {"nodes": nodes, **({"endpoint": "a:1"} if nodes > 1 else {})}
    values = {
        "batch_size": batch,
        "micro_batch_size": micro,
        "nproc_per_node": each,
        "cluster": cluster,
    }
    return TrainingParams.model_validate({**values, **more})


GRPO: dict[str, Any] = {"method": "grpo", "grpo": {"group_size": 8}}


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (_training(16, 1, 8, 3), (24, 1)),
        (_training(16, 4, 8, 3), (24, 1)),
        (_training(64, 4, 8, 3), (72, 3)),
        (_training(50, 2, 8, 3), (48, 2)),  # the nearest may be smaller
        (_training(36, 1, 8, 3), (48, 1)),  # of two equally near ones the larger
        (_training(1, 1, 8), (8, 1)),
        (_training(16, 5), (16, 4)),  # the batch stays, the micro-batch gives way
        (_training(6, 4), (6, 3)),
        (_training(7, 4), (7, 1)),
        (_training(2, 4), (2, 2)),
        (_training(3, 1, 8, sequence_parallel=4, batching="padded", precision="bfloat16"), (4, 1)),
        (_training(16, 2, 3, **GRPO), (24, 2)),  # whole groups
    ],
)  # fmt: skip
def test_the_nearest_batch_is_used(asked: TrainingParams, used: tuple[int, int]) -> None:
    found = even(asked)
    assert (found.batch_size, found.micro_batch_size) == used
    assert found.batch_size % (found.micro_batch_size * found.replicas) == 0
    assert even(found) is found
    assert TrainingParams.model_validate(found.model_dump()) == found


@pytest.mark.parametrize("batch", [1, 5, 7, 10, 36, 100])
@pytest.mark.parametrize("micro", [1, 3, 4])
@pytest.mark.parametrize("each", [2, 6, 8])
def test_every_remedy_that_is_named_keeps_what_was_asked_for(
    batch: int, micro: int, each: int
) -> None:
    asked = _training(batch, micro, each)
    used = even(asked)
    if used is asked:
        assert batch % (micro * each) == 0
        return
    told = batch_told(asked, used)
    if used.batch_size == batch:
        sizes = told.partition("batch_size: ")[2].removesuffix(f" keeps {micro}").split(" or ")
        for size in map(int, sizes):
            assert even(_training(size, micro, each)).micro_batch_size == micro
        return
    assert f"batch_size {batch}: {each} processes cannot share {batch} sequences evenly" in told
    number = int(told.partition("nproc_per_node: ")[2])
    assert even(_training(batch, micro, number)).batch_size == batch


def test_what_is_told() -> None:
    asked = _training(16, 4, 8, 3)
    assert batch_told(asked, even(asked)) == (
        "batch_size 16: 24 processes cannot share 16 sequences evenly; a step has 24, 1.5 times as many, so there are fewer "
        "steps, and a learning rate 1.22 times as high keeps Adam's noise as it was; micro-batches of 1 in place of 4. For 16 "
        "give cluster.nodes: 2"
    )
    less = _training(50, 2, 8, 3)
    assert "a step has 48, 0.96 times as many, so there are more steps" in batch_told(
        less, even(less)
    )
    group = _training(16, 2, 3, **GRPO)
    assert "cannot share 16 completions evenly" in batch_told(group, even(group))
    micro = _training(16, 5)
    assert batch_told(micro, even(micro)) == (
        "micro_batch_size 5: one process cannot share 16 sequences in micro-batches of 5; micro-batches of 4 are used. "
        "batch_size: 15 or 20 keeps 5"
    )


def test_each_candidate_has_the_nearest_to_what_was_asked_for() -> None:
    cluster = {"nodes": 3, "endpoint": "a:1"}
    params = Params.model_validate(
        {
            "run": "x",
            "training": {"batch_size": 16, "micro_batch_size": 1, "nproc_per_node": 8, "cluster": cluster},
            "candidates": [
                {"name": "a"},
                {"name": "b", "training": {"cluster": {"nodes": 2}}},
                {"name": "c", "seeds": [0, 1], "training": {"batch_size": 48}},
            ],
        }
    )  # fmt: skip
    assert params.training.batch_size == 16
    assert [r.training.batch_size for r in params.recipes] == [24, 16, 48, 48]
    first, *others = params.recipes
    assert first.asked is not None
    assert batch_facts(first.asked, first.training) == {
        "batch": {
            "asked": {"batch_size": 16, "micro_batch_size": 1},
            "used": {"batch_size": 24, "micro_batch_size": 1},
        }
    }
    assert {recipe.asked for recipe in others} == {None}
    assert batch_facts(None, others[0].training) == {}
    assert Params.model_validate({"run": "x"}).recipes[0].asked is None
