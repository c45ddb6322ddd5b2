"""A worker whose reward is easy to learn, in place of those of `llmc_lib.rewards`.

python grpo_easy.py SPEC.json
"""

from __future__ import annotations

from typing import Any

from llmc_lib import rewards
from llmc_lib.params import RewardParams


def answer(completion_ids: list[list[int]], finished: list[bool], **_: Any) -> list[float | None]:
    """The share of a completion's tokens that have an even number."""
    return [sum(n % 2 == 0 for n in ids) / len(ids) for ids in completion_ids]


def easy(params: RewardParams) -> list[rewards.RewardFunction]:
    """In place of `reward_functions`."""
    return [answer]


if __name__ == "__main__":
    from llmc_lib.training import worker

    rewards.reward_functions = easy
    worker.main()
    worker.leave()
