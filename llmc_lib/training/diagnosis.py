"""Does the log of a training look right? Findings as codes, each with its numbers; `reporting.sentences` has their words.

A finding is an alarm only where chance is a poor explanation: the loss of a step is that of the step's
own batch, and batches differ. What a few noisy steps cannot show is said to be open, not to be wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from llmc_lib.training.history import on_pairs, training_rows, validation_rows

#: The findings there are, and whether each is an alarm.
KINDS = {
    "not finite": True,
    "diverging": True,
    "gradient": True,
    "overfitting": True,
    "no learning": True,
    # Of a training by reinforcement (`reward_diagnosis`):
    "reward alone": True,
    "length collapse": True,
    "entropy collapse": True,
    "no variance": True,
    "truncation": True,
    "silence": True,
    "chosen falls": True,  # of a training on pairs
    "no gain": False,
    "rewarded": False,
    "spikes": False,
    "still falling": False,
    "too short": False,
    "open": False,
    "fine": False,
}

# Fewer logged steps than this say nothing about trend or noise by themselves: the standard error of
# a noise estimated from ten steps is already a quarter of it.
SHORTEST = 10
# A level is the mean of a fifth of the steps, and at least of three.
_PART = 0.2
# Levels differ "beyond noise" at this many standard errors of their difference. The earlier level is
# the lowest of up to five windows, which by chance alone lies 1.2 standard errors below the mean.
_SURE = 5.0
# ... and by this share of the earlier level: batches of one topic more or less move a mean by 5%.
_RISE = 0.15
# Validation examples are the same each time, so that no sampling of batches moves their loss. What is
# left is how few they are: 5% where one measurement shows it, 2% where at least two in a row do.
_TURN_ONCE, _TURN_TWICE = 0.05, 0.02
# A decrease that is worth the training, as a share of the loss before it. A loss that certainly fell
# by less did not learn; one that may have fallen by more did not yet show it.
_WORTH_TRAINING, _WORTH_VALIDATION = 0.02, 0.005
# A step is a spike when it is so many times the noise above its neighbours and half above them.
_SPIKE, _SPIKE_SHARE, _NEIGHBOURS = 8.0, 0.5, 11
# Clipping keeps norms of a few times the usual harmless; ten times the usual, for the last fifth of
# the training, is another regime.
_EXPLODED = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing that the log shows."""

    kind: str  # a key of KINDS
    case: str  # which of the forms that the kind has
    numbers: dict[str, float] = field(default_factory=dict)  # what it rests on
    epoch: float | None = None  # of the step in `numbers`, where that is told and known

    @property
    def alarm(self) -> bool:
        """Is it something to act on?"""
        return KINDS[self.kind]


def diagnose(history: pd.DataFrame) -> list[Finding]:
    """What the log of a training shows, alarms first; never an empty list.

    Parameters: `history`, a row a logged event: step, loss, grad_norm, learning_rate, … of an optimizer
    step; step, epoch, eval_loss of a validation pass (nats per token of the completion). A column that
    is not there was not logged.

    A validation loss that turns up is called overfitting, which is what it is for the loss. Answers can
    still improve after it: Ouyang et al., "Training language models to follow instructions with human
    feedback" (2022), section 3.5, train on for that reason. The evaluation decides, not this.

    The log of a training by reinforcement, which has a column `reward`, is `reward_diagnosis.diagnose_rewards`'s; to one on
    preference pairs `reward_diagnosis.chosen_falls` adds what their log-probabilities show.
    """
    if "reward" in history:
        from llmc_lib.training.reward_diagnosis import diagnose_rewards  # which needs this module

        return diagnose_rewards(history)
    found = _of_losses(history)
    if on_pairs(history):
        from llmc_lib.training.reward_diagnosis import chosen_falls

        found = [*filter(None, [chosen_falls(history)]), *found]
    return found


def _of_losses(history: pd.DataFrame) -> list[Finding]:
    train, held = training_rows(history), validation_rows(history)
    if train.empty:
        return [Finding("too short", "nothing")]
    broken = not_finite(train, held)
    if broken:
        return [broken]
    loss = train["loss"].to_numpy(float)
    noise = noise_of(loss)
    found = [_diverging(train, held, noise), exploding(train)]
    if not any(found):
        found.append(_overfitting(train, held) or _no_learning(train, held, noise))
    alarms = [finding for finding in found if finding]
    notes = [_spikes(train)]
    if not alarms:
        notes += [_still_falling(train, held, noise), _too_short(train)]
        if len(loss) >= SHORTEST or _fell(held):
            alarms = [_fine(train, held)]
    return alarms + [note for note in notes if note]


# ---- alarms ----------------------------------------------------------------------------------


