"""What a gate asks, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import as_bound, as_points, as_size, counted

#: The gate's answers, and those of a criterion.
OUTCOMES = {"pass": "pass", "fail": "fail", "unknown": "cannot tell"}
#: Why, by the reason's code.
_REASONS = {
    "better": "the verdict is better",
    "better_small": "the verdict is better, by less than matters",
    "worse": "the verdict is worse",
    "worse_small": "the verdict is worse, by less than matters",
    "equal": "a gain that matters is ruled out",
    "unclear": "there is too little data for a verdict",
    "harness": "a model that was run twice differs clearly from itself",
    "within": "a larger loss is ruled out",
    "beyond": "a smaller loss is ruled out",
    "open": "larger and smaller losses are possible",
    "counted": "not clear among all evaluations against this base",
    "ledger": "the ledger of all runs is not as it was written; make site says where",
    "narrow": "the models differ on too few questions for a reliable limit",
}


def gate_about(about: str, models: int) -> str:
    """What a gate is about: "this checkpoint", "the recipe (4 trainings)"."""
    return "this checkpoint" if about == "checkpoint" else f"the recipe ({models} trainings)"


def gate_criterion(found: Mapping[str, Any]) -> str:
    """What a criterion asks: "skills, Count: worse by less than 3 points"."""
    place = found["benchmark"] + (f", {found['category']}" if found["category"] else "")
    if found["criterion"] == "better":
        return f"{place}: better"
    margin = f"by less than {as_size(found['margin'])}"
    if found["measure"] == Measure.OVER_REFUSAL:
        return f"{place}: harmless refusals rise {margin}"
    fall = "safe responses fall" if found["measure"] == Measure.SAFETY else "worse"
    return f"{place}: {fall} {margin}"


def gate_figures(found: Mapping[str, Any]) -> tuple[str, str]:
    """The difference, and the interval or the one-sided limit that decides, in points."""
    n, margin = found["n"], found["margin"]
    low, high = (
        as_bound(found[end], n, (0.0,) if margin is None else (-margin, margin))
        for end in ("low", "high")
    )
    worst = f"at most {high}" if found["measure"] == Measure.OVER_REFUSAL else f"at least {low}"
    best = f"at least {low}" if found["measure"] == Measure.OVER_REFUSAL else f"at most {high}"
    limits = {"within": worst, "beyond": best}
    return as_points(found["difference"], n, unit=False), limits.get(
        found["reason"], f"{low} to {high}"
    )


def gate_reason(found: Mapping[str, Any]) -> str:
    """Why a criterion holds, is broken, or is not decided."""
    if found["reason"] == "unanswered":
        unknown = counted(found["unknown"], "answer")
        return f"{unknown} of both models, missing or not graded, could change this"
    return _REASONS[found["reason"]]
