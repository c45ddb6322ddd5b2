"""What a completion is rewarded for in reinforcement learning: small functions in TRL's form, each with a weight.

A reward function is called as `function(prompts=…, completions=…, completion_ids=…, **columns)`, all lists of one
item a completion, and returns as many numbers, None where it cannot say (TRL leaves those out of the group):

- `prompts`: what the model was given, as text in its chat template (whether the template opened the reasoning
  block, its last words say);
- `completions`: what it wrote, as text without special tokens; `completion_ids`: its tokens, the end token included;
- `columns`: the columns of the training row (`dataset.rows.FINAL`: `question`, `answer`, `answer_type`, `category`, …);
  `finished`: did the completion end by itself, before the limit; and TRL's own (`trainer_state`, `log_metric(name, value)`
  for a further number in the log, …), of which a function takes what it needs and swallows the others.

Its `__name__` is the name of its weight in `RewardParams.weights`, and of its column in the log: `rewards/<name>/mean`.
"""

from __future__ import annotations

from collections.abc import Callable

from llmc_lib.params import RewardParams

__all__ = ["RewardFunction", "reward_functions"]

RewardFunction = Callable[..., list[float | None]]


def reward_functions(params: RewardParams) -> list[RewardFunction]:
    """The functions that have a weight, in the order of `params.weights`."""
    raise NotImplementedError(f"no reward of {list(params.weights)}")
