"""A foreign adapter in the base model: the same weights as peft's own merge, and what cannot be merged is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.models.adapter import adapter_problems
from llmc_lib.models.resolve import base_model
from llmc_lib.params import Params
from llmc_lib.store import Run
from tests.tiny import make_tiny_model


def _run(tmp_path: Path, **model: Any) -> Run:
    values = {"run": "adapted", "runs_dir": str(tmp_path / "runs"), "model": model}
    return Run(Params.model_validate(values), tmp_path / "adapted.yaml")


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_the_merged_model_is_that_of_peft(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base, adapter = tmp_path / "base", tmp_path / "theirs"
    make_tiny_model(base)
    (base / "README.md").write_text("---\nlicense: mit\n---\n")
    config = LoraConfig(
        task_type="CAUSAL_LM", r=8, lora_alpha=32, target_modules=["q_proj", "down_proj"]
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(std=0.1)
    model.save_pretrained(str(adapter))
    run = _run(tmp_path, source=str(base), adapter=str(adapter))
    found = base_model(run)
    assert found.label == f"{base} with the adapter {adapter}"
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    expected = theirs.merge_and_unload().state_dict()
    merged = AutoModelForCausalLM.from_pretrained(found.folder).state_dict()
    assert set(merged) == set(expected)
    plain = AutoModelForCausalLM.from_pretrained(base).state_dict()
    for name, weight in expected.items():
        torch.testing.assert_close(merged[name], weight, rtol=0, atol=0)
        assert torch.equal(weight, plain[name]) == ("q_proj" not in name and "down_proj" not in name)  # fmt: skip
    assert AutoTokenizer.from_pretrained(found.folder).chat_template
    assert (found.folder / "README.md").exists()
    # Made once, and anew for another adapter.
    stamp = (found.folder / "config.json").stat().st_mtime_ns
    assert base_model(run).folder == found.folder
    assert (found.folder / "config.json").stat().st_mtime_ns == stamp
    model.save_pretrained(str(adapter))
    with torch.no_grad():
        next(w for n, w in model.named_parameters() if "lora_B" in n).add_(1)
    model.save_pretrained(str(adapter))
    assert base_model(run).folder != found.folder


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no adapter_config.json"),
        ({"adapter_config.json": "{"}, "not valid JSON"),
        ({"adapter_config.json": {"peft_type": "IA3"}}, "peft_type is 'IA3', and LORA alone"),
        ({"adapter_config.json": {"peft_type": "LORA", "megatron_config": {"a": 1}}}, "names code"),
        ({"adapter_config.json": {"peft_type": "LORA"}}, "has no adapter_model.safetensors"),
        ({"adapter_config.json": {"peft_type": "LORA"}, "adapter_model.bin": "x"}, "is a pickle"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_is_told(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
    problem = next(adapter_problems(tmp_path))
    assert message in problem
    assert str(tmp_path) in problem


def test_an_adapter_of_the_hub_needs_its_commit(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"model\.adapter: 'owner/name' must be the folder of a peft"
    ):
        base_model(_run(tmp_path, source=str(base), adapter="owner/name"))