def not_finite(train: pd.DataFrame, held: pd.DataFrame) -> Finding | None:
    """The first loss or gradient norm that is no finite number."""
    marks = [
        ("training loss", train, ~np.isfinite(train["loss"].to_numpy())),
        ("validation loss", held, ~np.isfinite(held["eval_loss"].to_numpy())),
    ]
    if "grad_norm" in train:
        marks.append(("gradient norm", train, np.isinf(train["grad_norm"].to_numpy())))
    first = min(
        ((int(rows["step"].to_numpy()[bad][0]), name) for name, rows, bad in marks if bad.any()),
        default=None,
    )
    if first is None:
        return None
    step, name = first
    before = train.loc[(train["step"] < step) & np.isfinite(train["loss"]), "loss"]
    was = {"before": float(before.iloc[-1])} if len(before) else {}
    return Finding("not finite", name, {"step": step, **was})


def _diverging(train: pd.DataFrame, held: pd.DataFrame, noise: float) -> Finding | None:
    """Is the loss at the end above what it had reached before?"""
    loss = train["loss"].to_numpy(float)
    if len(loss) >= SHORTEST:
        size = window(len(loss))
        levels = np.convolve(loss, np.ones(size) / size, "valid")
        last, lowest = float(levels[-1]), float(levels[:-size].min())
        bound = max(_SURE * noise * math.sqrt(2 / size), _RISE * lowest)
        if last - lowest > bound:
            at = int(train["step"].iloc[int(levels[:-size].argmin()) + size - 1])
            return Finding(
                "diverging",
                "training",
                {"lowest": lowest, "last": last, "noise": noise, "step": at, "size": size},
            )
    if len(held) >= 2 and not _falls(train, int(held["step"].iloc[0])):
        first, last = held["eval_loss"].iloc[0], held["eval_loss"].iloc[-1]
        if last > first * (1 + _TURN_ONCE):
            case = "validation" if len(loss) > 1 else "one step"
            return Finding("diverging", case, {"first": first, "last": last})
    return None


def exploding(train: pd.DataFrame) -> Finding | None:
    """Is the gradient norm at the end far above the usual?"""
    norms = _column(train, "grad_norm")
    if len(norms) < SHORTEST:
        return None
    size = window(len(norms))
    usual, last = float(np.median(norms[:-size])), float(np.median(norms[-size:]))
    if last <= _EXPLODED * usual:
        return None
    return Finding("gradient", "", {"usual": usual, "last": last, "size": size})


def _overfitting(train: pd.DataFrame, held: pd.DataFrame) -> Finding | None:
    """Has the validation loss turned up while the training loss goes on falling?"""
    if len(held) < 2:
        return None
    losses = held["eval_loss"].to_numpy(float)
    best = int(losses.argmin())
    after = losses[best + 1 :]
    if not len(after):
        return None
    lowest, last = losses[best], losses[-1]
    turned = last > lowest * (1 + _TURN_ONCE) or (
        len(after) >= 2 and (after[-2:] > lowest * (1 + _TURN_TWICE)).all()
    )
    step = int(held["step"].iloc[best])
    if not turned or not _falls(train, step):
        return None
    numbers = {"step": step, "lowest": float(lowest), "last": float(last)}
    return Finding("overfitting", "later" if best else "at once", numbers, _epoch(held, best))


def _no_learning(train: pd.DataFrame, held: pd.DataFrame, noise: float) -> Finding | None:
    """Is it certain that the loss fell by less than a training is worth?"""
    loss = train["loss"].to_numpy(float)
    if len(loss) < SHORTEST:
        return None
    found = trend(loss)
    first, last, size = found["first"], found["last"], found["size"]
    error = noise * math.sqrt(2 / size)
    if len(held) >= 2:
        before, lowest = float(held["eval_loss"].iloc[0]), float(held["eval_loss"].min())
        # A training loss that certainly fell has learnt something, though nothing of use here.
        if before - lowest < _WORTH_VALIDATION * before and first - last <= 2 * error:
            numbers = {"before": before, "lowest": lowest, "first": first, "last": last}
            return Finding("no learning", "validation", {**numbers, "size": size})
        return None
    if first - last + 3 * error < _WORTH_TRAINING * first:
        numbers = {"first": first, "last": last, "noise": noise, "worth": _WORTH_TRAINING}
        return Finding("no learning", "training", {**numbers, "size": size})
    return None


# ---- what is worth knowing -------------------------------------------------------------------


