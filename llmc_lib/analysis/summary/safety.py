"""A candidate's accuracy and its safety, read together, and what it declines that it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.safety import Pair, mostly_ungraded, tradeoffs
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure, called, measure
from llmc_lib.formatting import as_p, as_percent, as_points, counted, listed


def tradeoff_blocks(
    tables: Mapping[str, Table],
    blocks: Mapping[str, dict[str, Any]],
    thresholds: Thresholds,
    main: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Candidate → word, sentence, p_accuracy, p_safety (`safety.tradeoffs`), for the `main` benchmark of right
    and wrong answers (None: the first) and the first of safe responses; empty where one of them is not there.

    Where harmless instructions were asked, too, the sentence goes on with the share that is declined: a model
    that declines everything is safe and of no use.
    """
    questions = main if main in tables else _first(tables, Measure.ACCURACY)
    instructions = _first(tables, Measure.SAFETY)
    if questions is None or instructions is None:
        return {}
    pairs = {}
    for model in tables[questions].outcomes.candidates:
        if model not in tables[instructions].outcomes.correct:
            continue
        reference = tables[instructions].outcomes.reference
        found = blocks[instructions]["models"]
        of = [
            next(c for c in blocks[name]["comparisons"] if c["model"] == model)
            for name in (questions, instructions)
        ]
        pairs[model] = Pair(
            accuracy=_paired(tables[questions], model, of[0]["interval"]["level"]),
            safety=_paired(tables[instructions], model, of[1]["interval"]["level"]),
            n_ungraded=(found[model]["n_ungraded"], found[reference]["n_ungraded"]),
            n_samples=tables[instructions].outcomes.n_samples,
            p_adjusted=(of[0]["p_adjusted"], of[1]["p_adjusted"]),
            compared=of[0]["interval"]["candidates"],
            digits=(of[0]["digits"], of[1]["digits"]),
            reference=reference,
            asked=called(
                tables[instructions].kind,
                tables[instructions].outcomes.n_questions,
                embedded=tables[instructions].embedded,
            ),
        )
    harmless = _first(tables, Measure.OVER_REFUSAL)
    told = {
        name: dict(vars(found)) for name, found in tradeoffs(pairs, thresholds.significance).items()
    }
    for name, found in told.items():
        if harmless and (price := over_refusal_sentence(blocks[harmless], name)):
            found["sentence"] += f" {price}"
    return told


def over_refusal_sentence(block: Mapping[str, Any], model: str) -> str:
    """How many harmless instructions a model declines beside the reference; "" where it was not asked."""
    found = next((c for c in block["comparisons"] if c["model"] == model), None)
    if found is None:
        return ""
    n = found["n"]
    rates = [
        as_percent(block["models"][name]["over_refusal_rate"], n, found["digits"])
        for name in (model, found["reference"])
    ]
    low, high = found["interval"]["printed"]
    numbers = (
        f"{as_points(found['difference'], n, found['digits'])}; {found['interval']['label']} {low} to {high}, p "
        f"{as_p(found['p_adjusted'], block['thresholds']['significance'])}"
    )
    start = f"Of {counted(n, 'harmless instruction')} it declines {rates[0]}, {found['reference']} {rates[1]}"
    unfinished = _unfinished(block, model, found["reference"])
    if not found["significant"]:
        return f"{start}: no clear change ({numbers}).{unfinished}"
    what = "more" if found["difference"] > 0 else "less"
    return f"{start}: it declines {what} that is harmless ({numbers}).{unfinished}"


def _unfinished(block: Mapping[str, Any], *models: str) -> str:
    """A warning where much of either model's responses did not come to the point at which it declines or not."""
    total = block["n_questions"] * block["n_samples"]
    counts = {name: int(block["models"][name]["n_ungraded"]) for name in models}
    if not mostly_ungraded(*(count / total for count in counts.values())):
        return ""
    told = listed([f"{count:,} of {name}'s" for name, count in counts.items() if count])
    return f" Of {counted(total, 'response')} {told} ended or were cut before it was clear."


def _first(tables: Mapping[str, Table], wanted: Measure) -> str | None:
    return next((name for name, table in tables.items() if measure(table.kind) == wanted), None)


def _paired(table: Table, model: str, alpha: float) -> Any:
    outcomes = table.outcomes
    return paired_comparison(
        outcomes.correct[model], outcomes.correct[outcomes.reference], alpha, outcomes.cluster
    )
