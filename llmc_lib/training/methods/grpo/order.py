"""The order of prompts over a whole training, and the random numbers of each completion: both follow from the
seed and the place alone, so that a training that resumes continues as if it had never stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler


class PromptOrder(Sampler[int]):
    """Row numbers for TRL's trainer: the prompts of a generation, each as often as its group is large, and all of
    it as often as it is trained on.

    Every pass over the rows is in an order of its own, and a generation may span two passes: no row is lost and
    none is used twice in a pass. (TRL's own sampler drops the rows that do not fill a generation, and after a
    resume begins each pass with the order of the first.)
    """

    def __init__(
        self, rows: int, prompts: int, group: int, repeats: int, generations: int, seed: int
    ) -> None:
        """`rows`: how many there are; `prompts`: of a generation; `group`: completions of a prompt; `repeats`:
        how often the trainer asks for a generation's rows."""
        self.rows, self.prompts, self.group = rows, prompts, group
        self.repeats, self.generations, self.seed = repeats, generations, seed

    def __len__(self) -> int:
        return self.generations * self.repeats * self.prompts * self.group

    def __iter__(self) -> Iterator[int]:
        for generation in range(self.generations):
            chosen = self.of(generation)
            for _ in range(self.repeats):
                for row in chosen:
                    yield from [row] * self.group

    def of(self, generation: int) -> list[int]:
        """The rows whose prompts a generation (0, 1, …) answers."""
        start = generation * self.prompts
        found: list[int] = []
        while len(found) < self.prompts:
            turn, place = divmod(start + len(found), self.rows)
            order = np.random.default_rng([self.seed, turn]).permutation(self.rows)
            found += order[place : place + self.prompts - len(found)].tolist()
        return found


def noise(seed: int, what: str, rows: range, length: int) -> torch.Tensor:
    """Numbers in [0, 1), (rows, length): those of a row are the same in whichever process it is."""
    found = torch.empty(len(rows), length)
    for place, row in enumerate(rows):
        digest = hashlib.blake2b(f"{seed}/{what}/{row}".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
        found[place] = torch.rand(length, generator=generator)
    return found
