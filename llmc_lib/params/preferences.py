"""The sections `training.dpo` and `training.orpo`: learning from pairs of a chosen and a rejected response.

A step has `training.batch_size` pairs, and `training.max_length` is of a prompt with one of its two responses. The pairs are rows
of the data set with a rejected response (docs/preferences.md).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmc_lib.params.common import Section
from llmc_lib.params.preference_arguments import check_dpo, check_orpo

#: Losses of TRL's DPOTrainer that read `label_smoothing`.
_SMOOTHED = ("robust", "exo_pair")


class DpoParams(Section):
    """Direct preference optimization (https://arxiv.org/abs/2305.18290), with the model that the training starts from as its
    reference."""

    # How much moving away from the reference costs: the larger, the closer the model stays to it.
    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    loss_type: Literal[
        "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired", "apo_zero",
        "apo_down", "discopop", "sigmoid_norm",
    ] = "sigmoid"  # fmt: skip
    # Weight of fine-tuning on the chosen response beside it (arXiv:2404.19733), which keeps its probability up. 0: none.
    sft_weight: Annotated[float, Field(ge=0, le=1000)] = 0.0
    config: dict[str, Any] = {}  # further fields of TRL's DPOConfig

    @model_validator(mode="after")
    def _check(self) -> DpoParams:
        check_dpo(self.config)
        smoothed = self.config.get("label_smoothing")
        if smoothed and self.loss_type not in _SMOOTHED:
            raise ValueError(
                ("config", "label_smoothing"),
                f"is not read by loss_type: {self.loss_type}; give loss_type: {' or '.join(_SMOOTHED)}, or leave it out",
            )
        if self.loss_type == "exo_pair" and not smoothed:
            raise ValueError(
                ("config", "label_smoothing"),
                "loss_type: exo_pair needs one above 0; its paper recommends 0.001",
            )
        return self


class OrpoParams(Section):
    """Odds ratio preference optimization (https://arxiv.org/abs/2403.07691): fine-tuning on the chosen response with a term for
    the odds of the two, without a reference model."""

    # Weight of that term: the paper's λ; no distance to a reference.
    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    config: dict[str, Any] = {}  # further fields of TRL's ORPOConfig

    @model_validator(mode="after")
    def _check(self) -> OrpoParams:
        check_orpo(self.config)
        return self
