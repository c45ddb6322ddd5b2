"""Does the log of a training by reinforcement, or on preference pairs, look right? Findings as those of `diagnosis`, whose words
they share.

A step's reward is that of the step's own prompts, and prompts differ in difficulty: a trend is one only where it is larger
than what steps differ by. The columns are those that TRL's GRPOTrainer logs, `methods.grpo.trainer`'s, and
`rewards.LOGGED`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from llmc_lib.training.diagnosis import (
    SHORTEST,
    Finding,
    exploding,
    noise_of,
    not_finite,
    window,
)
from llmc_lib.training.history import MARGIN, training_rows, validation_rows

REWARD, CORRECT = "reward", "correct"
LENGTH, ENTROPY, TRUNCATED = "completions/mean_length", "entropy", "completions/clipped_ratio"
CLAIMS, CLAIMS_PENALTY = "claims/per_thousand_tokens", "rewards/claims/mean"
SAME, WRONG, RIGHT = "frac_reward_zero_std", "groups/all_wrong", "groups/all_right"

# A level at the end differs "beyond noise" from the one at the start at this many standard errors of their difference.
_SURE = 3.0
# An entropy of a quarter of the first one: what is gained later comes out of ever fewer other ways to answer (Cui et al.
# 2025, https://arxiv.org/abs/2505.22617, figure 1: gains end where it is used up).
_ENTROPY_LEFT = 0.25
# Completions of half their length have lost their reasoning; claims of half their density were kept silent about.
_LENGTH_LEFT, _CLAIMS_LEFT = 0.5, 0.5
# More of the groups than this being all alike, most of what is generated teaches nothing.
_MOST = 0.5
# A truncated completion is wrong whatever it says: one in ten more is no small change.
_TRUNCATED_MORE = 0.1


class Trend(NamedTuple):
    """A number at the start and at the end of a training (means of a fifth of its steps), and the standard error of the
    difference from what neighbouring steps differ by."""

    first: float
    last: float
    error: float
    size: int

    @property
    def change(self) -> float:
        """Last minus first."""
        return self.last - self.first

    @property
    def rises(self) -> bool:
        """Beyond noise?"""
        return self.change > _SURE * self.error

    @property
    def falls(self) -> bool:
        """Beyond noise?"""
        return -self.change > _SURE * self.error


def trend(rows: pd.DataFrame, column: str) -> Trend | None:
    """The trend of a column of the log; None where fewer than ten steps have it."""
    values = _finite(rows, column)
    if len(values) < SHORTEST:
        return None
    size = window(len(values))
    error = noise_of(values) * math.sqrt(2 / size)
    return Trend(float(values[:size].mean()), float(values[-size:].mean()), error, size)


def diagnose_rewards(history: pd.DataFrame) -> list[Finding]:
    """What the log of a training by reinforcement shows, alarms first; never an empty list.

    Parameters: `history`, a row a logged event: step, reward, correct, rewards/<name>/mean, completions/mean_length,
    entropy, … of an optimizer step; step and the same with eval_ in front of a validation pass. A column that is not there was
    not logged.
    """
    train, held = training_rows(history), validation_rows(history)
    rewards = _finite(train, REWARD)
    if not len(rewards):
        return [Finding("too short", "nothing")]
    if broken := not_finite(train, held.iloc[:0]):
        return [broken]
    found = [
        _without_accuracy(train, held),
        _collapse(train, "length collapse", LENGTH, _LENGTH_LEFT),
        _collapse(train, "entropy collapse", ENTROPY, _ENTROPY_LEFT),
        _no_variance(train),
        _truncation(train),
        _silence(train),
        exploding(train),
    ]
    alarms = [finding for finding in found if finding]
    if len(rewards) < SHORTEST:
        return [*alarms, Finding("too short", "rewards", {"steps": len(rewards)})]
    return alarms or [_as_it_should(train, held)]


# ---- what is wrong ---------------------------------------------------------------------------


def _without_accuracy(train: pd.DataFrame, held: pd.DataFrame) -> Finding | None:
    """Does the reward rise while the share of right answers does not, on held-out prompts or, where there are none, in
    the training itself?"""
    reward = trend(train, REWARD)
    if reward is None or not reward.rises:
        return None
    numbers = {"first": reward.first, "last": reward.last, "size": reward.size}
    before, after = _ends(held)
    if before is not None and after is not None:
        if after > before:
            return None
        return Finding("reward alone", "held out", {**numbers, "before": before, "after": after})
    right = trend(train, CORRECT)
    if right is None or right.change > right.error:
        return None
    return Finding(
        "reward alone", "training", {**numbers, "before": right.first, "after": right.last}
    )


def _collapse(train: pd.DataFrame, kind: str, column: str, left: float) -> Finding | None:
    found = trend(train, column)
    if found is None or not found.falls or found.last > left * found.first:
        return None
    return Finding(kind, "", {"first": found.first, "last": found.last, "size": found.size})


def _no_variance(train: pd.DataFrame) -> Finding | None:
    """Are most groups of the last steps (of all, where they are few) all alike?"""
    same = _finite(train, SAME)
    if len(same) < 3:
        return None
    size = window(len(same)) if len(same) >= SHORTEST else len(same)
    share = float(same[-size:].mean())
    if share <= _MOST:
        return None
    numbers = {"share": share, "size": float(size)}
    wrong, right = _finite(train, WRONG), _finite(train, RIGHT)
    if not len(wrong) or not len(right):
        return Finding("no variance", "", numbers)
    numbers |= {"wrong": float(wrong[-size:].mean()), "right": float(right[-size:].mean())}
    # Alike, and neither all right nor all wrong.
    if max(numbers["wrong"], numbers["right"]) < share / 4:
        return Finding("no variance", "", numbers)
    case = "hard" if numbers["wrong"] > 2 * numbers["right"] else "both"
    case = "easy" if numbers["right"] > 2 * numbers["wrong"] else case
    return Finding("no variance", case, numbers)


def _truncation(train: pd.DataFrame) -> Finding | None:
    found = trend(train, TRUNCATED)
    if found is None or not found.rises or found.change < _TRUNCATED_MORE:
        return None
    return Finding("truncation", "", {"first": found.first, "last": found.last, "size": found.size})


def _silence(train: pd.DataFrame) -> Finding | None:
    """Is the penalty for false claims lower because fewer claims are made?"""
    penalty, claims = trend(train, CLAIMS_PENALTY), trend(train, CLAIMS)
    if penalty is None or claims is None or not penalty.rises or not claims.falls:
        return None
    if claims.last > _CLAIMS_LEFT * claims.first:
        return None
    numbers = {"first": claims.first, "last": claims.last, "size": claims.size}
    return Finding("silence", "", {**numbers, "before": penalty.first, "after": penalty.last})


# ---- what is right ---------------------------------------------------------------------------


def _as_it_should(train: pd.DataFrame, held: pd.DataFrame) -> Finding:
    """No alarm: does the reward rise, and do right answers on held-out prompts?"""
    reward = trend(train, REWARD)
    assert reward is not None
    numbers = {
        "first": reward.first,
        "last": reward.last,
        "size": reward.size,
        "noise": reward.error,
    }
    before, after = _ends(held)
    if before is not None and after is not None:
        numbers |= {"before": before, "after": after}
    if reward.rises:
        return Finding("rewarded", "held out" if "before" in numbers else "", numbers)
    case = "falls" if reward.falls else "flat"
    return Finding("no gain", case, numbers)


def _ends(held: pd.DataFrame) -> tuple[float | None, float | None]:
    """The share of right answers on held-out prompts, first and last."""
    values = _finite(held, f"eval_{CORRECT}")
    return (float(values[0]), float(values[-1])) if len(values) > 1 else (None, None)


def _finite(rows: pd.DataFrame, column: str) -> np.ndarray:
    if column not in rows:
        return np.array([])
    values: np.ndarray = rows[column].to_numpy(float)
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


CHOSEN, REJECTED = "rewards/chosen", "rewards/rejected"
# A fall of the chosen response that is a smaller part of the margin's rise is not what made it.
_PART = 0.1


def chosen_falls(history: pd.DataFrame) -> Finding | None:
    """The margin rises because the rejected response falls further than the chosen one, which falls as well: probability goes to
    a third kind of answer, which nobody has seen. Razin et al., "Unintentional Unalignment: Likelihood Displacement in Direct
    Preference Optimization" (arXiv:2410.08847), whose refusals became fewer that way.

    None where the log has fewer than ten steps, where either is within the noise of the steps, and where the chosen response
    falls by less than a tenth of what the margin gains.
    """
    train = training_rows(history)
    margin, chosen, rejected = (trend(train, column) for column in (MARGIN, CHOSEN, REJECTED))
    if margin is None or chosen is None or rejected is None:
        return None
    if not (margin.rises and chosen.falls) or -chosen.change < _PART * margin.change:
        return None
    numbers = {
        "size": chosen.size,
        "first": chosen.first,
        "last": chosen.last,
        "rejected_first": rejected.first,
        "rejected_last": rejected.last,
    }
    return Finding("chosen falls", "odds" if "log_odds_chosen" in train else "", numbers)
