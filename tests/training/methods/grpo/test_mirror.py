"""The copy that samples has the distribution of the model that is trained, after each step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from llmc_lib.training.methods.grpo.mirror import Mirror
from tests.tiny import make_tiny_model, make_tiny_moe

pytestmark = pytest.mark.slow
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "dense")
    make_tiny_moe(folder / "moe")
    return folder


@pytest.mark.parametrize("name", ["dense", "moe"])
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_it_follows_the_model(models: Path, name: str, lora: bool, half: bool) -> None:
    policy = AutoModelForCausalLM.from_pretrained(models / name)
    if lora:
        policy = get_peft_model(policy, LoraConfig(r=2, target_modules=["q_proj", "o_proj"]))
    mirror = Mirror(policy, half=half)
    before = None
    for _ in range(2):
        mirror.refresh(policy)
        with (
            torch.no_grad(),
            mirror.autocast(),
        ):
            ours, theirs = mirror.model(IDS).logits, policy(IDS).logits
        # An adapter that is merged is rounded with the weight.
        torch.testing.assert_close(
            ours.float(), theirs.float(), atol=(1e-2 if lora else 1e-3) if half else 1e-5, rtol=0
        )
        assert before is None or not torch.equal(ours, before)
        before = ours.clone()
        with torch.no_grad():
            for weight in policy.parameters():
                if weight.requires_grad:
                    weight += 0.05 * torch.randn_like(weight)
    assert policy.get_input_embeddings().weight.dtype == torch.float32
