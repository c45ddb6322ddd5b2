"""What the shared worker needs of a trainer beyond transformers' own."""

from __future__ import annotations

from typing import Any

import torch
import transformers


class MethodTrainer(transformers.Trainer):
    """The base of each method's trainer, before TRL's: it knows how many tokens it has seen.

    A method's trainer adds those of each micro-batch to `tokens` (padding is none).
    """

    #: Optimizer steps that share something which no checkpoint has; there is one only after the last of them.
    steps_together = 1
    #: Passes over the rows, where steps are counted and not they.
    passes: float | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.tokens = 0  # of this process, since it was started
        super().__init__(*args, **settings)

    def all_tokens(self) -> int:
        """The tokens of all processes; all of them have to ask."""
        counts = self.accelerator.gather(torch.tensor([self.tokens], device=self.args.device))
        return int(counts.sum())
