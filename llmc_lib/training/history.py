"""The log of a training as tables: optimizer steps, and validation passes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: What trainings on preference pairs log.
MARGIN, ACCURACY = "rewards/margins", "rewards/accuracies"


def training_rows(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of optimizer steps, in order, the last one of each step; also where the loss is NaN."""
    return _rows(history, _are_steps(history), "loss")


def validation_rows(history: pd.DataFrame) -> pd.DataFrame:
    """The rows of validation passes, in order, the last one of each step; also where the loss is NaN."""
    chosen = np.zeros(len(history), bool)
    if any(name in history for name in ("eval_loss", "eval_reward")):
        chosen = ~_are_steps(history)
    if "eval_loss" in history:
        chosen |= history["eval_loss"].notna().to_numpy()
    return _rows(history, chosen, "eval_loss")


def _are_steps(history: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have what only optimizer steps log."""
    found = np.zeros(len(history), bool)
    for name in ("loss", "grad_norm", "learning_rate", "tokens_per_second"):
        if name in history:
            found |= history[name].notna().to_numpy()
    return found


def on_pairs(history: pd.DataFrame) -> bool:
    """Is it the log of a training on preference pairs?"""
    return MARGIN in history and ACCURACY in history


def _rows(history: pd.DataFrame, chosen: NDArray[np.bool_], loss: str) -> pd.DataFrame:
    columns = {
        name: np.asarray(pd.to_numeric(history[name].to_numpy()[chosen]), float)
        if name in history
        else np.full(chosen.sum(), np.nan)
        for name in dict.fromkeys([*history.columns, "step", "epoch", loss])
    }
    # The first in reverse order is the last of its step.
    _, back = np.unique(columns["step"][::-1], return_index=True)
    return pd.DataFrame({name: values[::-1][back] for name, values in columns.items()})
