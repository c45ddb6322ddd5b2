"""The section `training.grpo`: reinforcement learning with rewards that are computed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from llmc_lib.params.common import Length, PositiveInt, Section
from llmc_lib.params.rewards import RewardParams


class GrpoParams(Section):
    """Group-relative policy optimisation (https://arxiv.org/abs/2402.03300): how completions are sampled, and what they
    are worth. One optimizer step is of `training.batch_size` completions, that is batch_size / group_size prompts."""

    group_size: Annotated[int, Field(ge=2, le=1024)] = 8  # completions of a prompt
    max_completion_length: Length = 256  # tokens; what is longer is cut and has no end
    temperature: Annotated[float, Field(ge=0.01, le=2)] = 1.0
    steps: PositiveInt | None = None  # optimizer steps; None: as training.epochs says
    beta: Annotated[float, Field(ge=0, le=100)] = 0.0  # of the KL term; 0: no reference model
    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo"] = "dapo"
    epsilon: Annotated[float, Field(gt=0, le=10)] = 0.2  # clipping of the ratio, below
    epsilon_high: Annotated[float, Field(gt=0, le=10)] | None = None  # and above; None: epsilon
    rewards: RewardParams = RewardParams()
    config: dict[str, Any] = {}  # further fields of TRL's GRPOConfig