def _spikes(train: pd.DataFrame) -> Finding | None:
    """Single steps far above their neighbours."""
    loss = train["loss"]
    if len(loss) < 2 * _NEIGHBOURS:
        return None
    around = loss.rolling(_NEIGHBOURS, center=True, min_periods=_NEIGHBOURS // 2 + 1).median()
    above = loss - around
    usual = 1.4826 * float(above.abs().median())  # as a standard deviation, if it is normal
    high = train[above > np.maximum(_SPIKE * usual, _SPIKE_SHARE * around)]
    if high.empty:
        return None
    worst, n = int(high["loss"].to_numpy().argmax()), len(high)
    highest, step = float(high["loss"].iloc[worst]), int(high["step"].iloc[worst])
    common = float(around[high.index].iloc[worst])
    return Finding("spikes", "", {"spikes": n, "step": step, "loss": highest, "usual": common})


def _still_falling(train: pd.DataFrame, held: pd.DataFrame, noise: float) -> Finding | None:
    """Was the loss at the end falling about as fast as over the whole training?"""
    if len(held) >= 3:
        steps, losses = held["step"].to_numpy(float), held["eval_loss"].to_numpy(float)
        before, last = losses[-2:]
        part = (steps[-1] - steps[-2]) / (steps[-1] - steps[0])
        slowed = before - last < 0.5 * part * (losses[0] - last)
        if slowed or last > losses.min() or before - last < _WORTH_TRAINING * before:
            return None
        numbers = {"before": float(before), "last": float(last), "step": int(steps[-2])}
        return Finding("still falling", "validation", numbers)
    loss = train["loss"].to_numpy(float)
    size = len(loss) // 4
    if size < 5:
        return None
    before, last = loss[-2 * size : -size].mean(), loss[-size:].mean()
    error = noise * math.sqrt(2 / size)
    if before - last < max(3 * error, _WORTH_TRAINING * before):
        return None
    return Finding("still falling", "training", {"before": float(before), "last": float(last)})


def _too_short(train: pd.DataFrame) -> Finding | None:
    n = len(train)
    if n >= SHORTEST:
        return None
    return Finding("too short", "few", {"steps": n})


def _fine(train: pd.DataFrame, held: pd.DataFrame) -> Finding:
    """No alarm: what the losses did, and whether that is more than noise."""
    loss = train["loss"].to_numpy(float)
    numbers: dict[str, float] = trend(loss)
    learnt, case, epoch = _fell(held) or bool(numbers.get("clear")), "", None
    if len(held) >= 2:
        losses = held["eval_loss"].to_numpy(float)
        best = int(losses.argmin())
        numbers |= {"eval_first": float(losses[0]), "eval_last": float(losses[-1])}
        numbers |= {"eval_lowest": float(losses[best]), "step": int(held["step"].iloc[best])}
        case = "lowest last" if best == len(losses) - 1 else "lowest between" if best else ""
        epoch = _epoch(held, best)
    norms = _column(train, "grad_norm")
    if len(norms) and float(np.median(norms)) > 0:
        numbers["gradient"] = float(norms.max() / np.median(norms))
    return Finding("fine" if learnt else "open", case, numbers, epoch)


# ---- arithmetic ------------------------------------------------------------------------------


def trend(loss: np.ndarray) -> dict[str, float]:
    """Where the losses of a training's steps, all finite, began and ended: `first` and `last`, the means of `size` steps each;
    of at least `SHORTEST` steps also the `noise` of one, and whether the fall is more than that explains (`clear`)."""
    size = min(window(len(loss)), len(loss))
    first, last = float(loss[:size].mean()), float(loss[-size:].mean())
    if len(loss) < SHORTEST:
        return {"first": first, "last": last, "size": size}
    noise = noise_of(loss)
    clear = first - last > 2 * noise * math.sqrt(2 / size)
    return {"first": first, "last": last, "size": size, "noise": noise, "clear": clear}


def window(n: int) -> int:
    """How many of n steps make a level: a fifth, and at least three."""
    return max(3, round(_PART * n))


def noise_of(loss: np.ndarray) -> float:
    """The standard deviation of a step's loss about its trend, from the differences of neighbours.

    A slow trend adds next to nothing to a difference (von Neumann, Ann. Math. Statist. 12, 1941).
    """
    return float(np.std(np.diff(loss)) / math.sqrt(2)) if len(loss) > 2 else 0.0


def _column(train: pd.DataFrame, name: str) -> np.ndarray:
    """The finite values of a column that may be missing."""
    values: np.ndarray = train[name].to_numpy(float) if name in train else np.array([])
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _falls(train: pd.DataFrame, step: int) -> bool:
    """Is training loss after a step lower than around it, or from there on going down?"""
    loss = train.loc[train["step"] > step, "loss"].to_numpy(float)
    before = train.loc[train["step"] <= step, "loss"].to_numpy(float)
    if len(loss) < 2:
        return False
    size = max(1, len(loss) // 3)
    reference = before[-size:] if len(before) else loss[:size]
    return bool(loss[-size:].mean() < reference.mean())


def _fell(held: pd.DataFrame) -> bool:
    losses = held["eval_loss"].to_numpy(float)
    return len(losses) >= 2 and bool(losses[0] - losses[-1] >= _WORTH_VALIDATION * losses[0])


def _epoch(held: pd.DataFrame, row: int) -> float | None:
    epoch = float(held["epoch"].iloc[row])
    return None if math.isnan(epoch) else epoch
