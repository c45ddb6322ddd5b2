"""Further fields of SFTConfig: what the installed TRL takes and what is ours."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from trl import SFTConfig

from llmc_lib.errors import UserError
from llmc_lib.params import TrainingParams
from llmc_lib.params.sft_arguments import KNOWN, OURS
from llmc_lib.store import open_run
from llmc_lib.training.arguments import deepspeed_config, field_error
from llmc_lib.training.check import check
from llmc_lib.training.methods import METHODS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "fields",
    [{}, {"neftune_noise_alpha": 5.0}, {"optim": "adamw_torch"}, {"dataloader_num_workers": 2},
     {"lr_scheduler_kwargs": {"num_cycles": 1}}, {"label_smoothing_factor": 0.1, "group_by_length": False}],
)  # fmt: skip
def test_what_trl_takes_is_taken(fields: dict[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(SFTConfig)}
    fields = {name: value for name, value in fields.items() if name in known}
    assert field_error(METHODS["sft"], fields) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"optimm": "sgd"}, "optimm: the installed TRL's SFTConfig has no such field; leave it out"),
        ({"dataloader_num_workers": "many"}, "dataloader_num_workers: input should be a valid integer"),
        ({"optim": "adamx"}, "optim: TRL refuses: adamx is not a valid OptimizerNames"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_remedy(fields: dict[str, Any], words: str) -> None:
    assert (field_error(METHODS["sft"], fields) or "").startswith(words)


def test_what_a_params_file_may_set_is_a_field_of_trl() -> None:
    known = {field.name for field in dataclasses.fields(SFTConfig)}
    # warmup_ratio and two names of older versions are told apart from a typing error all the same.
    assert set(OURS) - known <= {"warmup_ratio"}
    assert set(KNOWN) - known <= {"group_by_length"}


@pytest.mark.usefixtures("warm_python")
def test_a_params_file_is_checked_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    values = {
        "run": "x",
        "training": {"sft": {"neftune_noise_alpha": 5.0}},
        "candidates": [{"name": "a"}, {"name": "b", "training": {"sft": {"optim": "sgdd"}}}],
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(UserError) as caught:
        check(open_run(path))
    assert str(caught.value).startswith(
        f"{path}, line 9: candidates.1.training.sft.optim: TRL refuses: sgdd is not a valid OptimizerNames, "
    )
    values["candidates"] = [{"name": "a"}]
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    check(open_run(path))


@pytest.mark.parametrize("name", ["zero1", "zero2", "zero3", "zero3_offload"])
def test_a_preset_is_what_it_says_and_can_be_overridden(name: str) -> None:
    spec = TrainingParams(deepspeed=name).model_dump()  # type: ignore[arg-type]
    config = deepspeed_config(spec, bfloat16=True, gpu=True)
    assert config["zero_optimization"]["stage"] == int(name[4])
    assert ("offload_optimizer" in config["zero_optimization"]) == (name == "zero3_offload")
    assert config["bf16"] == {"enabled": "auto"}
    assert config["train_batch_size"] == "auto"
    spec["deepspeed_config"] = {"zero_optimization": {"reduce_bucket_size": 7}, "wall_clock": True}
    changed = deepspeed_config(spec, bfloat16=False, gpu=False)
    assert changed["zero_optimization"]["reduce_bucket_size"] == 7
    assert changed["zero_optimization"]["stage"] == int(name[4])
    assert changed["wall_clock"] is True
    assert "bf16" not in changed
    assert "torch_autocast" not in changed
