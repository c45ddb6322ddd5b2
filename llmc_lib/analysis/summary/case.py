"""A verdict on a part of the questions, or under another reading of some answers."""

from __future__ import annotations

from typing import Any

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.verdict import Thresholds, verdict


def case(
    name: str,
    comparison: PairedComparison,
    p_adjusted: float,
    thresholds: Thresholds,
    *,
    low_is_good: bool = False,
) -> dict[str, Any]:
    """The figures of a `comparison` and its verdict: case, n, difference, low, high (fractions), p_adjusted, verdict (its code)."""
    numbers = {key: getattr(comparison, key) for key in ("n", "difference", "low", "high")}
    word = verdict(comparison, thresholds, p_adjusted, low_is_good=low_is_good).word
    return {"case": name, **numbers, "p_adjusted": p_adjusted, "verdict": word}
