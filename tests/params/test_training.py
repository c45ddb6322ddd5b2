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
