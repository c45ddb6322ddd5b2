"""Whether the verdict on a candidate depends on answers that are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmc_lib.analysis.missing import missing_answers
from llmc_lib.analysis.summary.table import Table, case
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.records import Word


def block(
    table: Table,
    model: str,
    thresholds: Thresholds,
    word: Word,
    adjusted: Callable[[float], float],
    level: float,
) -> dict[str, Any] | None:
    """The bounds of a comparison, and its complete pairs; None where no answer is missing. An "equal" that these change is
    not given (`comparisons`).

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
        case(
            name,
            comparison,
            adjusted(comparison.p_value),
            thresholds,
            low_is_good=table.low_is_good,
        )
        for name, comparison in (
            ("candidate_right", found.most if found.candidate else None),
            ("reference_right", found.least if found.reference else None),
            ("complete", found.complete),
        )
        if comparison is not None
    ]
    return {
        "candidate": found.candidate,
        "reference": found.reference,
        "cases": cases,
        "changes": any(each["verdict"] != word for each in cases),
    }
