"""Figures as `summarise` has them, of arrays that a test makes: for sentences, without all the rest of a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from llmc_lib.analysis import PairedComparison, Thresholds, paired_comparison, verdict
from llmc_lib.analysis.rerun import predict
from llmc_lib.benchmarks import measure
from llmc_lib.reporting.sentences.tell import tell_comparison

#: The rerun of a comparison that is about something else.
RERUN = predict(0.0, 100, 0.1, score=False, basis="bound")


def compared(n: int, gained: int, lost: int, alpha: float = 0.05) -> PairedComparison:
    """Two models on n questions."""
    at = np.arange(n)
    return paired_comparison(at < gained, (at >= gained) & (at < gained + lost), alpha)


def block(
    rates: Mapping[str, float],
    n: int,
    *,
    kind: str = "hle",
    thresholds: Thresholds | None = None,
    samples: int = 1,
    ungraded: Sequence[int] = (0, 0),
) -> dict[str, Any]:
    """A benchmark's block, with the rates of its models and no comparison."""
    key = {"safety": "safe_rate", "over_refusal": "over_refusal_rate"}.get(
        measure(kind), "accuracy"
    )
    return {
        "kind": kind,
        "measure": measure(kind),
        "embedded": False,
        "n_questions": n,
        "n_samples": samples,
        "thresholds": (thresholds or Thresholds()).as_dict(),
        "models": {
            name: {key: rate, "n_samples": samples, "n_ungraded": count}
            for (name, rate), count in zip(rates.items(), ungraded, strict=True)
        },
        "repeats": [],
        "comparisons": [],
    }


def comparison(
    found: PairedComparison,
    thresholds: Thresholds | None = None,
    *,
    names: tuple[str, str] = ("tuned", "base"),
    p_adjusted: float | None = None,
    candidates: int = 1,
    groups: Mapping[str, bool] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A comparison as the analysis has it; `groups`: category → is the difference clear there, in the same direction?"""
    limits = thresholds or Thresholds()
    parts = {
        name: {"significant": clear, "difference": found.difference}
        for name, clear in (groups or {}).items()
    }
    return {
        "model": names[0],
        "reference": names[1],
        "difference": found.difference,
        "n": found.n,
        "test": found.test,
        "p_adjusted": found.p_value if p_adjusted is None else p_adjusted,
        "verdict": verdict(found, limits, p_adjusted),
        "interval": {
            "low": found.low,
            "high": found.high,
            "level": found.alpha,
            "candidates": candidates,
            "narrow": found.narrow,
            "equivalence": [found.inner_low, found.inner_high],
        },
        "variance": {"within": None},
        "rerun": {**asdict(RERUN), "greedy": False, "picked_from": 0},
        "needed": None,
        "missing": None,
        "prompts": None,
        "categories": parts,
        "risk_areas": parts,
        **more,
    }


def told(found: PairedComparison, rates: tuple[float, float], **options: Any) -> dict[str, Any]:
    """A comparison with its words, of two models with these rates."""
    limits = options.get("thresholds")
    made = comparison(found, limits, **{k: v for k, v in options.items() if k != "thresholds"})
    names = made["model"], made["reference"]
    return tell_comparison(
        block(dict(zip(names, rates, strict=True)), found.n, thresholds=limits), made
    )
