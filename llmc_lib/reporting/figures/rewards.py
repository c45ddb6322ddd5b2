"""The figure of trainings by reinforcement: reward and its parts, groups, length and what else tells how they went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from llmc_lib.formatting import MINUS, counted
from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import NOTHING, Block
from llmc_lib.reporting.figures.drawing import FigureBlock, figure_block, grid, whole_numbers
from llmc_lib.reporting.palette import INK, MODELS, MUTED
from llmc_lib.training.history import training_rows, validation_rows

_COLUMNS = 3
#: Steps of which a line is the mean, as steps differ by their prompts.
SMOOTH = 5
#: Column of the log → what it is; those that are shares are in percent. What no training has logged has no panel.
_QUANTITIES = {
    "reward": N_("Reward"),
    "correct": N_("Right answers"),
    "rewards/claims/mean": N_("Penalty for false claims"),
    "claims/per_thousand_tokens": N_("Claims per 1,000 tokens"),
    "rewards/form/mean": N_("Penalty for form"),
    "rewards/length/mean": N_("Penalty for length"),
    "rewards/own/mean": N_("Own reward"),
    "frac_reward_zero_std": N_("Groups without variance"),
    "groups/all_wrong": N_("Groups all wrong"),
    "groups/all_right": N_("Groups all right"),
    "length": N_("Tokens of a completion"),
    "completions/clipped_ratio": N_("Cut at the token limit"),
    "entropy": N_("Entropy of a token, nats"),
    "kl": N_("KL from the reference model"),
    "clip_ratio/region_mean": N_("Tokens whose ratio is clipped"),
    "grad_norm": N_("Gradient norm"),
}
_SHARES = {
    "correct", "frac_reward_zero_std", "groups/all_wrong", "groups/all_right", "completions/clipped_ratio",
    "clip_ratio/region_mean",
}  # fmt: skip


def reinforced(histories: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The logs of trainings by reinforcement."""
    return {name: history for name, history in histories.items() if "reward" in history}


def rewards(histories: Mapping[str, pd.DataFrame]) -> Block:
    """All that a training by reinforcement logs, by step, a panel each; name → log of its training. `NOTHING` where no
    training is one."""
    chosen = reinforced(histories)
    if not chosen:
        return NOTHING
    caption = tr(
        "Thin: each step, of its own prompts, which differ in difficulty. Thick: the mean of {n} steps. Points: held-out "
        "prompts. A group is the completions of one prompt; where all have one reward, nothing is learnt from it.",
        n=SMOOTH,
    )
    return by_step("rewards", chosen, _title(chosen), caption, _QUANTITIES, _SHARES, ("reward", "correct"))  # fmt: skip


def by_step(
    name: str,
    chosen: Mapping[str, pd.DataFrame],
    title: str,
    caption: str,
    quantities: Mapping[str, str],
    shares: Collection[str],
    held_out: Sequence[str],
) -> FigureBlock:
    """A figure of what trainings logged, by step, a panel a quantity that one of them has.

    `quantities`: column → what it is (a message of the catalogue); `shares`: those in percent; `held_out`: those of which
    validation passes have the same with "eval_" in front.
    """
    shown = [column for column in quantities if any(_has(h, column) for h in chosen.values())]
    rows = -(-len(shown) // _COLUMNS)
    figure, panels = grid(rows, _COLUMNS, 1.45 * rows + 0.3)
    logs = [(training_rows(history), validation_rows(history)) for history in chosen.values()]
    for axes, column in zip(panels, shown, strict=False):
        for number, log in enumerate(logs):
            _draw(axes, *log, column, MODELS[number % len(MODELS)], held_out=column in held_out)
        axes.set_title(tr(quantities[column]), loc="left", fontsize=9, color=INK, pad=4)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        if column in shares:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="x", visible=False)
        whole_numbers(axes.xaxis, 3)
    for axes in panels[len(shown) :]:
        axes.remove()
    figure.supxlabel(tr("Optimizer step"), fontsize=9.5, color=MUTED)
    if len(chosen) > 1:
        _label(panels[0], list(chosen))
    alt = f"{title}. " + " ".join(
        f"{training}: {', '.join(_ends(h, c, tr(quantities[c]), percent=c in shares) for c in shown if _has(h, c))}."
        for training, h in chosen.items()
    )
    data = logged(chosen, [*shown, *(f"eval_{column}" for column in held_out)])
    data = data.rename(columns=lambda name: name.removesuffix("/mean").replace("/", "_"))
    return figure_block(name, figure, title, caption, alt, data)


def _draw(
    axes: Axes, train: pd.DataFrame, held: pd.DataFrame, column: str, colour: str, *, held_out: bool
) -> None:
    if column in train:
        values = train[column]
        axes.plot(train["step"], values, color=colour, linewidth=0.6, alpha=0.4)
        smooth = values.rolling(SMOOTH, center=True, min_periods=1).mean()
        axes.plot(train["step"], smooth, color=colour, linewidth=1.5, marker="o" if len(values) == 1 else None)  # fmt: skip
    if held_out and (of_held := f"eval_{column}") in held:
        axes.plot(held["step"], held[of_held], "o", color=colour, markersize=4.5)


def _label(axes: Axes, names: list[str]) -> None:
    """The names in their colours, one below the other."""
    for number, name in enumerate(names):
        axes.annotate(
            name, (0, 1), xycoords="axes fraction", xytext=(4, -9 * (number + 1)), textcoords="offset points",
            color=MODELS[number % len(MODELS)], fontsize=8,
        )  # fmt: skip


def _title(chosen: Mapping[str, pd.DataFrame]) -> str:
    """The finding: reward and right answers of one training, or of how many the reward rises."""
    if len(chosen) > 1:
        ends = [first_and_last(history, "reward") for history in chosen.values()]
        rises = sum(last > first for first, last in ends)
        return tr(
            "The reward is higher at the end than at the start in {n} of {trainings}",
            n=rises,
            trainings=counted(len(chosen), "training"),
        )
    (history,) = chosen.values()
    first, last = first_and_last(history, "reward")
    text = tr("The reward goes from {first} to {last}", first=short(first), last=short(last))
    if _has(history, "correct"):
        first, last = first_and_last(history, "correct")
        text += tr(", right answers from {first:.0%} to {last:.0%}", first=first, last=last)
    return text


def _ends(history: pd.DataFrame, column: str, name: str, *, percent: bool) -> str:
    first, last = first_and_last(history, column)
    if percent:
        return f"{name.lower()} {first:.0%} → {last:.0%}"
    return f"{name.lower()} {short(first)} → {short(last)}"


def first_and_last(history: pd.DataFrame, column: str) -> tuple[float, float]:
    """The means of the first and of the last steps."""
    values = training_rows(history)[column].dropna().to_numpy(float)
    return float(values[:SMOOTH].mean()), float(values[-SMOOTH:].mean())


def short(value: float) -> str:
    """A logged number in few digits, with a true minus sign."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}".replace("-", MINUS)


def _has(history: pd.DataFrame, column: str) -> bool:
    train = training_rows(history)
    return column in train and bool(np.isfinite(train[column]).any())


def logged(histories: Mapping[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """The columns of all logs by candidate and step, without the events that have none of them."""
    rows = pd.concat(histories, names=["candidate"]).reset_index("candidate")
    return rows.reindex(columns=["candidate", "step", *columns]).dropna(
        subset=columns, how="all", ignore_index=True
    )
