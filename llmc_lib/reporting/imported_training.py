"""The trainings of imported models, by the logs that their own trainers left."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from llmc_lib.formatting import listed
from llmc_lib.language import tr
from llmc_lib.reporting import figures, training_page
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report

#: A fifth of the events, and at least one, are the beginning and the end.
_PART = 5


def how(report: Report) -> Block:
    """Which logs the curves are drawn from."""
    logs = report.results.manifest["trainings"]
    named = listed([f"{model} ({log['format']})" for model, log in logs.items()])
    return paragraph(
        tr(
            "Not part of this run: the models were trained elsewhere. The curves are those of the logs that the params file "
            "names: {named}.",
            named=named,
        ),
        "note",
    )


def curves(histories: Mapping[str, pd.DataFrame]) -> Block:
    """Losses with what is to be said of them, rewards, and what the optimizers did; nothing where no log is given."""
    learnt = {name: h for name, h in histories.items() if _has(h, "loss") or _has(h, "eval_loss")}
    rewarded = {name: h for name, h in histories.items() if name not in learnt}
    block = NOTHING
    if learnt:
        block = figures.training.losses(learnt, imported=True) + training_page.diagnosis(learnt)
    if rewarded:
        block = block + _rewards(rewarded)
    steps = {name: h for name, h in histories.items() if _has(h, "grad_norm", "learning_rate")}
    return block + figures.training.optimizer(steps) if steps else block


def _has(history: pd.DataFrame, *columns: str) -> bool:
    return any(column in history and history[column].notna().any() for column in columns)


def _rewards(histories: Mapping[str, pd.DataFrame]) -> Block:
    """What trainings by reinforcement log, at their beginning and end."""
    rows, data = [], []
    names = {
        "reward": tr("Reward"),
        "completions/mean_length": tr("Tokens of a completion"),
        "completions/clipped_ratio": tr("Cut at the limit"),
        "entropy": tr("Entropy"),
    }
    shown = [name for name in names if any(_has(h, name) for h in histories.values())]
    for model, history in histories.items():
        row = {tr("Model"): model}
        numbers: dict[str, str | float | None] = {"model": model}
        for name in shown:
            first, last = _ends(history, name)
            row[names[name]] = "–" if first is None else f"{first:.3g} → {last:.3g}"
            numbers |= {f"{name}_first": first, f"{name}_last": last}
        rows.append(row)
        data.append(numbers)
    caption = tr(
        "Trainings by reinforcement, which have no loss to judge: means of the first and of the last fifth of the logged steps."
    )
    return table_block("rewards", pd.DataFrame(rows), caption, pd.DataFrame(data))


def _ends(history: pd.DataFrame, column: str) -> tuple[float | None, float | None]:
    if column not in history:
        return None, None
    values = pd.to_numeric(history[column]).dropna()
    size = max(1, len(values) // _PART)
    if values.empty:
        return None, None
    return float(values.iloc[:size].mean()), float(values.iloc[-size:].mean())
