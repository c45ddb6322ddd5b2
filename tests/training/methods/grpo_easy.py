"""A worker whose reward is easy to learn, in place of those of `llmc_lib.rewards`.

python grpo_easy.py SPEC.json
"""

from __future__ import annotations

from typing import Any

from llmc_lib import rewards
from llmc_lib.params import RewardParams


def answer(completion_ids: list[list[int]], finished: list[bool], **_: Any) -> list[float | None]:
    """Right is a completion more than half of whose tokens have an even number."""
    return [float(sum(n % 2 == 0 for n in ids) > len(ids) / 2) for ids in completion_ids]


def easy(params: RewardParams) -> list[rewards.RewardFunction]:
    """In place of `reward_functions`."""
    return [answer]


if __name__ == "__main__":
    from llmc_lib.training import worker

    rewards.reward_functions = easy
    worker.main()
    worker.leave()
