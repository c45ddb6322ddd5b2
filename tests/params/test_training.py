"""Settings of a training that depend on one another."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib.params import SlurmParams, TrainingParams


def _advice(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        TrainingParams.model_validate(values)
    return str(caught.value.errors()[0]["ctx"]["error"].args[1])


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


@pytest.mark.parametrize(
    "time", ["99:99:99", "00:60:00", "1-25:00:00", "1-", "abc", "-1:00", "1:00:00\n", ""]
)
def test_a_time_that_slurm_would_not_take_is_told(time: str) -> None:
    words = "must be minutes, hours:minutes:seconds or days-hours:minutes:seconds"
    assert words in _advice(cluster={"slurm": {"time": time}})


@pytest.mark.parametrize("time", ["0", "90", "90:30", "100:00:00", "2-00:00:00", "1-23", "1-23:59"])
def test_a_time_in_each_of_the_forms_of_slurm(time: str) -> None:
    assert SlurmParams(time=time).time == time


def test_keys_of_a_configuration_are_taken() -> None:
    given = {
        "attention_dropout": 0.1,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
        "max_position_embeddings": 131072,
    }
    assert TrainingParams(model_init_kwargs=given).model_init_kwargs == given
