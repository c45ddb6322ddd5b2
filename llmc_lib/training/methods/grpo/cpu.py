"""GRPOTrainer on a CPU: sampling in batches that become smaller, and a loss without what has no part in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from llmc_lib.models.hardware import computing_dtype
from llmc_lib.training.methods.grpo.decoding import Decoding, can_decode, sample
from llmc_lib.training.methods.grpo.mirror import Mirror
from llmc_lib.training.methods.grpo.order import noise
from llmc_lib.training.methods.grpo.trainer import Trainer


class CpuTrainer(Trainer):
    """The same completions' distribution and the same loss as TRL's trainer, for less work.

    - Completions are drawn by `decoding.sample` from a `Mirror` of the model.
    - Micro-batches are of completions of like length, and are no wider than the longest.
    - A prompt is run once for all of its completions in a micro-batch.
    - The log-probabilities are of the tokens of the completions alone; those of a completion whose advantage is 0
      are not computed, where nothing but the advantage moves the model: the loss and its gradient do not change.
    - `entropy` is that of the distributions that were drawn from, over all completions.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._buffered_inputs: Any = None
        self._half = computing_dtype(self.spec["precision"]) == "bfloat16"
        self._mirror: Mirror | None = None
        self._mirrored = -1  # the step whose weights it has
        self._wanted: torch.Tensor | None = None  # rows of a micro-batch with a part in the loss
        args = self.args
        self._how = Decoding(
            args.max_completion_length, args.temperature, args.top_p, args.top_k, args.min_p,
            args.repetition_penalty,
        )  # fmt: skip
        if not can_decode(Path(self.spec["base"])):
            raise RuntimeError(
                "training.grpo.generator: batched samples of models whose layers all attend to all tokens; give transformers"
            )
        # What else than an advantage moves the model.
        self._all_count = bool(
            args.beta or args.entropy_coef or args.use_adaptive_entropy or self.aux_loss_enabled
            or args.top_entropy_quantile < 1 or args.off_policy_mask_threshold is not None
        )  # fmt: skip
        self._entropies_count = bool(
            args.entropy_coef or args.use_adaptive_entropy or args.top_entropy_quantile < 1
        )

    # ---- sampling ----------------------------------------------------------------------------

    def _generate_single_turn(self, prompt_ids: Any, *_: Any) -> tuple[list[list[int]], None]:
        policy = self.accelerator.unwrap_model(self.model_wrapped)
        if self._mirror is None:
            self._mirror = Mirror(policy, half=self._half)
        if self._mirrored != self.state.global_step:
            self._mirror.refresh(policy)
            self._mirrored = self.state.global_step
        training = self.model.training
        first = self.accelerator.process_index * len(prompt_ids)
        what = f"step {self.state.global_step}" if training else "validation"
        if not training:
            first += self._evaluated * self.args.eval_batch_size * self.accelerator.num_processes
        numbers = noise(
            self.spec["seed"],
            what,
            range(first, first + len(prompt_ids)),
            self.max_completion_length,
        )
        with self._mirror.autocast():
            found = sample(self._mirror.model, prompt_ids, numbers, self._how, self.eos_token_ids)
        mean = self.accelerator.gather(torch.tensor([found.entropy])).mean()
        self._metrics["train" if training else "eval"]["sampled_entropy"].append(float(mean))
        return found.completions, None

    def log(self, logs: dict[str, float], *given: Any) -> None:
        """`entropy` is that of sampling, which has seen all completions."""
        for noted in self._metrics.values():
            if "sampled_entropy" in noted:
                noted["entropy"] = noted.pop("sampled_entropy")
            elif not self._entropies_count:  # a step on completions of an earlier one
                noted.pop("entropy", None)
        super().log(logs, *given)

    # ---- the loss ----------------------------------------------------------------------------

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        args = self.args
        # Over several optimizer steps the order of completions is to be random, as TRL has it.
        if not self.model.training or args.steps_per_generation > args.gradient_accumulation_steps:
            return super()._prepare_inputs(generation_batch)
        every = args.steps_per_generation * self.num_iterations
        if self._step % every == 0 or self._buffered_inputs is None:
            made = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = _by_length(made, args.steps_per_generation)
        return self._buffered_inputs[self._step % args.steps_per_generation]

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        wanted = torch.ones(len(inputs["advantages"]), dtype=torch.bool)
        if not self._all_count:
            wanted = inputs["advantages"] != 0
            # All processes run the model as often: one row at least, the shortest.
            wanted[inputs["completion_mask"].sum(1).argmin()] |= not wanted.any()
        self._wanted = wanted
        try:
            loss: torch.Tensor = super()._compute_loss(model, inputs)
        finally:
            self._wanted = None
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        **settings: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        compute_entropy = settings.get("compute_entropy", False)
        compute_aux_loss = settings.get("compute_aux_loss", False)
        rows = torch.arange(len(input_ids))
        if self._wanted is not None:
            rows = rows[self._wanted]
        logps = torch.zeros(len(input_ids), logits_to_keep)
        entropies = torch.zeros_like(logps) if compute_entropy else None
        auxiliary = []
        for some in rows.split(settings.get("batch_size") or len(rows)):
            ids, mask = input_ids[some], attention_mask[some]
            found = self._score(model, ids, mask, logits_to_keep, entropies=self._entropies_count and compute_entropy, aux=compute_aux_loss)  # fmt: skip
            logps = logps.index_put((some[:, None], torch.arange(logits_to_keep)), found[0])
            if entropies is not None and found[1] is not None:
                entropies = entropies.index_put(
                    (some[:, None], torch.arange(logits_to_keep)), found[1]
                )
            auxiliary.append(found[2])
        aux = torch.stack(auxiliary).mean() if compute_aux_loss else None
        return logps, entropies, aux

    def _score(
        self,
        model: Any,
        ids: torch.Tensor,
        mask: torch.Tensor,
        kept: int,
        *,
        entropies: bool,
        aux: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None, Any]:
        """The log-probabilities of the last `kept` tokens, (sequences, kept), 0 where there is none; their
        entropies, and the experts' loss, where they are asked for."""
        there = mask.any(0).nonzero().squeeze(1)
        first, end = int(there[0]), int(there[-1]) + 1
        begin = ids.shape[1] - kept
        wanted = mask[:, begin:end].bool()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._half):
            if aux or self.args.gradient_checkpointing:
                settings = {"output_router_logits": True} if aux else {}
                outputs = model(
                    input_ids=ids[:, first:end], attention_mask=mask[:, first:end], use_cache=False,
                    logits_to_keep=end - begin + 1, **settings,
                )  # fmt: skip
                logits = outputs.logits[:, :-1]
            else:
                logits = _after_prompts(model, ids[:, first:end], mask[:, first:end], begin - first)
        logits = logits[wanted].float() / self.temperature
        found = -cross_entropy(logits, ids[:, begin:end][wanted], reduction="none")
        logps = torch.zeros(len(ids), kept).masked_scatter(_wide(wanted, kept), found)
        each = None
        if entropies:
            logs = logits.log_softmax(-1)
            each = torch.zeros(len(ids), kept).masked_scatter(
                _wide(wanted, kept), -(logs.exp() * logs).sum(-1)
            )
        return logps, each, outputs.aux_loss if aux else None


