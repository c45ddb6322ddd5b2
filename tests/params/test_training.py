"""Settings of a training that depend on one another."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib.params import TrainingParams


def _advice(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        TrainingParams.model_validate(values)
    return str(caught.value.errors()[0]["ctx"]["error"].args[1])


def test_sixteen_rows_on_twenty_four_gpus_get_advice_that_works() -> None:
    cluster = {"nodes": 3, "endpoint": "a:1"}
    values = {"batch_size": 16, "micro_batch_size": 1, "nproc_per_node": 8, "cluster": cluster}
    advice = _advice(**values)
    assert "Give batch_size: 24, or cluster.nodes: 2." in advice
    assert "1.5 times as many sequences a step" in advice
    assert "up to 1.22 times as high" in advice
    TrainingParams.model_validate({**values, "batch_size": 24})
    TrainingParams.model_validate({**values, "cluster": {**cluster, "nodes": 2}})


@pytest.mark.parametrize("batch", [5, 7, 10, 36, 100])
@pytest.mark.parametrize("micro", [1, 3, 4])
@pytest.mark.parametrize("each", [2, 8])
def test_every_remedy_that_is_named_works(batch: int, micro: int, each: int) -> None:
    values: dict[str, Any] = {"batch_size": batch, "micro_batch_size": micro, "nproc_per_node": each}  # fmt: skip
    if batch % (micro * each) == 0:
        return
    remedies = _advice(**values).partition("Give ")[2].partition(". A batch")[0].split(", or ")
    assert remedies
    for remedy in remedies:
        key, _, numbers = remedy.partition(": ")
        for number in numbers.split(" or "):
            TrainingParams.model_validate({**values, key: int(number)})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"trust_remote_code": True}, "it names code"),
        ({"device_map": "auto"}, "it is set by this package"),
        ({"attn_implementation": "eager"}, "is set by training.attention"),
        ({"dtype": "float16"}, "is set by training.precision"),
        ({"rope_thata": 1e6}, "did you mean 'rope_theta'?"),
        ({"rope_scaling": {"rope_type": "../x"}}, "a plain word"),
        ({"attention_dropout": 1.5}, "less than 1"),
    ],
)
def test_only_keys_of_a_configuration_reach_the_model(given: dict[str, Any], words: str) -> None:
    assert words in _advice(model_init_kwargs=given)


def test_keys_of_a_configuration_are_taken() -> None:
    given = {
        "attention_dropout": 0.1,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
        "max_position_embeddings": 131072,
    }
    assert TrainingParams(model_init_kwargs=given).model_init_kwargs == given
