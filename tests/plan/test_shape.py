"""Counts of parameters from a config alone: the published numbers, and where a config comes from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.models.resolve import base_model
from llmc_lib.params import Params
from llmc_lib.plan import shape as module
from llmc_lib.plan.shape import SHIPPED, Shape, config_source, count, model_shape
from llmc_lib.store import Run

CONFIGS = Path(module.__file__).parent / "configs"

# Published: the model cards (8.2 B, 32.8 B; 235 B with 22 B activated); to the last digit, the sums of the
# shapes in the safetensors indices, and for SmolLM2 134,515,008.
PUBLISHED = {
    "SmolLM2-135M-Instruct": (134_515_008, 134_515_008),
    "Qwen3-8B": (8_190_735_360, 8_190_735_360),
    "Qwen3-32B": (32_762_123_264, 32_762_123_264),
    "Qwen3-235B-A22B-Thinking-2507": (235_093_634_560, 22_190_763_520),
}


def _run(folder: Path, **model: str) -> Run:
    values = {"run": "x", "runs_dir": str(folder / "runs"), "model": model}
    return Run(Params.model_validate(values), folder / "x.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_number_of_parameters_comes_out(name: str, counted: dict[str, Shape]) -> None:
    assert (counted[name].parameters, counted[name].active) == PUBLISHED[name]


@pytest.mark.slow
def test_what_a_mixture_of_experts_is_made_of(counted: dict[str, Shape]) -> None:
    shape = counted["Qwen3-235B-A22B-Thinking-2507"]
    assert shape.experts == 94 * 128 * 3 * 4096 * 1536
    assert (shape.expert_count, shape.experts_per_token, shape.ffn) == (128, 8, 8 * 1536)
    assert shape.largest_block == pytest.approx(
        (shape.parameters - 2 * shape.embedding) / 94, rel=1e-5
    )
    assert shape.multiplied == shape.active - 151_936 * 4096
    assert shape.qk_norm
    assert not shape.tied


@pytest.mark.slow
def test_lora_on_all_linear_layers(counted: dict[str, Shape]) -> None:
    shape = counted["SmolLM2-135M-Instruct"]
    # q, o: 576 → 576; k, v: 576 → 192; gate, up: 576 → 1536; down: 1536 → 576.
    widths = 2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536)
    assert shape.adapters(16, ()) == 16 * 30 * widths
    assert shape.adapters(8, ("q_proj", "v_proj")) == 8 * 30 * (576 + 576 + 576 + 192)


@pytest.mark.slow
def test_the_copy_of_the_embedded_model_is_that_of_its_weights(
    tmp_path: Path, runs_dir: Path, counted: dict[str, Shape]
) -> None:
    converted = base_model(_run(tmp_path, source="embedded")).folder / "config.json"
    assert count(converted) == counted["SmolLM2-135M-Instruct"]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_a_shape_is_counted_once_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    config = json.loads((CONFIGS / "SmolLM2-135M-Instruct.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    run = _run(tmp_path, source=str(tmp_path / "model"))
    shape, source = model_shape(run)
    assert shape.layers == 2
    assert shape.parameters == 134_515_008 - 28 * shape.largest_block
    assert source.text == f"{tmp_path}/model/config.json"
    (kept,) = (run.runs / "_shapes").glob("*.json")
    facts = json.loads(kept.read_text())
    kept.write_text(json.dumps({**facts, "vocabulary": 7}))
    assert model_shape(run)[0].vocabulary == 7  # read, not counted again


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"linear": None}, {"linear": [1]}, {"layers": "2"}, {"layers": None}, {"more": 1}]
)
def test_damaged_counts_are_none(counted: dict[str, Shape], change: dict[str, object]) -> None:
    facts = json.loads(json.dumps(dataclasses.asdict(next(iter(counted.values())))))
    assert module._is_shape(facts)
    assert not module._is_shape({**facts, **change})


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_a_config_that_transformers_does_not_know_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no_such_model"}')
    with pytest.raises(UserError, match="transformers cannot build a model from it"):
        model_shape(_run(tmp_path, source=str(tmp_path)))


def test_a_config_that_is_no_json_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json: not valid JSON"):
        model_shape(_run(tmp_path, source=str(tmp_path)))


def test_without_a_hub_the_copy_is_taken_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    name = "Qwen/Qwen3-8B"
    source = config_source(_run(tmp_path, source=name, revision=SHIPPED[name]))
    assert source.config == CONFIGS / "Qwen3-8B.json"
    assert "the package's copy of its config (the hub cannot be reached)" in source.text
    assert "another commit" not in source.text
    other = config_source(_run(tmp_path, source=name, revision="0123456"))
    assert "the params file names another commit, 0123456" in other.text


@pytest.mark.parametrize("name", SHIPPED)
def test_each_copy_has_a_line_in_the_list_of_sources(name: str) -> None:
    text = (CONFIGS / "README.md").read_text()
    file = f"{name.partition('/')[2]}.json"
    assert (CONFIGS / file).is_file()
    assert f"| `{file}` | `{name}` | `{SHIPPED[name]}` |" in text
