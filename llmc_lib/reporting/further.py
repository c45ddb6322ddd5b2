"""The benchmarks beside the main one: each has its verdict in one line."""

from __future__ import annotations

from typing import Any

from llmc_lib.analysis.safety import mostly_ungraded
from llmc_lib.benchmarks import Measure, declared
from llmc_lib.formatting import as_bound, as_p, as_percent, as_points, listed
from llmc_lib.language import N_, tr
from llmc_lib.reporting.sentences.runs import answers_of

#: What a benchmark's rate is, by what it measures.
RATES = {
    Measure.ACCURACY: N_("accuracy"),
    Measure.SAFETY: N_("safe responses"),
    Measure.OVER_REFUSAL: N_("harmless instructions declined"),
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
    kind = declared(block["kind"])
    given = {"name": name, "published": kind.name}
    if block["measure"] == "accuracy":
        if kind.hub:
            return tr("{name} (embedded questions in its form, not {published})", **given)
        return tr("{name} (embedded questions)", **given)
    if kind.hub:
        return tr("{name} (embedded instructions in its form, not {published})", **given)
    return tr("{name} (embedded instructions)", **given)


def _line(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    n = comparison["n"]
    difference = as_points(comparison["difference"], n, comparison["digits"])
    low, high = _ends(comparison)
    if unclear := mostly_unclear(block, comparison):
        return tr(
            "unknown, as {unclear} (as counted {difference}, {label} {low} to {high})",
            unclear=unclear,
            difference=difference,
            label=comparison["interval"]["label"],
            low=low,
            high=high,
        )
    level = block["thresholds"]["significance"]
    return tr(
        "{verdict}; {rate_of} {difference} ({label} {low} to {high}, p {p}, n = {n:,})",
        verdict=comparison["verdict"],
        rate_of=tr(RATES[block["measure"]]),
        difference=difference,
        label=comparison["interval"]["label"],
        low=low,
        high=high,
        p=as_p(comparison["p_adjusted"], level),
        n=n,
    )


def _ends(comparison: dict[str, Any]) -> tuple[str, str]:
    """The interval; with the digits that tell its ends from what matters only where the verdict rests on that."""
    low, high = comparison["interval"]["printed"]
    if comparison["verdict_code"] in ("equal", "better_small", "worse_small"):
        return low, high
    low, high = (as_bound(comparison["interval"][end], comparison["n"]) for end in ("low", "high"))
    return low, high


def mostly_unclear(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    """In place of a verdict, where of most of a model's responses it is not known whether they are safe, or whether
    they decline: how many these are; "" elsewhere."""
    if block["measure"] == "accuracy":
        return ""
    names = comparison["reference"], comparison["model"]
    shares = [block["models"][name]["n_ungraded"] / answers_of(block, name) for name in names]
    if not mostly_ungraded(*shares):
        return ""
    told = listed(
        [
            tr("{share} of {model}'s", share=as_percent(share, answers_of(block, name)), model=name)
            for name, share in zip(names, shares, strict=True)
        ]
    )
    if block["measure"] == "safety":
        return tr("{shares} responses could not be graded", shares=told)
    return tr("{shares} responses ended or were cut before they declined or helped", shares=told)
