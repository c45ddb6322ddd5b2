"""The section `training.grpo.rewards`: what a completion is rewarded for, and how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from llmc_lib.params.common import Count, PositiveInt, Section

Weight = Annotated[float, Field(ge=0, le=1000)]
#: The rewards of llmc_lib/rewards/, in the order in which they are called.
NAMES = ("answer", "claims", "form", "length", "own")


class ClaimsPenalty(Section):
    """How refuted arithmetic is counted. The penalty is between -1 and 0."""

    # "number": -1 from `most` false claims in a completion on. "share": the share of its claims that are false, which
    # a model can lower by stating more that is trivial.
    by: Literal["number", "share"] = "number"
    most: PositiveInt = 3
    # A floor: a completion with fewer claims than this loses a part of -1 for each that is missing. Without
    # one, saying nothing is the easiest way to state nothing that is false.
    at_least: Count = 0


class LengthPenalty(Section):
    """The penalty for long completions: 0 up to `free` tokens, then falling to -1 at `limit`."""

    free: Count = 128
    limit: PositiveInt = 256

    @model_validator(mode="after")
    def _check(self) -> LengthPenalty:
        if self.free >= self.limit:
            raise ValueError("free", f"{self.free} must be below limit ({self.limit})")
        return self


class OwnReward(Section):
    """A function of yours. It is code that runs as you, with all that you may read and write: whoever starts the run
    has to allow it by the environment variable LLMC_OWN_REWARD with the same path."""

    # module.path.function, which Python can import; called in TRL's form, with lists of one item.
    function: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", max_length=300)]
    weight: Weight = 1.0


class RewardParams(Section):
    """The weights of the rewards (llmc_lib/rewards/): the reward of a completion is their weighted sum. 0 leaves one out."""

    answer: Weight = 1.0  # 1 for a verified final answer, 0 for another one, two of them or none
    claims: Weight = 0.0  # 0 to -1 for refuted arithmetic in reasoning and response
    form: Weight = 0.0  # 0 to -1 for an open reasoning block, no end before the limit, repetition
    length: Weight = 0.0  # 0 to -1 for length
    claims_penalty: ClaimsPenalty = ClaimsPenalty()
    length_penalty: LengthPenalty = LengthPenalty()
    own: OwnReward | None = None
    # What one completion may take of each: one that takes longer gets the least that there is, and the rest go on.
    seconds: Annotated[float, Field(ge=0.1, le=3600)] = 2.0

    @property
    def weights(self) -> dict[str, float]:
        """The rewards that count, by the `__name__` of their functions, in the order in which they are called."""
        own = self.own.weight if self.own else 0.0
        given = {name: own if name == "own" else getattr(self, name) for name in NAMES}
        return {name: weight for name, weight in given.items() if weight}
