"""The section `training.grpo`: reinforcement learning with rewards that are computed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmc_lib.errors import shown
from llmc_lib.params.common import Part, PositiveInt, Section, Share
from llmc_lib.params.grpo_arguments import check_grpo
from llmc_lib.params.rewards import RewardParams


class GrpoParams(Section):
    """Group-relative policy optimization (https://arxiv.org/abs/2402.03300): how completions are sampled, and what
    they are worth.

    An optimizer step is of `training.batch_size` completions, those of batch_size / group_size prompts.
    `training.max_length` is of a prompt and its completion: a prompt that leaves no room for
    `max_completion_length` is left out.
    """

    group_size: Annotated[int, Field(ge=2, le=1024)] = 8  # completions of a prompt
    # Tokens; what is longer is cut.
    max_completion_length: Annotated[int, Field(ge=1, lt=2**31)] = 256
    temperature: Annotated[float, Field(ge=0.01, le=2)] = 1.0
    steps: PositiveInt | None = None  # optimizer steps; None: as training.epochs says
    # Weight of the KL term; 0: no reference model.
    beta: Annotated[float, Field(ge=0, le=100)] = 0.0
    loss_type: Literal["dapo", "dr_grpo", "grpo", "bnpo"] = "dapo"
    epsilon: Annotated[float, Field(gt=0, le=10)] = 0.2  # the ratio is clipped at 1 - epsilon
    epsilon_high: Annotated[float, Field(gt=0, le=10)] | None = None  # and 1 + this; None: epsilon
    rewards: RewardParams = RewardParams()
    # What samples the completions. "batched": this package's own loop, made for a CPU; "transformers": TRL's
    # default; "vllm": TRL's, on a GPU. "auto": batched on a CPU; on a GPU vllm where it is installed.
    generator: Literal["auto", "batched", "transformers", "vllm"] = "auto"
    # Of vLLM. None: it shares the GPUs of the training ("colocate"); host:port of a `trl vllm-serve`: "server".
    vllm_server: str | None = None
    vllm_memory: Part = 0.3  # share of a GPU that a colocated vLLM takes
    vllm_tensor_parallel: PositiveInt = 1  # GPUs that hold one copy of the model
    vllm_sleep: bool = False  # a colocated vLLM gives its memory back during the optimizer step
    # Prompts of the validation rows that are answered, group_size times each, to see the reward on what is not
    # trained on.
    validation_prompts: PositiveInt = 64
    # Before the first step: the least share of validation prompts with right and wrong completions; with fewer
    # there is next to nothing to learn from, and the training is refused. 0: never.
    min_mixed_groups: Share = 0.05
    config: dict[str, Any] = {}  # further fields of TRL's GRPOConfig

    @model_validator(mode="after")
    def _check(self) -> GrpoParams:
        check_grpo(self.config)
        if not self.rewards.weights:
            raise ValueError(
                "rewards", "no reward has a weight, so nothing would be learnt; give one"
            )
        if self.vllm_server is not None:
            found = re.fullmatch(r"[\w.][\w.-]*:(\d{1,5})", self.vllm_server)
            if not found or not 0 < int(found[1]) < 65536:
                raise ValueError("vllm_server", f"{shown(self.vllm_server)} must be host:port")
            if self.generator in ("batched", "transformers"):
                raise ValueError(
                    "vllm_server",
                    f"is not used with generator: {self.generator}; give generator: vllm",
                )
        return self

    def check_batch(self, batch_size: int, max_length: int) -> None:
        """Do a step's completions make whole groups, and is there room for a prompt? Raises
        `ValueError(keys, message)`."""
        if batch_size % self.group_size:
            raise ValueError(
                "batch_size",
                f"{batch_size} counts completions and must be a multiple of grpo.group_size ({self.group_size})",
            )
        if self.max_completion_length >= max_length:
            raise ValueError(
                ("grpo", "max_completion_length"),
                f"{self.max_completion_length:,} leaves no room for a prompt within training.max_length "
                f"({max_length:,}); lower it, or raise training.max_length",
            )
