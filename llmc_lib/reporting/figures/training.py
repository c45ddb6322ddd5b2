"""The figures of a training: losses, and what the optimizer did at each step; one candidate or many."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from llmc_lib.formatting import MINUS, as_range, counted, listed
from llmc_lib.language import N_, plural, tr
from llmc_lib.reporting.elements import NOTHING, Block
from llmc_lib.reporting.figures.drawing import FigureBlock, figure_block, grid, whole_numbers
from llmc_lib.reporting.figures.rewards import logged
from llmc_lib.reporting.palette import BASE, INK, MODELS, MUTED
from llmc_lib.reporting.sentences.training import kind_title
from llmc_lib.training.diagnosis import diagnose, trend
from llmc_lib.training.history import on_pairs, training_rows, validation_rows

# More points than a panel has pixels are drawn as means of neighbouring steps.
_POINTS = 400
# Losses above this multiple of their median are off the axis and written out; an axis of gradient norms is logarithmic from
# such a one on: a single spike would press everything else flat.
_HIGHEST, _WIDE = 3.0, 12.0
_THINNED = N_("Of many steps, each point is the mean of a few neighbouring ones.")
#: Does the validation loss fall, and was it first measured before the training?
_FALLS = {
    (True, True): N_("validation loss falls: {first:.2f} before training, {last:.2f} after"),
    (False, True): N_(
        "validation loss does not fall: {first:.2f} before training, {last:.2f} after"
    ),
    (True, False): N_("validation loss falls: {first:.2f} at step {step:,}, {last:.2f} in the end"),
    (False, False): N_(
        "validation loss does not fall: {first:.2f} at step {step:,}, {last:.2f} in the end"
    ),
}
#: Does the training loss fall by more than its noise explains?
_TRAINING_FALLS = {
    True: N_("training loss falls: {first:.2f} in the first {size} steps, {last:.2f} in the last"),
    False: N_(
        "training loss does not clearly fall: {first:.2f} in the first {size} steps, {last:.2f} in the last"
    ),
}
_QUANTITIES = {
    "grad_norm": N_("Gradient norm"),
    "learning_rate": N_("Learning rate"),
    "tokens_per_second": N_("Tokens per second"),
}


def losses(histories: Mapping[str, pd.DataFrame], *, imported: bool = False) -> Block:
    """Training and validation loss by step, a panel a candidate; name → log of its training. `imported`: the logs are
    those of other programs, which may count other tokens. Of trainings by reinforcement, whose loss says nothing,
    and on pairs, `figures.rewards` and `figures.preferences` have what counts; `NOTHING` where there are no others."""
    histories = {n: h for n, h in histories.items() if "reward" not in h and not on_pairs(h)}
    if not histories:
        return NOTHING
    names = list(histories)
    columns = min(len(names), 3 if len(names) > 4 else 2)
    rows = -(-len(names) // columns)
    figure, panels = grid(
        rows, columns, 2.7 if len(names) == 1 else 1.75 * rows + 0.35, share_y=True
    )
    thinned, top = False, _top(histories)
    for number, (name, history) in enumerate(histories.items()):
        axes = panels[number]
        thinned |= _losses(axes, history, top, label=number == 0)
        if len(names) > 1:
            axes.set_title(name, loc="left", fontsize=9.5, color=INK, pad=4)
        if number >= len(names) - columns:
            axes.set_xlabel(tr("Optimizer step"))
    for axes in panels[len(names) :]:
        axes.remove()
    label = tr("Loss") if imported else tr("Loss per completion token")
    figure.supylabel(label, fontsize=9.5, color=MUTED)
    title = _loss_title(histories)
    caption = (
        tr(
            "As the trainer logged it: which tokens it counts, and over how many steps it is a mean, the log does not say. "
            "Grey: training loss. Blue: validation loss."
        )
        if imported
        else tr(
            "Cross-entropy of the completion's tokens, in nats; the prompt is not counted. Grey: training loss, "
            "which is of the step's own batch and therefore jumps. Blue: validation loss, of held-out examples, the "
            "same at each point."
        )
    )
    if len(names) > 1:
        caption += " " + tr(
            "The loss axis is the same in all panels; candidates with data of their own also have validation "
            "examples of their own, and their losses are not to be ranked by."
        )
    if thinned:
        caption += " " + tr(_THINNED)
    alt = f"{title}. " + " ".join(f"{name}: {_ends(h)}." for name, h in histories.items())
    return figure_block(
        "loss", figure, title, caption, alt, logged(histories, ["loss", "eval_loss"])
    )


def optimizer(histories: Mapping[str, pd.DataFrame]) -> FigureBlock:
    """Gradient norm, learning rate and throughput by step, a row a candidate."""
    shown = [
        column
        for column in _QUANTITIES
        if any(_values(history, column).notna().any() for history in histories.values())
    ]
    names = list(histories)
    height = 2.1 if len(names) == 1 else 1.15 * len(names) + 0.7
    figure, panels = grid(len(names), max(1, len(shown)), height)
    wide = {c: _is_wide([_values(h, c) for h in histories.values()]) for c in shown}
    thinned = False
    for row, (name, history) in enumerate(histories.items()):
        train = training_rows(history)
        for place, column in enumerate(shown):
            axes = panels[row * len(shown) + place]
            thinned |= _line(axes, train, column, BASE)
            if wide[column] and column == "grad_norm":
                axes.set_yscale("log")
                axes.yaxis.set_minor_locator(NullLocator())
            else:
                axes.set_ylim(bottom=0)
                axes.yaxis.set_major_locator(MaxNLocator(3))
            axes.yaxis.set_major_formatter(FuncFormatter(_short))
            if row == 0:
                axes.annotate(
                    tr(_QUANTITIES[column]), (0, 1), xycoords="axes fraction", color=MUTED,
                    xytext=(0, 6 if len(names) == 1 else 22), textcoords="offset points",
                )  # fmt: skip
            if row == len(names) - 1:
                axes.set_xlabel(tr("Optimizer step"))
            if place == 0 and len(names) > 1:
                axes.set_title(name, loc="left", fontsize=9.5, color=INK, pad=5)
    title = _optimizer_title(histories)
    caption = tr("The gradient norm is that before clipping.")
    if "tokens_per_second" in shown:
        caption += " " + tr(
            "Throughput counts the tokens of real text in a step, padding "
            "left out, by the time since the step before; the first steps are often slower, as kernels are compiled "
            "or chosen."
        )
    if thinned:
        caption += " " + tr(_THINNED)
    if wide.get("grad_norm"):
        caption += " " + tr("The axis of the gradient norm is logarithmic.")
    alt = f"{title}. " + " ".join(
        f"{name}: {', '.join(_range(history, c) for c in shown)}."
        for name, history in histories.items()
    )
    return figure_block("optimizer", figure, title, caption, alt, logged(histories, shown))


# ---- drawing ---------------------------------------------------------------------------------


def _losses(axes: Axes, history: pd.DataFrame, top: float | None, *, label: bool) -> bool:
    """One candidate's losses; were its steps too many to draw each? The axis ends at `top`."""
    train, all_held = training_rows(history), validation_rows(history)
    thinned = _line(axes, train, "loss", BASE)
    held = all_held[np.isfinite(all_held["eval_loss"])]
    axes.plot(held["step"], held["eval_loss"], "o-", color=MODELS[0], markersize=4.5, linewidth=1.4)
    bad = [
        rows["step"].to_numpy()[~np.isfinite(rows[name].to_numpy())]
        for rows, name in ((train, "loss"), (all_held, "eval_loss"))
    ]
    if (first := float(min(np.concatenate(bad), default=np.inf))) < np.inf:
        axes.axvline(first, color=MODELS[1], linewidth=1.2, linestyle=":")
        _say(axes, first, history, tr("not finite: step {step:,}", step=int(first)), 1)
    if top is not None:
        axes.set_ylim(top=top)
        highest = float(_values(train, "loss").max())
        if highest > top:
            _say(axes, _at(train, highest), history, f"▲ {highest:,.3g}", 2)
    if label:
        _label(axes)
    return thinned


