"""DPOTrainer on pairs that are encoded already, which counts the tokens it has seen."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from trl import DPOTrainer

from llmc_lib.training.trainer import MethodTrainer, keep_experts_whole


class Trainer(MethodTrainer, DPOTrainer):
    """TRL's DPOTrainer. What it logs of a step: loss, entropy, and of the chosen and the rejected responses rewards/… (beta times
    how much likelier they became, a response), rewards/margins and rewards/accuracies (their difference, and the share of
    pairs in which it is above 0), logps/… and logits/…"""

    def _prepare_dataset(self, dataset: Any, *given: Any, **settings: Any) -> Any:
        return dataset  # `pairs.load_pairs` has encoded it

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """A micro-batch: its loss (a scalar), with gradients added to the model's."""
        self.tokens += int(inputs["attention_mask"].sum())
        loss: torch.Tensor = super().training_step(model, inputs, *args)
        return loss


def reference(spec: dict[str, Any], model: Any) -> torch.nn.Module:
    """The model that the training starts from once more: TRL would load it without `training.model_init_kwargs`."""
    found: torch.nn.Module = AutoModelForCausalLM.from_pretrained(
        Path(spec["base"]),
        config=deepcopy(model.config),
        dtype=model.dtype,
        attn_implementation=model.config._attn_implementation,
    )
    if spec["deepspeed"].startswith("zero3"):
        keep_experts_whole(found)
    return found
