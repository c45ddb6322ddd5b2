"""The groups of a step: which of them can teach something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Groups:
    """How many groups of completions of one prompt there are, by how many of a group are right."""

    groups: int
    all_wrong: int
    all_right: int
    mixed: int  # with both: the only ones whose verified answers differ
    undecided: int  # none of whose answers could be decided

    def share(self, name: str) -> float:
        """The share of all groups; 0 of none."""
        part: int = getattr(self, name)
        return part / self.groups if self.groups else 0.0

    def __add__(self, other: Groups) -> Groups:
        return Groups(*(a + b for a, b in zip(self.counts(), other.counts(), strict=True)))

    def counts(self) -> tuple[int, int, int, int, int]:
        """All of them, in the order of the fields."""
        return self.groups, self.all_wrong, self.all_right, self.mixed, self.undecided


def count_groups(right: Sequence[float | None], size: int) -> Groups:
    """The groups of `size` completions in a row, by the reward of the verified answer: 1, 0, or None (or NaN) where it
    could not be decided.

    >>> count_groups([1, 0, 0, 0, None, 1], 2)
    Groups(groups=3, all_wrong=1, all_right=1, mixed=1, undecided=0)
    """
    if size < 1 or len(right) % size:
        raise ValueError(f"{len(right)} completions make no groups of {size}")
    wrong = full = mixed = undecided = 0
    for start in range(0, len(right), size):
        group = right[start : start + size]
        known = {value > 0.5 for value in group if value is not None and not math.isnan(value)}
        undecided += not known
        mixed += len(known) == 2
        full += known == {True}
        wrong += known == {False}
    return Groups(len(right) // size, wrong, full, mixed, undecided)
