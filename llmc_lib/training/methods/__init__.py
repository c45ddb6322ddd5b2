"""Ways to train: one module or package each, and its line in `METHODS`.

`training.worker` does what all methods have in common: DeepSpeed, model, checkpoints, log, exports, faults.
A module declares the rest; what that is, `Method` says.
"""

from __future__ import annotations

from llmc_lib.training.methods import dpo, grpo, orpo, sft
from llmc_lib.training.methods.method import Method, Rows

__all__ = ["METHODS", "Method", "Rows"]

#: By the name that `training.method` of a params file has.
METHODS: dict[str, Method] = {"sft": sft, "grpo": grpo, "dpo": dpo, "orpo": orpo}
