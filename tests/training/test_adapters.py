"""Adapters of every kind that a params file can ask for: what is exported answers as what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow  # loads torch


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "dense"
    make_tiny_model(folder)
    return folder


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "lora",
    [{}, {"rank_stabilized": True}, {"modules_to_save": ["embed_tokens", "lm_head"]}, {"modules_to_save": ["lm_head"]}],
    ids=["plain", "rank-stabilised", "tables", "head"],
)  # fmt: skip
def test_a_merged_model_answers_as_the_one_that_was_trained(
    base: Path, tmp_path: Path, lora: dict[str, Any], tied: bool
) -> None:
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    from llmc_lib.models.adapter import merge
    from llmc_lib.params import TrainingParams
    from llmc_lib.training.export import adapters

    source = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if not tied:
        source.config.tie_word_embeddings = False
        source.lm_head.weight = torch.nn.Parameter(source.lm_head.weight.detach().clone())
    start = tmp_path / "base"
    source.save_pretrained(start)
    params = TrainingParams.model_validate({"lora": {"rank": 4, **lora}})
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32), adapters(params.model_dump()["lora"])
    )  # fmt: skip
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(str(tmp_path / "adapter"))
    merge(start, tmp_path / "adapter", tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    tokens = torch.arange(5, 25)[None]
    model.eval()
    torch.testing.assert_close(merged(tokens).logits, model(tokens).logits, rtol=1e-4, atol=1e-4)
