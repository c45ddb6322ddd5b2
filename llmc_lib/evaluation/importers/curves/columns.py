"""What trainers call the quantities that a report shows, and what they are called here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

#: Logged events of another program, in their order: name → value.
Rows = Iterator[Mapping[str, Any]]

#: Our column → the names that trainers use, the first one found counts: transformers and TRL (in files without the
#: "train/" that they give trackers), verl's SFT and RL trainers, LLaMA-Factory. Those of reinforcement learning are TRL's.
_NAMES: dict[str, tuple[str, ...]] = {
    "step": (
        "train/global_step", "training/global_step", "global_step", "step", "current_steps", "_step",
    ),
    "epoch": ("epoch", "train/epoch", "training/epoch"),
    "loss": ("loss", "train/loss", "training/loss"),
    "eval_loss": ("eval_loss", "eval/loss", "val/loss", "val_loss", "valid/loss", "validation/loss"),
    "grad_norm": ("grad_norm", "train/grad_norm", "actor/grad_norm"),
    "learning_rate": ("learning_rate", "train/learning_rate", "lr", "train/lr", "actor/lr", "train/lr(1e-3)"),
    "num_tokens": ("num_tokens", "train/num_tokens", "num_input_tokens_seen", "train/num_input_tokens_seen"),
    "seconds": ("seconds", "_runtime"),
    "reward": ("reward", "train/reward", "critic/rewards/mean", "critic/score/mean"),
    "reward_std": ("reward_std", "train/reward_std"),
    "kl": ("kl", "train/kl", "actor/kl_loss", "actor/ppo_kl"),
    "entropy": ("entropy", "train/entropy", "actor/entropy", "actor/entropy_loss"),
    "completions/mean_length": (
        "completions/mean_length", "train/completions/mean_length", "response_length/mean",
    ),
    "completions/clipped_ratio": (
        "completions/clipped_ratio", "train/completions/clipped_ratio", "response_length/clip_ratio",
    ),
    "step_time": ("step_time", "train/step_time", "perf/time_per_step", "timing_s/step"),
}  # fmt: skip
#: Units in which a name's values are.
_UNITS = {"train/lr(1e-3)": 1e-3}
#: Columns that say when an event was, not what was measured.
_WHEN = {"step", "epoch", "seconds", "num_tokens"}
_WORDS = {"nan", "inf", "infinity", "-inf", "-infinity"}


def translated(values: Mapping[str, Any]) -> dict[str, Any]:
    """A logged event in our columns; {} where it measures nothing that is shown, or has no step."""
    row: dict[str, Any] = {}
    for column, names in _NAMES.items():
        for name in names:
            number = _number(values.get(name))
            if number is not None:
                row[column] = number * _UNITS.get(name, 1)
                break
    step = row.get("step")
    if step is None or not math.isfinite(step) or not 0 <= step < 2**53 or row.keys() <= _WHEN:
        return {}
    return {**row, "step": int(step)}


def _number(value: Any) -> float | None:
    """A number as a program logs it: also NaN as a text, which JSON has no word for."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return float(value) if value.lower() in _WORDS else None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 or not math.isfinite(value) else None
    return None