def _after_prompts(model: Any, ids: torch.Tensor, mask: torch.Tensor, begin: int) -> torch.Tensor:
    """The logits of the tokens from `begin` on, (sequences, tokens, vocabulary): what is before `begin` is run once for all
    sequences that have it in common, and its keys and values take part in the gradient as they would in each."""
    prompts, of = torch.cat([ids[:, :begin], mask[:, :begin]], 1).unique(dim=0, return_inverse=True)
    before = model(
        input_ids=prompts[:, :begin], attention_mask=prompts[:, begin:], use_cache=True, logits_to_keep=1
    )  # fmt: skip
    cache = before.past_key_values
    cache.batch_select_indices(of)
    after = model(
        input_ids=ids[:, begin:], attention_mask=mask, past_key_values=cache, use_cache=True
    )
    return torch.cat([before.logits[of], after.logits[:, :-1]], 1)


def _wide(mask: torch.Tensor, width: int) -> torch.Tensor:
    """A mask with False for the columns that it lacks on the right."""
    return torch.nn.functional.pad(mask, (0, width - mask.shape[1]))


def _by_length(made: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """A generation's completions in so many micro-batches of one size: those without an advantage last, else
    by length."""
    lengths = made["completion_mask"].sum(1)
    longest = int(lengths.max()) + 1
    order = ((made["advantages"] == 0) * longest + lengths).argsort(stable=True)
    size = len(order) // parts
    return [
        {
            name: value[order[n * size : (n + 1) * size]]
            if isinstance(value, torch.Tensor) and value.dim()
            else value
            for name, value in made.items()
        }
        for n in range(parts)
    ]
