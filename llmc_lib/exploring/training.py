"""The training logs of several candidates in one plot."""

from __future__ import annotations

import ipywidgets as widgets
import pandas as pd

from llmc_lib.exploring.opened import Runs
from llmc_lib.exploring.panel import Panel, buttons, named, paragraph, plot, row
from llmc_lib.formatting import listed
from llmc_lib.reporting.figures.drawing import canvas, whole_numbers
from llmc_lib.reporting.palette import MODELS
from llmc_lib.training.history import training_rows, validation_rows

_QUANTITIES = {
    "Loss": ("loss", "Loss, nats per token"),
    "Gradient norm": ("grad_norm", "Gradient norm before clipping"),
    "Learning rate": ("learning_rate", "Learning rate"),
    "Tokens/s": ("tokens_per_second", "Tokens per second"),
    # Of trainings by reinforcement:
    "Reward": ("reward", "Reward"),
    "Right": ("correct", "Share of right answers"),
    "Length": ("length", "Tokens of a completion"),
    "Entropy": ("entropy", "Entropy of a token, nats"),
}
#: Quantities that are measured on held-out rows, too.
_HELD = ("loss", "reward", "correct")


class Training(Panel):
    """Draws the training of candidates of one or several runs over each other.

    Validation losses of candidates with data of their own are of examples of their own, and not to be ranked by.

    `data`: a row a logged step: run, candidate, step, epoch, loss, eval_loss (NaN where not measured), grad_norm,
    learning_rate, tokens_per_second; reward, correct, length, entropy, eval_reward and eval_correct of trainings by
    reinforcement.
    """

    def __init__(self, runs: Runs) -> None:
        self._logs = {
            runs.called(run.name, name): (run.name, name, log)
            for run in runs.opened.values()
            for name, log in run.histories.items()
            if len(log)
        }
        logged = {name for _, _, log in self._logs.values() for name in log}
        self._kind = buttons(
            [kind for kind, (name, _) in _QUANTITIES.items() if name in logged] or list(_QUANTITIES)
        )
        self._candidates = named(
            widgets.SelectMultiple, "Candidates", options=list(self._logs), rows=min(5, max(2, len(self._logs)))
        )  # fmt: skip
        self._smooth = named(
            widgets.IntSlider, "Mean over", value=1, min=1, max=50, continuous_update=False
        )
        parts = [_rows(*log) for log in self._logs.values()]
        self._all = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        super().__init__(
            [row(self._kind, self._smooth, self._candidates)] if len(self._logs) > 1 else [row(self._kind, self._smooth)]
        )  # fmt: skip
        self.follow(self._kind, self._candidates, self._smooth)
        self.update()

    def _show(self) -> str:
        chosen = list(self._candidates.value) or list(self._logs)
        self.data = self._all
        if not chosen:
            return paragraph("No training log: these runs compare imported answers, or are not trained yet.", "note")  # fmt: skip
        column, label = _QUANTITIES[self._kind.value]
        kept = [self._logs[name][:2] for name in chosen]
        names = pd.Series(list(zip(self._all["run"], self._all["candidate"], strict=True)))
        self.data = self._all[names.isin(kept)].reset_index(drop=True)
        self.figure, axes = canvas(3.0)
        for number, name in enumerate(chosen):
            colour = MODELS[number % len(MODELS)]
            log = self._logs[name][2]
            steps = training_rows(log)
            if column in steps:
                values = steps[column].rolling(self._smooth.value, min_periods=1, center=True).mean()  # fmt: skip
                axes.plot(steps["step"], values, color=colour, linewidth=1.4, label=name)
            held = validation_rows(log)
            if column in _HELD and f"eval_{column}" in held:
                axes.plot(held["step"], held[f"eval_{column}"], "o--", color=colour, markersize=5, linewidth=0.8)  # fmt: skip
        axes.set(xlabel="Optimizer step", ylabel=label)
        whole_numbers(axes.xaxis)
        if column != "loss":
            axes.set_ylim(bottom=0)
        if len(chosen) > 1:
            axes.legend(fontsize=8.5, frameon=False)
        drawn = plot(self.figure, "explore-training", f"{label} by step of {listed(chosen)}.")
        points = "Points: held-out rows. Candidates with data of their own have held-out rows of their own."
        return drawn + (paragraph(points, "note") if column in _HELD else "")


def _rows(run: str, candidate: str, log: pd.DataFrame) -> pd.DataFrame:
    columns = [
        "step", "epoch", "loss", "eval_loss", "grad_norm", "learning_rate", "tokens_per_second",
        "reward", "correct", "length", "entropy", "eval_reward", "eval_correct",
    ]  # fmt: skip
    rows = log.reindex(columns=columns).apply(pd.to_numeric)
    found: pd.DataFrame = rows.assign(run=run, candidate=candidate)
    return found[["run", "candidate", *columns]]
