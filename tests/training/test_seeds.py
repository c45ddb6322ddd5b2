"""A training with a seed of its own: what it is made from, and that another seed does not make it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.models.resolve import base_model
from llmc_lib.store import Run
from llmc_lib.training import launch
from tests.trained_run import write_trained


def _keys(run: Run) -> dict[str, str]:
    base = base_model(run)
    return {r.name: launch.recipe_key(run, base, r) for r in run.params.recipes}


@pytest.mark.slow
@pytest.mark.parametrize("vary", ["rows", "order"])
def test_each_seed_is_a_training_of_its_own(tmp_path: Path, vary: str) -> None:
    few, more = (
        write_trained(
            tmp_path, candidates=[{"name": "m", "seeds": seeds, "vary": vary}, {"name": "o"}]
        )
        for seeds in ([4, 1], [4, 1, 5])
    )
    first, second = _keys(few), _keys(more)
    assert list(second) == ["m-seed4", "m-seed1", "m-seed5", "o"]
    assert len(set(second.values())) == len(second)
    assert {name: second[name] for name in first} == first


def test_the_trainer_gets_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_trained(tmp_path, seed=3, candidates=[{"name": "m", "seeds": [8]}, {"name": "o"}])
    specs: list[dict[str, Any]] = []

    def seen(*arguments: Any) -> None:
        specs.append(json.loads(Path(arguments[2]).read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_watch", seen)
    for recipe in run.params.recipes:
        with pytest.raises(KeyboardInterrupt):
            launch._train(run, base_model(run), recipe)
    assert [spec["seed"] for spec in specs] == [8, 3]
    assert [spec["model_name"] for spec in specs] == ["m-seed8-step-{step}", "o-step-{step}"]
    assert Path(specs[0]["train"]).parent.name == "m-seed8"
