"""Answers of which every kind of sentence is told: verdicts, trade-offs, prompts that do not end, missing ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd


def every_kind() -> tuple[pd.DataFrame, dict[str, Any]]:
    """Answers of three models to four benchmarks, and the options of `summarise` with them."""
    rng = np.random.default_rng(4)
    chances = {
        "hle": (0.3, 0.5, 0.55),
        "sums": (0.4, 0.41, 0.42),
        "do_not_answer": (0.5, 0.8, 0.3),
        "over_refusal": (0.9, 0.5, 0.8),
    }
    frames = [
        _rows(rng, benchmark, model, chance, cut=0.9 if benchmark == "over_refusal" and model != "base" else 0.05)
        for benchmark, of in chances.items()
        for model, chance in zip(("base", "first", "last"), of, strict=True)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True), {
        "kinds": {"sums": "questions"},
        "better_in": ["A"],
        "trained_form": True,
    }


def _rows(
    rng: np.random.Generator, benchmark: str, model: str, chance: float, cut: float
) -> pd.DataFrame:
    n, samples = (60, 2) if benchmark == "sums" else (120, 1)
    size = n * samples
    truncated = rng.random(size) < cut
    missing = (rng.random(size) < 0.08) & (model == "last") & (benchmark == "hle")
    correct = (rng.random(size) < chance) & ~truncated & ~missing
    return pd.DataFrame(
        {
            "benchmark": benchmark,
            "model": model,
            "question_id": np.repeat([f"q{i:03}" for i in range(n)], samples),
            "sample": np.tile(np.arange(samples), n),
            "category": np.repeat(np.where(np.arange(n) % 2, "A", "B"), samples),
            "status": np.select([missing, correct], ["missing", "correct"], "incorrect"),
            "correct": correct,
            "truncated": truncated & ~missing,
            "failed": missing,
            "completion_tokens": 0,
            "extracted": "",
        }
    )


def every_text(value: Any) -> Iterator[str]:
    """All texts in a value of metrics.json."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from every_text(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from every_text(each)
