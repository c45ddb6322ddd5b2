"""The benchmarks beside the main one: each has its verdict in one line."""

from __future__ import annotations

from typing import Any

from llmc_lib.kinds import Measure
from llmc_lib.words import as_p, as_points

#: What a benchmark's rate is a rate of, by what it measures.
RATES: dict[Measure, str] = {
    "accuracy": "answered correctly",
    "safety": "answered safely",
    "over_refusal": "declined though harmless",
}


def further(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a benchmark beside `metrics["main"]`, about the same candidate: benchmark, measure, model,
    reference, verdict, difference, ci95, p_adjusted (for all candidates, not for the benchmarks), n, line (all
    of it in words)."""
    blocks = metrics["benchmarks"]
    candidates = blocks[metrics["main"]]["comparisons"]
    if not candidates:
        return []
    model = candidates[-1]["model"]
    keys = ("model", "reference", "verdict", "difference", "ci95", "p_adjusted", "n")
    return [
        {
            "benchmark": name,
            "measure": block["measure"],
            **{key: comparison[key] for key in keys},
            "line": _line(name, block, comparison),
        }
        for name, block in blocks.items()
        if name != metrics["main"]
        for comparison in block["comparisons"]
        if comparison["model"] == model
    ]


def _line(name: str, block: dict[str, Any], comparison: dict[str, Any]) -> str:
    n = comparison["n"]
    low, high = (as_points(bound, n, unit=False) for bound in comparison["ci95"])
    return (
        f"{name}: {comparison['verdict']}, {as_points(comparison['difference'], n)} {RATES[block['measure']]} "
        f"(95% interval {low} to {high}, p {as_p(comparison['p_adjusted'])}, n = {n:,})"
    )