def _say(axes: Axes, step: float, history: pd.DataFrame, words: str, line: int) -> None:
    """Words at a step near the upper edge of a panel, on the side that has more room."""
    left = step > (history["step"].min() + history["step"].max()) / 2
    axes.annotate(
        words, (step, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
        xytext=(-4 if left else 4, -10 * line), ha="right" if left else "left", color=MODELS[1],
        fontsize=8.5,
    )  # fmt: skip


def _at(train: pd.DataFrame, loss: float) -> float:
    """The first step with that loss."""
    return float(train.loc[train["loss"] == loss, "step"].iloc[0])


def _label(axes: Axes) -> None:
    """Names of the two lines at their ends, the higher one above the other: the ends often touch."""
    # As they are drawn: the last value of a mean's line, or of one that leaves the panel, may be far outside it, and what is
    # written there leaves no room for the panel.
    _, top = axes.get_ylim()
    marks, right = [], 0.0
    for line, words in zip(axes.lines, (tr("training"), tr("validation")), strict=False):
        steps, values = (np.asarray(each, float) for each in line.get_data())
        if len(drawn := values[np.isfinite(values)]):
            marks.append((min(float(drawn[-1]), top), line.get_color(), words))
            right = max(right, float(steps.max()))
    for place, (y, colour, words) in enumerate(sorted(marks, reverse=True)):
        shift = 0 if len(marks) == 1 else 6 - 12 * place
        axes.annotate(
            words, (right, y), xytext=(6, shift), textcoords="offset points", va="center", color=colour,
            fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _line(axes: Axes, rows: pd.DataFrame, column: str, colour: str) -> bool:
    """A column by step, as a line; returns whether neighbouring steps were averaged."""
    values = _values(rows, column)
    steps, thinned = rows["step"].to_numpy(float), len(rows) > _POINTS
    y = values.to_numpy(float)
    if thinned:
        bins = np.array_split(np.arange(len(y)), _POINTS)
        steps = np.array([steps[part].mean() for part in bins])
        y = np.array([y[part].mean() for part in bins])
    axes.plot(steps, y, color=colour, linewidth=1.4, marker="o" if len(y) == 1 else None)
    axes.grid(axis="x", visible=False)
    if len(y) == 1:
        axes.set_xlim(0, 2 * steps[0] or 1)
    whole_numbers(axes.xaxis, 4)
    return thinned


def _values(rows: pd.DataFrame, column: str) -> pd.Series:
    """A column, without what is not finite; empty where it was not logged."""
    values = rows[column] if column in rows else pd.Series(np.nan, rows.index)
    return pd.to_numeric(values).astype(float).where(np.isfinite)


def _top(histories: Mapping[str, pd.DataFrame]) -> float | None:
    """Where the axis of the losses ends; None: above all of them."""
    values = pd.concat(
        [_values(h, column) for h in histories.values() for column in ("loss", "eval_loss")]
    ).dropna()
    if values.empty or values.max() <= _HIGHEST * values.median():
        return None
    return 1.15 * float(values[values <= _HIGHEST * values.median()].max())


def _is_wide(columns: list[pd.Series]) -> bool:
    """Would the largest value press the usual ones flat?"""
    values = pd.concat(columns).astype(float).where(np.isfinite).dropna()
    return bool(len(values) and values.min() > 0 and values.max() > _WIDE * values.median())


# ---- words -----------------------------------------------------------------------------------


def _loss_title(histories: Mapping[str, pd.DataFrame]) -> str:
    """The finding: one candidate's losses, or how many look right and which do not."""
    if len(histories) == 1:
        ends = _ends(next(iter(histories.values())))
        return ends[0].upper() + ends[1:]
    wrong: dict[str, list[str]] = {}
    for name, history in histories.items():
        for finding in diagnose(history):
            if finding.alarm:
                wrong.setdefault(finding.kind, []).append(name)
    if not wrong:
        return tr(
            "The losses of {candidates} show nothing wrong",
            candidates=counted(len(histories), "candidate"),
        )
    text = "; ".join(
        f"{kind_title(kind).lower()}: {listed(names)}" for kind, names in wrong.items()
    )
    return text[0].upper() + text[1:]


def _ends(history: pd.DataFrame) -> str:
    """What the losses were first, last and at their lowest."""
    held = validation_rows(history)
    held = held[np.isfinite(held["eval_loss"])]
    if len(held) >= 2:
        first, last = held["eval_loss"].iloc[0], held["eval_loss"].iloc[-1]
        least = held.loc[held["eval_loss"].idxmin()]
        words = tr(
            _FALLS[bool(last < first), bool(held["step"].iloc[0] == 0)],
            first=first,
            last=last,
            step=int(held["step"].iloc[0]),
        )
        if least["step"] in (held["step"].iloc[0], held["step"].iloc[-1]):
            return words
        lowest = tr(
            "lowest ({loss:.2f}) at step {step}", loss=least["eval_loss"], step=int(least["step"])
        )
        return f"{words}, {lowest}"
    train = _values(training_rows(history), "loss").dropna()
    if train.empty:
        return tr("no loss was logged")
    if len(train) == 1:
        return tr("training loss {first:.2f} in one step", first=train.iloc[0])
    found = trend(train.to_numpy(float))
    if "clear" not in found:
        # A step's loss is that of its own batch: so few say nothing of a trend.
        first, last = train.iloc[0], train.iloc[-1]
        return tr(
            "training loss {first:.2f} in the first step, {last:.2f} in the last",
            first=first,
            last=last,
        )
    return tr(_TRAINING_FALLS[bool(found["clear"])], **found)


def _optimizer_title(histories: Mapping[str, pd.DataFrame]) -> str:
    parts = []
    norms = {
        name: float(values.max() / values.median())
        for name, history in histories.items()
        if len(values := _values(training_rows(history), "grad_norm").dropna()) > 1
        and values.median() > 0
    }
    if norms:
        worst = max(norms, key=lambda name: norms[name])
        parts.append(
            plural(
                "The gradient norm is at most {times:.1f} times its median",
                "The gradient norm is at most {times:.1f} times its median, in {worst}",
                len(histories),
                times=norms[worst],
                worst=worst,
            )
        )
    rates = {
        name: float(values.median())
        for name, history in histories.items()
        if len(values := _values(training_rows(history), "tokens_per_second").dropna())
    }
    if rates:
        slow, fast = (f"{rate:,.0f}" for rate in (min(rates.values()), max(rates.values())))
        parts.append(
            plural(
                "the median step runs at {speed} tokens/s",
                "the candidates' median steps run at {speed} tokens/s",
                len(rates),
                speed=slow if slow == fast else as_range(slow, fast),
            )
        )
    text = "; ".join(parts) or tr("Learning rate by step")
    return text[0].upper() + text[1:]


def _range(history: pd.DataFrame, column: str) -> str:
    values = _values(training_rows(history), column).dropna()
    name = tr(_QUANTITIES[column]).lower()
    if values.empty:
        return tr("{quantity} not logged", quantity=name)
    digits = ",.0f" if column == "tokens_per_second" else ".3g"
    ends = as_range(f"{values.min():{digits}}", f"{values.max():{digits}}")
    return f"{name} {ends}".replace("e-", f"e{MINUS}")


def _short(value: float, _place: int | None = None) -> str:
    """A tick: "1,200", "0.5", "2e−5"."""
    if value == 0 or abs(value) >= 0.01:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{MINUS}{power.lstrip('-0')}"
