"""The figure of trainings on preference pairs: the margin, how often the chosen response wins, and how likely both became."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from llmc_lib.formatting import counted
from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import NOTHING, Block
from llmc_lib.reporting.figures.rewards import SMOOTH, by_step, first_and_last, short
from llmc_lib.training.history import ACCURACY, MARGIN, on_pairs

#: Column of the log → what it is. What no training has logged has no panel.
_QUANTITIES = {
    MARGIN: N_("Margin"),
    ACCURACY: N_("Chosen is preferred"),
    "loss": N_("Loss"),
    "rewards/chosen": N_("Reward of the chosen"),
    "rewards/rejected": N_("Reward of the rejected"),
    "log_odds_chosen": N_("Log odds of the chosen"),
    "logps/chosen": N_("Log-probability of the chosen"),
    "logps/rejected": N_("Log-probability of the rejected"),
    "nll_loss": N_("Loss on the chosen"),
    "entropy": N_("Entropy of a token, nats"),
    "grad_norm": N_("Gradient norm"),
}
_HELD_OUT = (MARGIN, ACCURACY, "loss", "rewards/chosen", "rewards/rejected", "log_odds_chosen", "logps/chosen", "logps/rejected", "nll_loss")  # fmt: skip


def preferences(histories: Mapping[str, pd.DataFrame]) -> Block:
    """All that a training on pairs logs, by step, a panel each; name → log of its training. `NOTHING` where no training is
    one."""
    chosen = {name: history for name, history in histories.items() if on_pairs(history)}
    if not chosen:
        return NOTHING
    caption = tr(
        "Thin: each step, of its own pairs. Thick: the mean of {n} steps. Points: held-out pairs. DPO's reward of a response is "
        "beta times how much likelier it became than under the reference; ORPO, which has none, takes beta times the mean "
        "log-probability of its tokens. The margin is the chosen one's minus the rejected one's.",
        n=SMOOTH,
    )
    return by_step(
        "preferences", chosen, _title(chosen), caption, _QUANTITIES, (ACCURACY,), _HELD_OUT
    )


def _title(chosen: Mapping[str, pd.DataFrame]) -> str:
    """The finding: the margin of one training, or of how many it rises."""
    ends = [first_and_last(history, MARGIN) for history in chosen.values()]
    if len(chosen) > 1:
        return tr(
            "The margin is larger at the end than at the start in {n} of {trainings}",
            n=sum(last > first for first, last in ends),
            trainings=counted(len(chosen), "training"),
        )
    ((first, last),) = ends
    (history,) = chosen.values()
    text = tr("The margin goes from {first} to {last}", first=short(first), last=short(last))
    first, last = first_and_last(history, ACCURACY)
    return text + tr(", the chosen response is preferred in {first:.0%}, then in {last:.0%}", first=first, last=last)  # fmt: skip
