"""Whether the verdict on a candidate depends on answers that are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.missing import missing_answers
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import Thresholds, verdict
from llmc_lib.formatting import as_p, as_points, counted


def block(
    table: Table,
    model: str,
    thresholds: Thresholds,
    word: str,
    adjusted: Callable[[float], float],
    level: float,
) -> dict[str, Any] | None:
    """The bounds of a comparison, and its complete pairs; None where no answer is missing.

    Parameters: the `word` as counted; `adjusted`, a p-value → adjusted for all candidates; `level`, at which the
    comparison with one candidate is made. A request that failed is a missing answer, too.
    """
    outcomes, reference = table.outcomes, table.outcomes.reference
    lacks = table.missing
    found = missing_answers(
        outcomes.correct[model],
        outcomes.correct[reference],
        lacks[model],
        lacks[reference],
        alpha=level,
        clusters=outcomes.cluster,
    )
    if found is None:
        return None
    cases = [
        _case(name, comparison, adjusted(comparison.p_value), thresholds, len(outcomes.candidates))
        for name, comparison in (
            ("candidate_right", found.most if found.candidate else None),
            ("reference_right", found.least if found.reference else None),
            ("complete", found.complete),
        )
        if comparison is not None
    ]
    changes = any(case["verdict"] != word for case in cases)
    return {
        "candidate": found.candidate,
        "reference": found.reference,
        "cases": cases,
        "changes": changes,
        "sentence": _sentence(found.candidate, found.reference, (model, reference), cases, thresholds)
        if changes
        else "",
    }  # fmt: skip


def _case(
    name: str,
    comparison: PairedComparison,
    p_adjusted: float,
    thresholds: Thresholds,
    compared: int,
) -> dict[str, Any]:
    words = verdict(
        comparison,
        (0.0, 0.0),
        ("", ""),
        p_adjusted=p_adjusted,
        thresholds=thresholds,
        compared=compared,
    )
    return {
        "case": name,
        "n": comparison.n,
        "difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "p_adjusted": p_adjusted,
        "verdict": words.word,
    }


def _sentence(
    of_candidate: int,
    of_reference: int,
    names: tuple[str, str],
    cases: list[dict[str, Any]],
    thresholds: Thresholds,
) -> str:
    """What the word depends on: one sentence for the verdict's block."""
    counts = {name: n for name, n in zip(names, (of_candidate, of_reference), strict=True) if n}
    lacking = " and ".join(f"{counted(n, 'answer')} of {name}" for name, n in counts.items())
    one = sum(counts.values()) == 1
    told = []
    for case in cases:
        if case["case"] == "complete":
            when = f"on the {counted(case['n'], 'question')} that both answered"
        elif len(counts) > 1:
            name = names[0] if case["case"] == "candidate_right" else names[1]
            when = f"if only those of {name} were right"
        else:
            when = "if it were right" if one else "if they were right"
        p = as_p(case["p_adjusted"], thresholds.significance)
        told.append(
            f"{when}, {case['verdict']} ({as_points(case['difference'], case['n'])}, p {p})"
        )
    return (
        f"{lacking} {'is' if one else 'are'} missing and {'counts' if one else 'count'} as wrong, and the verdict "
        f"depends on {'it' if one else 'them'}: {'; '.join(told)}."
    )
