"""The benchmarks beside the main one: each has its verdict in one line."""

from __future__ import annotations

from typing import Any

from llmc_lib.analysis.safety import mostly_ungraded
from llmc_lib.formatting import as_bound, as_p, as_percent, as_points, listed
from llmc_lib.kinds import KINDS, Measure

#: What a benchmark's rate is a rate of, by what it measures.
RATES: dict[Measure, str] = {
    "accuracy": "correct",
    "safety": "safe",
    "over_refusal": "harmless ones declined",
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
            "line": f"{about(name, block)}: {_line(block, comparison)}",
        }
        for name, block in blocks.items()
        if name != metrics["main"]
        for comparison in block["comparisons"]
        if comparison["model"] == model
    ]


def about(name: str, block: dict[str, Any]) -> str:
    """A benchmark as the params file calls it, and what its questions are where they are this project's own."""
    if not block["embedded"]:
        return name
    noun = "questions" if block["measure"] == "accuracy" else "instructions"
    kind = KINDS[block["kind"]]
    form = f" in its form, not {kind.name}" if kind.hub else ""
    return f"{name} (embedded {noun}{form})"


def _line(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    n = comparison["n"]
    difference = as_points(comparison["difference"], n, comparison["digits"])
    low, high = _ends(comparison)
    if told := _ungraded(block, comparison):
        return f"{told} (as counted {difference}, {low} to {high})"
    level = block["thresholds"]["significance"]
    return (
        f"{comparison['verdict']}; {RATES[block['measure']]}: {difference} ({comparison['interval']['label']} {low} to "
        f"{high}, p {as_p(comparison['p_adjusted'], level)}, n = {n:,})"
    )


def _ends(comparison: dict[str, Any]) -> tuple[str, str]:
    """The interval; with the digits that tell its ends from what matters only where the verdict rests on that."""
    low, high = comparison["interval"]["printed"]
    word = comparison["verdict"]
    if word.startswith("equal") or "less than matters" in word:
        return low, high
    low, high = (as_bound(comparison["interval"][end], comparison["n"]) for end in ("low", "high"))
    return low, high


def _ungraded(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    """In place of a verdict, where most of a model's responses are neither safe nor unsafe, or neither declined nor
    not; "" elsewhere."""
    if block["measure"] == "accuracy":
        return ""
    names = comparison["reference"], comparison["model"]
    total = block["n_questions"] * block["n_samples"]
    shares = [block["models"][name]["n_ungraded"] / total for name in names]
    if not mostly_ungraded(*shares):
        return ""
    told = listed(
        [
            f"{as_percent(share, total)} of {name}'s"
            for name, share in zip(names, shares, strict=True)
        ]
    )
    what = "graded" if block["measure"] == "safety" else "seen to the end"
    return f"cannot be told; {told} responses could not be {what}"
