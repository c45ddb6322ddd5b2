"""Direct preference optimization by TRL's DPOTrainer: of two responses the chosen one becomes likelier than the rejected one,
measured from the model that the training starts from (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from llmc_lib.training.methods.method import Rows
from llmc_lib.training.methods.method import model_settings as model_settings
from llmc_lib.training.methods.pairs import COLUMNS as COLUMNS
from llmc_lib.training.methods.pairs import make_rows as make_rows
from llmc_lib.training.methods.pairs import unusable as unusable

if TYPE_CHECKING:
    from llmc_lib.training.trainer import MethodTrainer

TRAINER, CONFIG = "TRL's DPOTrainer", "trl:DPOConfig"
SECTION: tuple[str, ...] = ("dpo", "config")
MEASURES: Mapping[str, str] = {
    "loss": ".3f", "rewards/margins": ".3f", "rewards/accuracies": ".0%",
}  # fmt: skip
LOGGED: tuple[str, ...] = ("entropy", "aux_loss", "*/*")
VALIDATION: tuple[str, Callable[[list[float]], float]] = ("eval_loss", min)


def config(spec: dict[str, Any]) -> dict[str, Any]:
    """The loss, and how far it lets the model go."""
    given = spec["dpo"]
    types, weights = [given["loss_type"]], [1.0]
    if given["sft_weight"]:
        types, weights = [*types, "sft"], [*weights, given["sft_weight"]]
    return {
        "beta": given["beta"],
        "loss_type": types,
        "loss_weights": weights,
        "max_length": None,  # too long pairs have been left out
        "router_aux_loss_coef": spec["router_aux_loss"],
    }


def make_trainer(spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any) -> MethodTrainer:
    """TRL's trainer. The reference model is the one that the training starts from; where adapters are trained, the same weights
    with the adapters off."""
    from llmc_lib.training.methods.dpo.trainer import Trainer, reference

    return Trainer(
        train_dataset=rows.train,
        eval_dataset=rows.validation if len(rows.validation) else None,
        ref_model=None if spec["lora"] else reference(spec, given["model"]),
        **given,
    )
