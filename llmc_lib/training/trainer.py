"""What the shared worker needs of a trainer beyond transformers' own, and of a mixture of experts."""

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


def keep_experts_whole(model: torch.nn.Module) -> None:
    """Have ZeRO-3 gather all experts of a layer at once.

    Else each process waits for the weights of the experts that its own tokens went to, and the others,
    whose tokens went elsewhere, never come. https://github.com/deepspeedai/DeepSpeed/pull/4966
    """
    from deepspeed.utils import set_z3_leaf_modules

    blocks = {type(module) for module in model.modules() if hasattr(module, "experts")}
    if blocks:
        set_z3_leaf_modules(model, sorted(blocks, key=lambda block: block.__name__))
