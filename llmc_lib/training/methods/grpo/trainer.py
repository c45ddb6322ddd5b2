"""GRPOTrainer, whose place in the prompts follows from the step, and which says what its groups are like."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
from accelerate.utils import gather
from torch.utils.data import Sampler

from llmc_lib.processes.absent import absent
from llmc_lib.training.methods.grpo.order import PromptOrder
from llmc_lib.training.methods.grpo.rows import encode
from llmc_lib.training.trainer import MethodTrainer

# TRL imports vLLM wherever it is installed, which takes 6 s; it samples with it on a GPU alone (`generator`).
with nullcontext() if torch.cuda.is_available() else absent("vllm"):
    from trl import GRPOTrainer

#: The reward that says whether an answer is right, by the `__name__` of its function.
ANSWER = "answer"


class NothingToLearnError(RuntimeError):
    """Next to no group of completions has both right and wrong ones."""


class Trainer(MethodTrainer, GRPOTrainer):
    """TRL's GRPOTrainer on prompts that are texts in the model's chat template.

    Besides what TRL logs: `correct` and `length` (shares and tokens of the step's completions), `groups/all_right`,
    `groups/all_wrong` and `groups/mixed` (shares of the step's groups), and `rewards/<name>/undecided` (the share of
    completions that a reward had nothing to say of). The same with "eval_" of the validation prompts.
    """

    def __init__(self, spec: dict[str, Any], args: Any, train_dataset: Any, **given: Any) -> None:
        """`spec`: see `launch`; the others are GRPOTrainer's."""
        self.spec, self._evaluated = spec, 0
        prompts = args.generation_batch_size // args.num_generations
        steps = spec["grpo"]["steps"]
        if steps is None:
            each = spec["batch_size"] // args.num_generations
            steps = math.ceil(spec["epochs"] * len(train_dataset) / each)
        micro = args.steps_per_generation * args.num_iterations  # with the same completions
        self.steps_together = max(1, micro // args.gradient_accumulation_steps)
        args.max_steps = math.ceil(steps / self.steps_together) * self.steps_together
        self.passes = (
            args.max_steps * spec["batch_size"] / args.num_generations / len(train_dataset)
        )
        generations = math.ceil(args.max_steps * args.gradient_accumulation_steps / micro)
        self._order = PromptOrder(
            len(train_dataset), prompts, args.num_generations, micro, generations, spec["seed"]
        )
        super().__init__(args=args, train_dataset=train_dataset, **given)

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
        return self._order

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [encode(self.processing_class, prompt) for prompt in prompts], None, {}

    def _generate(self, prompts: list[str]) -> Any:
        made = super()._generate(prompts)
        if self.model.training:
            self.tokens += sum(map(len, made[0])) + sum(map(len, made[1]))
        return made

    def _calculate_rewards(
        self, inputs: list[dict[str, Any]], prompts: Any, completions: Any, completion_ids: Any
    ) -> torch.Tensor:
        ended = [bool(ids) and ids[-1] in self.eos_token_ids for ids in completion_ids]
        inputs = [{**row, "finished": end} for row, end in zip(inputs, ended, strict=True)]
        rewards: torch.Tensor = super()._calculate_rewards(
            inputs, prompts, completions, completion_ids
        )
        self._note(rewards, completion_ids)
        return rewards

    def _note(self, rewards: torch.Tensor, completion_ids: list[list[int]]) -> None:
        """Log what `rewards`, (completions of all processes, rewards), say of the groups."""
        noted = self._metrics["train" if self.model.training else "eval"]
        device = self.accelerator.device
        lengths = gather(torch.tensor([float(len(ids)) for ids in completion_ids], device=device))
        noted["length"].append(float(lengths.mean()))
        for name, column in zip(self.reward_func_names, rewards.T, strict=True):
            noted[f"rewards/{name}/undecided"].append(float(column.isnan().float().mean()))
        if ANSWER not in self.reward_func_names:
            return
        right = rewards[:, self.reward_func_names.index(ANSWER)]
        # What nobody can decide is not right.
        noted["correct"].append(float((right.nan_to_num(0.0) > 0.5).float().mean()))
        size = self.num_generations if self.model.training else self.num_generations_eval
        groups = right.view(-1, size)
        all_right = (groups > 0.5).all(1).float().mean()
        all_wrong = (~(groups > 0.5)).all(1).float().mean()
        noted["groups/all_right"].append(float(all_right))
        noted["groups/all_wrong"].append(float(all_wrong))
        noted["groups/mixed"].append(float(1 - all_right - all_wrong))

    def evaluate(self, *given: Any, **settings: Any) -> dict[str, float]:
        """The rewards of the validation prompts; raises `NothingToLearnError` before the first step where
        too few of them have right and wrong completions."""
        self._evaluated = 0
        found: dict[str, float] = super().evaluate(*given, **settings)
        return found

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[None, None, None]:
        """Answer some prompts and reward that. There is no loss: the advantages of a group add up to 0."""
        self._generate_and_score_completions(inputs)
        self._evaluated += 1
        return None, None, None

    def log(self, logs: dict[str, float], *given: Any) -> None:
        """Log with the numbers of the completions; `epoch` counts passes over the prompts."""
        done = self.state.global_step * self.spec["batch_size"] / self.num_generations
        self.state.epoch = logs["epoch"] = done / self._order.rows
        super().log(logs, *given)
        if "eval_reward" in logs and self.state.global_step == 0:
            self._check_groups(logs)

    def _check_groups(self, logs: dict[str, float]) -> None:
        """Is there something to learn from?"""
        least = self.spec["grpo"]["min_mixed_groups"]
        mixed = logs.get("eval_groups/mixed", 1 - logs["eval_frac_reward_zero_std"])
        if mixed >= least:
            return
        why = "all rewards of each of the others are the same"
        remedy = (
            "start after SFT (start: the name of a candidate), or take prompts that it half knows"
        )
        if "eval_groups/all_wrong" in logs:
            wrong, right = logs["eval_groups/all_wrong"], logs["eval_groups/all_right"]
            why = f"{wrong:.0%} are wrong throughout and {right:.0%} right throughout"
            if right > wrong:
                remedy = "take harder prompts"
        raise NothingToLearnError(
            f"training.grpo.min_mixed_groups: {mixed:.0%} of the groups of validation prompts have right and wrong "
            f"completions ({least:.0%} are asked for): {why}, and such a group teaches nothing; {remedy}, or raise "
            "training.grpo.temperature or group_size"
        )
