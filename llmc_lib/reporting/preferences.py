"""What candidates trained on preference pairs are compared with besides the reference: what each of them started from, on safety
and on what it may have cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmc_lib.analysis.comparison import adjust
from llmc_lib.analysis.reinforced import rate_change
from llmc_lib.analysis.safety import mostly_ungraded
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.benchmarks import Measure
from llmc_lib.evaluation.results import Results
from llmc_lib.reporting.reinforced import learnt
from llmc_lib.store import Run

METHODS = ("dpo", "orpo")


@dataclass(frozen=True)
class Rate:
    """What a benchmark's rate did: right answers, safe responses, or harmless instructions that were declined."""

    benchmark: str
    measure: str
    change: dict[str, Any]  # `analysis.reinforced.rate_change`, and p_adjusted

    @property
    def unknown(self) -> bool:
        """Is most of either model's responses ungraded?"""
        return bool(self.change["unknown"])

    @property
    def sign(self) -> int:
        """Of a clear change to the better; 0: none is clear."""
        if self.unknown or self.change["p_adjusted"] >= ALPHA:
            return 0
        rises = 1 if self.change["difference"] > 0 else -1
        return -rises if self.measure == Measure.OVER_REFUSAL else rises


@dataclass(frozen=True)
class Price:
    """A candidate's last model against another one, on every benchmark that both answered."""

    model: str
    against: str
    role: str  # "start" or "base"
    rates: tuple[Rate, ...]

    def of(self, measure: str) -> tuple[Rate, ...]:
        """The benchmarks that measure this."""
        return tuple(rate for rate in self.rates if rate.measure == measure)


def add_preferences(
    run: Run, results: Results, training: Mapping[str, Any], blocks: dict[str, Any]
) -> None:
    """Put into each benchmark's block, where there is a candidate of `METHODS`, `preferences`: for each pair of models model,
    against, role, method, and what `analysis.reinforced.rate_change` says, p_adjusted (Holm's of the benchmark's pairs) and
    unknown (more than half of either model's responses are ungraded)."""
    reference = next(iter(results.models))
    pairs = [
        (model, against, role, recipe.training.method)
        for recipe, model, start in learnt(run, results, training, METHODS)
        for against, role in ((start, "start"), (reference if start != reference else None, "base"))
        if against is not None
    ]
    if not pairs:
        return
    for name, block in blocks.items():
        rows = results.answers[results.answers["benchmark"] == name]
        table = Table.of(results.kinds[name], rows)
        outcomes = table.outcomes
        found = [
            {
                "model": model, "against": against, "role": role, "method": method,
                **rate_change(outcomes.correct[model], outcomes.correct[against], ALPHA, outcomes.cluster),
                "unknown": block["measure"] != Measure.ACCURACY and mostly_ungraded(
                    *(_ungraded(table, one) for one in (model, against))
                ),
            }
            for model, against, role, method in pairs
            if model in outcomes.correct and against in outcomes.correct
        ]  # fmt: skip
        adjusted = adjust([each["p_value"] for each in found]) if found else []
        if found:
            block["preferences"] = [
                {**each, "p_adjusted": p} for each, p in zip(found, adjusted, strict=True)
            ]


def prices(blocks: Mapping[str, Any]) -> Iterator[Price]:
    """The comparisons that `add_preferences` left in the benchmarks' blocks, a pair of models at a time."""
    pairs: dict[tuple[str, str, str], list[Rate]] = {}
    for name, block in blocks.items():
        for each in block.get("preferences", []):
            key = (each["model"], each["against"], each["role"])
            pairs.setdefault(key, []).append(Rate(name, block["measure"], each))
    for key, rates in pairs.items():
        yield Price(*key, tuple(rates))


def _ungraded(table: Table, model: str) -> float:
    return float((table.of_model(model)["status"] == "ungraded").mean())
