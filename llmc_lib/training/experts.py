"""A mixture of experts under ZeRO-3."""

from __future__ import annotations

import torch


def keep_experts_whole(model: torch.nn.Module) -> None:
    """Have ZeRO-3 gather all experts of a layer at once.

    Else each process waits for the weights of the experts that its own tokens went to, and the others,
    whose tokens went elsewhere, never come. https://github.com/deepspeedai/DeepSpeed/pull/4966
    """
    from deepspeed.utils import set_z3_leaf_modules

    blocks = {type(module) for module in model.modules() if hasattr(module, "experts")}
    if blocks:
        set_z3_leaf_modules(model, sorted(blocks, key=lambda block: block.__name__))
