"""Weights in 4 bits: what is trained, what is counted, and what is exported. bitsandbytes computes on a CPU as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from llmc_lib.params import TrainingParams
from llmc_lib.plan.memory import NF4_BYTES
from llmc_lib.training.export import adapters
from llmc_lib.training.quantize import dequantized, elements, quantization
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow  # loads torch


def _lora(**keys: Any) -> dict[str, Any]:
    lora: dict[str, Any] = TrainingParams.model_validate({"lora": {"rank": 4, **keys}}).model_dump()
    return lora["lora"]  # type: ignore[no-any-return]


def test_the_configuration_is_that_of_the_paper() -> None:
    config = quantization(_lora(quantization="nf4"))["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type) == (True, "nf4")
    assert config.bnb_4bit_use_double_quant
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
    assert quantization(_lora()) == quantization(None) == {}


def test_weights_that_are_whole_have_no_others_in_their_place() -> None:
    assert list(dequantized(torch.nn.Linear(3, 2))) == []
    assert elements(torch.nn.Linear(3, 2).weight) == 6


def test_what_is_exported_answers_as_what_was_trained(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    from llmc_lib.models.adapter import merge

    base = tmp_path / "base"
    make_tiny_model(base)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    plain.save_pretrained(base)
    lora = _lora(quantization="nf4")
    read = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, **quantization(lora))
    model = get_peft_model(read, adapters(lora))
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight))
    weights = [weight for name, weight in model.named_parameters() if "lora_" not in name]
    assert sum(map(elements, weights)) == sum(w.numel() for w in plain.parameters())
    linear = [weight for weight in weights if hasattr(weight, "quant_state")]
    assert len(linear) == 2 * 7
    state = linear[0].quant_state
    scales = state.absmax.numel() + 4 * state.state2.absmax.numel()
    # Of a small matrix the last block of scales is not full.
    assert linear[0].numel() + scales == pytest.approx(NF4_BYTES * elements(linear[0]), rel=0.01)

    model.save_pretrained(str(tmp_path / "adapter"))
    merge(base, tmp_path / "adapter", tmp_path / "merged", weights=dequantized(model))
    merge(base, tmp_path / "adapter", tmp_path / "other")
    tokens = torch.arange(5, 45)[None]
    model.eval()
    wanted = model(tokens).logits.float()

    def off(folder: Path) -> float:
        merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        assert not hasattr(merged.config, "quantization_config")
        return float((merged(tokens).logits.float() - wanted).abs().mean())

    # What is left is the rounding of the sum to bfloat16; into the base's own weights it is that to 4 bits.
    assert off(tmp_path / "merged") < 0.2 * off(tmp_path / "other")
