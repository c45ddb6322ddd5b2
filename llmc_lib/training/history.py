"""The log of a training as tables: optimizer steps, and validation passes."""

from __future__ import annotations

import pandas as pd

#: What trainings on preference pairs log.
MARGIN, ACCURACY = "rewards/margins", "rewards/accuracies"


def training_rows(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of optimizer steps, in order, the last one of each step; also where the loss is NaN."""
    marks = history.reindex(columns=["loss", "grad_norm", "learning_rate", "tokens_per_second"])
    return _rows(history, marks.notna().any(axis="columns"), "loss")


def validation_rows(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of validation passes, in order, the last one of each step; also where the loss is NaN."""
    steps = history.reindex(columns=["loss", "grad_norm", "learning_rate", "tokens_per_second"])
    if not any(name in history for name in ("eval_loss", "eval_reward")):
        return _rows(history, pd.Series(False, history.index), "eval_loss")
    chosen = steps.isna().all(axis="columns")
    if "eval_loss" in history:
        chosen |= history["eval_loss"].notna()
    return _rows(history, chosen, "eval_loss")


def on_pairs(history: pd.DataFrame) -> bool:
    """Is it the log of a training on preference pairs?"""
    return MARGIN in history and ACCURACY in history


def _rows(history: pd.DataFrame, chosen: pd.Series, loss: str) -> pd.DataFrame:
    columns = list(dict.fromkeys([*history.columns, "step", "epoch", loss]))
    rows = history.reindex(columns=columns)[chosen.to_numpy(bool)]
    rows = rows.apply(pd.to_numeric).astype(float)
    ordered: pd.DataFrame = rows.drop_duplicates("step", keep="last").sort_values("step")
    return ordered.reset_index(drop=True)
