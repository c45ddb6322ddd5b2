"""Odds ratio preference optimization by TRL's ORPOTrainer: fine-tuning on the chosen response, with a term for the odds of the
chosen against the rejected one, and no reference model (Hong et al. 2024, https://arxiv.org/abs/2403.07691)."""

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

TRAINER, CONFIG = "TRL's ORPOTrainer", "trl.experimental.orpo:ORPOConfig"
SECTION: tuple[str, ...] = ("orpo", "config")
MEASURES: Mapping[str, str] = {
    "loss": ".3f", "log_odds_chosen": ".3f", "rewards/accuracies": ".0%",
}  # fmt: skip
LOGGED: tuple[str, ...] = ("nll_loss", "log_odds_ratio", "eval_log_odds_chosen", "eval_nll_loss", "*/*")  # fmt: skip
VALIDATION: tuple[str, Callable[[list[float]], float]] = ("eval_loss", min)


def config(spec: dict[str, Any]) -> dict[str, Any]:
    """The weight of the odds ratio's term."""
    return {
        "beta": spec["orpo"]["beta"],
        "max_length": spec["max_length"],  # too long pairs have been left out
        "remove_unused_columns": False,
    }


def make_trainer(spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any) -> MethodTrainer:
    """TRL's trainer."""
    from llmc_lib.training.methods.orpo.trainer import Trainer

    return Trainer(
        router_aux_loss=spec["router_aux_loss"],
        train_dataset=rows.train,
        eval_dataset=rows.validation if len(rows.validation) else None,
        **given,
    )
