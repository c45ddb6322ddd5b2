"""The section `training.grpo.rewards`: what a completion is rewarded for, and how much."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from llmc_lib.params.common import Section

Weight = Annotated[float, Field(ge=0, le=1000)]


class RewardParams(Section):
    """The weights of the rewards (llmc_lib/rewards/): the reward of a completion is their weighted sum. 0 leaves one out."""

    answer: Weight = 1.0  # 1 for a verified final answer, 0 for another one or none
    claims: Weight = 0.0  # a penalty for refuted arithmetic in the reasoning
    form: Weight = 0.0  # a closed reasoning block, an end before the limit, no repetition
    length: Weight = 0.0  # shorter is better

    @property
    def weights(self) -> dict[str, float]:
        """The rewards that count, by the `__name__` of their functions, in the order in which they are called."""
        given = {name: getattr(self, name) for name in ("answer", "claims", "form", "length")}
        return {name: weight for name, weight in given.items() if weight}
