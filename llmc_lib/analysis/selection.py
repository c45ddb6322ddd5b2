"""Choose among candidates by a rule that was set before the results were seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def select(block: dict[str, Any], better_in: Sequence[str]) -> dict[str, Any]:
    """Apply the rule "better than the reference overall and in these categories".

    Parameters: `block`, a benchmark of metrics.json with accuracies; `better_in`, categories (those that
    the benchmark lacks are ignored and named). Better means a higher rate, by however little: the rule
    as teams use it, which takes no account of chance. Of several candidates that meet it the one with the
    highest rate overall is chosen, of equal ones the first.

    Returns the `selection` block of metrics.json: better_in, ignored, eligible (names), chosen (a name or
    None), difference (of the chosen one to the reference, a fraction; None).
    """
    known = {name for comparison in block["comparisons"] for name in comparison["categories"]}
    wanted = [name for name in better_in if name in known]
    eligible = [
        c
        for c in block["comparisons"]
        if c["difference"] > 0 and all(c["categories"][name]["difference"] > 0 for name in wanted)
    ]
    chosen = max(eligible, key=lambda c: c["difference"], default=None)
    return {
        "better_in": wanted,
        "ignored": [name for name in better_in if name not in known],
        "candidates": len(block["comparisons"]),
        "eligible": [c["model"] for c in eligible],
        "chosen": chosen and chosen["model"],
        "difference": chosen and chosen["difference"],
        "verdict": chosen and chosen["verdict"],
    }
