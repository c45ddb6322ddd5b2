"""Sequences that several processes share: DeepSpeed's Ulysses attention, with a loss over all learnt tokens of a step.

Each process has a part of every sequence, and in the attention all tokens of a part of the heads (Jacobs et al., "DeepSpeed
Ulysses", arXiv:2309.14509; ALST, arXiv:2506.13996). The processes of a group compute one micro-batch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import transformers.trainer
from accelerate import skip_first_batches
from accelerate.parallelism_config import ParallelismConfig
from accelerate.utils import DeepSpeedSequenceParallelConfig

from llmc_lib.training.methods.sft.rows import IGNORED
from llmc_lib.training.methods.sft.trainer import Trainer


def parallelism(spec: dict[str, Any]) -> dict[str, Any]:
    """The fields of the configuration that have processes share sequences; {} where each has its own."""
    size = spec["sequence_parallel"]
    if size == 1:
        return {}
    attention = "sdpa" if spec["attention"] == "auto" else spec["attention"]
    handler = DeepSpeedSequenceParallelConfig(
        sp_seq_length_is_variable=True, sp_attn_implementation=attention
    )
    fields: dict[str, Any] = {
        "parallelism_config": ParallelismConfig(
            dp_replicate_size=spec["world_size"] // size,
            sp_size=size,
            sp_backend="deepspeed",
            sp_handler=handler,
        )
    }
    if not spec["sft"].get("pad_to_multiple_of"):
        fields["pad_to_multiple_of"] = math.lcm(size, 8)
    return fields


class LongTrainer(Trainer):
    """TRL's SFTTrainer for sequences that are shared. `Trainer.compute_loss` of transformers takes the mean of the micro-batches'
    means; here the loss is that of all other trainings: the mean over all learnt tokens of the optimizer step.
    """

    loss_is_scaled_for_ga = True

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.data_collator: Any = _WithPositions(self.data_collator)
        self.accelerator.deepspeed_ulysses_dl_adapter = _shards
        transformers.trainer.skip_first_batches = _skip

    def get_batch_samples(
        self, epoch_iterator: Any, num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | None]:
        """The parts of a step's micro-batches that this process has, and the learnt tokens of all processes'."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        here = sum(int((batch["shift_labels"] != IGNORED).sum()) for batch in batches)
        return batches, self.accelerator.reduce(torch.tensor(here, device=device), "sum")

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """As without sequence parallelism: the mean of what all processes return is the loss of the micro-batch."""
        return (
            super().training_step(model, inputs, *args) * self.get_sp_size() / self._regained(model)
        )

    def _regained(self, model: Any) -> int:
        """What gradients are divided by too much. DeepSpeed adds up those of a group, except where ZeRO-3 scatters them (as it
        does by default): `reduce_scatter_coalesced` divides by all processes.
        """
        scattered = model.zero_optimization_stage() == 3 and model.zero_reduce_scatter()
        return self.get_sp_size() if scattered else 1

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The part of the loss that this process's tokens have (a scalar), times the groups, over which DeepSpeed averages
        gradients; it adds up those of a group. In an evaluation each process has whole sequences of its own, and the loss is TRL's.

        `inputs`: input_ids, position_ids and shift_labels, (sequences, tokens) each; `num_items_in_batch`: learnt tokens of the
        whole optimizer step.
        """
        # Attention is causal and padding on the right: no mask is needed, and one would be of tokens × tokens.
        inputs = {name: value for name, value in inputs.items() if name != "attention_mask"}
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.aux_loss_enabled:
            inputs["output_router_logits"] = True
        outputs = model(**inputs, fused_lm_head=True)
        assert num_items_in_batch is not None
        loss = -outputs.log_probs.sum() / torch.as_tensor(num_items_in_batch).clamp(min=1)
        loss = loss * (self.accelerator.num_processes // self.get_sp_size()) * self._regained(model)
        if self.aux_loss_enabled:
            steps = self.current_gradient_accumulation_steps * self.get_sp_size()
            coefficient = self.router_aux_loss_coef * self._regained(model)
            loss = loss + coefficient * outputs.aux_loss / steps
            mean = self.accelerator.gather(outputs.aux_loss.detach()).mean()
            self._metrics["train"]["aux_loss"].append(float(mean))
        return (loss, outputs) if return_outputs else loss


class _WithPositions:
    """Give each token its place in the row, padding too: a place that begins anew would begin another sequence."""

    def __init__(self, collate: Callable[[list[Any]], dict[str, Any]]) -> None:
        self.collate = collate

    def __call__(self, rows: list[Any]) -> dict[str, Any]:
        batch = self.collate(rows)
        tokens = batch["input_ids"]
        batch["position_ids"] = torch.arange(tokens.shape[1]).expand(tokens.shape).contiguous()
        return batch


def _shards(loader: Any, model: Any) -> Any:
    """DeepSpeed's loader of the parts of sequences, which can be resumed."""
    from deepspeed.runtime.sequence_parallel.ulysses_sp import UlyssesSPDataLoaderAdapter
    from deepspeed.utils import groups

    class Shards(UlyssesSPDataLoaderAdapter):  # type: ignore[misc]
        """Knows its epoch, by which rows are shuffled, and how to leave out what was seen before an interruption."""

        drop = 0

        def set_epoch(self, epoch: int) -> None:
            """Begin that epoch: its order, and its first row, as the one before may not have been read to its end."""
            self.dl.set_epoch(epoch)
            sampler = self.dl.batch_sampler
            while sampler is not None:  # accelerate's wrappers do not all hand it on
                if hasattr(sampler, "set_epoch"):
                    sampler.set_epoch(epoch)
                inner = getattr(sampler, "sampler", None)
                sampler = getattr(sampler, "batch_sampler", inner)
            self.iter = iter(self.dl)
            self.micro_batches.clear()

        def without(self, number: int) -> Shards:
            """The same without its first micro-batches."""
            size = self.sp_world_size
            whole = skip_first_batches(self.dl, number // size)
            left = Shards(whole, self.sp_rank, self.sp_group, size, self.device)
            left.drop = number % size
            return left

        def __next__(self) -> Any:
            """The part of the next micro-batch that this process has."""
            while self.drop:
                self.drop -= 1
                super().__next__()
            return super().__next__()

    return Shards(
        loader,
        groups._get_sequence_parallel_rank(),
        groups._get_sequence_parallel_group(),
        groups._get_sequence_parallel_world_size(),
        model.device,
    )


def _skip(loader: Any, number: int = 0) -> Any:
    """accelerate's own builds a loader anew, and would lose that sequences are shared."""
    if hasattr(loader, "without"):
        return loader.without(number)
    return skip_first_batches(loader, number)
