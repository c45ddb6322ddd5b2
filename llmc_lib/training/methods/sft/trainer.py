"""SFTTrainer, with a loss that is made for a CPU and a count of the tokens it has seen."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy
from trl import SFTTrainer

from llmc_lib.training.methods.sft.rows import IGNORED
from llmc_lib.training.trainer import MethodTrainer


class Trainer(MethodTrainer, SFTTrainer):
    """TRL's SFTTrainer, which counts the tokens that it sees."""

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """A micro-batch: its loss (a scalar), with gradients added to the model's."""
        mask = inputs.get("attention_mask")
        self.tokens += int(inputs["input_ids"].numel() if mask is None else mask.sum())
        loss: torch.Tensor = super().training_step(model, inputs, *args)
        return loss


class CpuTrainer(Trainer):
    """A loss that costs a CPU half as much: the logits of the completion's tokens, and no others.

    TRL's own loss scores every token of the sequences in chunks, prompt included, and with each its
    entropy and whether it was the likeliest, which is cheap on a GPU. The loss is the same: the sum of
    the negative log-likelihoods over the number of completion tokens in the step's batch.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of a micro-batch (a scalar); with `return_outputs` also what the model returned, whose
        logits are those of the learnt tokens alone.

        `inputs`: input_ids and labels, (sequences, tokens) each, and what the model takes besides;
        `num_items_in_batch`: learnt tokens of the whole optimizer step, over all processes.
        """
        labels = inputs["labels"][:, 1:]
        learnt = (labels != IGNORED).any(0).nonzero().squeeze(1)
        others = {name: value for name, value in inputs.items() if name != "labels"}
        if self.aux_loss_enabled:
            others["output_router_logits"] = True
        outputs = model(**others, use_cache=False, logits_to_keep=learnt)
        targets = labels[:, learnt].flatten()
        loss = cross_entropy(
            outputs.logits.flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum"
        )
        number = (targets != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = loss / torch.as_tensor(number).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # gradients are averaged over processes
        if self.aux_loss_enabled:
            steps = 1 if num_items_in_batch is None else self.current_gradient_accumulation_steps
            loss = loss + self.router_aux_loss_coef * outputs.aux_loss / steps
            mode = "train" if model.training else "eval"
            mean = self.accelerator.gather(outputs.aux_loss.detach()).mean()
            self._metrics[mode]["aux_loss"].append(float(mean))  # where TRL's own loss notes it
        return (loss, outputs) if return_outputs else loss
