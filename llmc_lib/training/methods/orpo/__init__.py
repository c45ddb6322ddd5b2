"""Odds ratio preference optimization by TRL's ORPOTrainer: fine-tuning on the chosen response, with a term for the odds of the
chosen against the rejected one, and no reference model (Hong et al. 2024, https://arxiv.org/abs/2403.07691)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from llmc_lib.training.methods.method import Rows
from llmc_lib.training.methods.pairs import COLUMNS, make_rows, unusable

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from llmc_lib.training.trainer import MethodTrainer

__all__ = [
    "COLUMNS", "LOGGED", "MEASURES", "SECTION", "TRAINER", "VALIDATION", "config", "config_class", "make_rows", "make_trainer",
    "model_settings", "unusable",
]  # fmt: skip

TRAINER = "TRL's ORPOTrainer"
SECTION: tuple[str, ...] = ("orpo", "config")
MEASURES: Mapping[str, str] = {
    "loss": ".3f", "log_odds_chosen": ".3f", "rewards/accuracies": ".0%",
}  # fmt: skip
LOGGED: tuple[str, ...] = ("nll_loss", "log_odds_ratio", "eval_log_odds_chosen", "eval_nll_loss", "*/*")  # fmt: skip
VALIDATION: tuple[str, Callable[[list[float]], float]] = ("eval_loss", min)


def config_class() -> type[TrainingArguments]:
    """TRL's ORPOConfig."""
    from trl.experimental.orpo import ORPOConfig

    kind: type[TrainingArguments] = ORPOConfig
    return kind


def config(spec: dict[str, Any]) -> dict[str, Any]:
    """The weight of the odds ratio's term."""
    return {
        "beta": spec["orpo"]["beta"],
        "max_length": spec["max_length"],  # too long pairs have been left out
        "remove_unused_columns": False,
    }


def model_settings(spec: dict[str, Any], *, gpu: bool) -> dict[str, Any]:
    """The attention."""
    return {"attn_implementation": "sdpa"}


def make_trainer(spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any) -> MethodTrainer:
    """TRL's trainer."""
    from llmc_lib.training.methods.orpo.trainer import Trainer

    return Trainer(
        router_aux_loss=spec["router_aux_loss"],
        train_dataset=rows.train,
        eval_dataset=rows.validation if len(rows.validation) else None,
        **given,
    )
