"""The settings of reinforcement learning: what is refused, and in which order candidates are trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.errors import UserError
from llmc_lib.params import Params, reader
from llmc_lib.params.starts import in_order


def _load(tmp_path: Path, **values: Any) -> Params:
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump({"run": "x", **values}, sort_keys=False))
    return reader.load(path)


def test_method_and_start_of_a_candidate(tmp_path: Path) -> None:
    params = _load(
        tmp_path,
        training={"grpo": {"group_size": 4}},
        candidates=[
            {"name": "rl", "method": "grpo", "start": "sft"},
            {"name": "sft"},
            {"name": "zero", "method": "grpo", "training": {"grpo": {"beta": 0.1}}},
        ],
    )
    rl, sft, zero = params.recipes
    assert (rl.start, sft.start, zero.start) == ("sft", None, None)
    assert (sft.training.method, zero.training.method) == ("sft", "grpo")
    assert zero.training.grpo is not None
    assert (zero.training.grpo.group_size, zero.training.grpo.beta) == (4, 0.1)
    assert in_order({r.name: r.start for r in params.recipes}) == ["sft", "rl", "zero"]


def test_several_rounds_are_trained_one_after_the_other() -> None:
    starts = {"c": "b", "a": None, "d": "c", "b": "a"}
    assert in_order(starts) == ["a", "b", "c", "d"]


def test_a_training_starts_from_that_of_its_seed(tmp_path: Path) -> None:
    params = _load(
        tmp_path,
        candidates=[
            {"name": "rl", "method": "grpo", "start": "sft", "seeds": [2, 1]},
            {"name": "one", "method": "grpo", "start": "sft-seed3"},
            {"name": "sft", "seeds": [1, 2, 3]},
            {"name": "more", "method": "grpo", "start": "one", "seeds": [5, 6]},
        ],
    )
    starts = {recipe.name: recipe.start for recipe in params.recipes}
    assert starts["rl-seed1"] == "sft-seed1"
    assert starts["rl-seed2"] == "sft-seed2"
    assert starts["one"] == "sft-seed3"
    assert starts["more-seed6"] == "one"
    order = in_order(starts)
    assert set(order) == set(starts)
    assert all(start is None or order.index(start) < order.index(n) for n, start in starts.items())


def test_without_it_nothing_is_asked() -> None:
    params = Params(run="x")
    assert params.training.grpo is None
    assert params.recipes[0].start is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"candidates": [{"name": "a", "start": "b"}, {"name": "b", "start": "a"}]},
            "line 4: candidates.0.start: a ← b ← a is a circle; let one of them start from 'base'",
        ),
        (
            {"candidates": [{"name": "a", "start": "a"}]},
            "line 4: candidates.0.start: a ← a is a circle",
        ),
        (
            {"candidates": [{"name": "math"}, {"name": "b", "start": "mth"}]},
            "line 5: candidates.1.start: 'mth' is not a candidate; did you mean 'math'?",
        ),
        (
            {"candidates": [{"name": "a", "seeds": [1, 2]}, {"name": "b", "start": "a"}]},
            "'a' has 2 trainings; give this one seeds of [1, 2], or start: a-seed1",
        ),
        (
            {
                "candidates": [
                    {"name": "a", "seeds": [1, 2]},
                    {"name": "b", "start": "a", "seeds": [3]},
                ]
            },
            "'a' has no training with the seed 3; give this one seeds of [1, 2], or start: a-seed1",
        ),
        (
            {"training": {"method": "grpo", "batch_size": 12}},
            "line 4: training.batch_size: 12 counts completions and must be a multiple of grpo.group_size (8)",
        ),
        (
            {"training": {"method": "grpo", "max_length": 200}},
            "training.grpo.max_completion_length: 256 leaves no room for a prompt within training.max_length (200)",
        ),
        (
            {"training": {"method": "grpo", "grpo": {"config": {"use_vllm": True}}}},
            "training.grpo.config.use_vllm: is set by training.grpo.generator; give it there",
        ),
        (
            {"training": {"method": "grpo", "grpo": {"config": {"accelerator_config": {}}}}},
            "is not for a params file: it names code to be loaded",
        ),
        (
            {"training": {"method": "grpo", "grpo": {"config": {"top_pp": 0.9}}}},
            "did you mean 'top_p'?",
        ),
        (
            {"training": {"method": "grpo", "grpo": {"vllm_server": "gpu-1"}}},
            "training.grpo.vllm_server: 'gpu-1' must be host:port",
        ),
    ],
)
def test_what_cannot_hold_is_told_with_its_place(
    tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        _load(tmp_path, **values)
