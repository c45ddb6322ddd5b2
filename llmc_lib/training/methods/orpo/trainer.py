"""ORPOTrainer on pairs that are encoded already, which counts the tokens it has seen."""

from __future__ import annotations

from typing import Any

import torch
from trl.experimental.orpo import ORPOTrainer

from llmc_lib.training.trainer import MethodTrainer

#: The label of a token that is not scored.
_IGNORED = -100


class Trainer(MethodTrainer, ORPOTrainer):
    """TRL's ORPOTrainer. What it logs of a step: loss, nll_loss (of the prompt and the chosen response, as in the authors'
    code), log_odds_chosen (of the chosen against the rejected response; both by their mean log-probability a token),
    log_odds_ratio (the logarithm of its sigmoid), rewards/… (beta times those means) and logps/…"""

    def __init__(self, router_aux_loss: float, processing_class: Any, **given: Any) -> None:
        """`router_aux_loss`: of a mixture of experts; the others are ORPOTrainer's."""
        if processing_class.pad_token is None:
            processing_class.pad_token = processing_class.eos_token
        super().__init__(processing_class=processing_class, **given)
        # TRL takes both from the model's configuration, which is exported with the model.
        self.aux_loss_enabled, self.aux_loss_coef = router_aux_loss > 0, router_aux_loss

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, list[int]]:
        """A pair of `pairs.load_pairs` in the columns that the collator pads."""
        prompt = feature["prompt_ids"]
        row = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
        for name in ("chosen", "rejected"):
            ids = feature[f"{name}_ids"]
            row |= {
                f"{name}_input_ids": prompt + ids,
                f"{name}_attention_mask": [1] * (len(prompt) + len(ids)),
                f"{name}_labels": [_IGNORED] * len(prompt) + ids,
            }
        return row

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """A micro-batch: its loss (a scalar), with gradients added to the model's."""
        for name in ("chosen", "rejected"):
            self.tokens += int(inputs[f"{name}_attention_mask"].sum())
        loss: torch.Tensor = super().training_step(model, inputs, *args)
        return loss
