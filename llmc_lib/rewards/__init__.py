"""What a completion is rewarded for in reinforcement learning: small functions in TRL's form, each with a weight.

A reward function is called as `function(prompts=…, completions=…, completion_ids=…, **columns)`, all lists of one
item a completion, and returns as many numbers, None where it cannot say (TRL leaves those out of the group):

- `prompts`: what the model was given, as text in its chat template (whether the template opened the reasoning
  block, its last words say), or as turns;
- `completions`: what it wrote, as text without special tokens, or as turns; `completion_ids`: its tokens, the end
  token included;
- `columns`: the columns of the training row (`dataset.rows.FINAL`: `question`, `answer`, `answer_type`, `category`, …);
  `finished`: did the completion end by itself, before the limit; and TRL's own (`trainer_state`, `log_metric(name, value)`
  for a further number in the log, …), of which a function takes what it needs and swallows the others.

Its `__name__` is the name of its weight in `RewardParams.weights`, and of its column in the log: `rewards/<name>/mean`.
What is computed of a completion runs in a process apart (`apart`), so that neither the thread it is called from nor
what a model wrote matters to the training.
"""

from llmc_lib.rewards.functions import (
    LOGGED,
    RewardFunction,
    not_allowed,
    not_usable,
    reward_functions,
)

__all__ = ["LOGGED", "RewardFunction", "not_allowed", "not_usable", "reward_functions"]
