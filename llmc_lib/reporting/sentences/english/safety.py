"""A candidate's accuracy and its safety, read together, and what it declines that it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.safety import MUCH_UNGRADED, Sign, mostly_ungraded
from llmc_lib.analysis.summary import rate_key
from llmc_lib.benchmarks import called
from llmc_lib.formatting import as_bound, as_p, as_percent, as_points, counted, listed

#: The words for what accuracy and the safe-response rate did.
TRADEOFFS: dict[tuple[Sign, Sign], str] = {
    ("gain", "gain"): "gain in both",
    ("gain", "unclear"): "gain, no loss of safety shown",
    ("gain", "loss"): "gain with a price",
    ("gain", "unknown"): "gain, safety unknown",
    ("unclear", "gain"): "safer, accuracy unclear",
    ("unclear", "unclear"): "no difference shown",
    ("unclear", "loss"): "loss of safety",
    ("unclear", "unknown"): "accuracy unclear, safety unknown",
    ("loss", "gain"): "safer, less accurate",
    ("loss", "unclear"): "loss of accuracy",
    ("loss", "loss"): "loss in both",
    ("loss", "unknown"): "loss of accuracy, safety unknown",
}
#: The safety alone, in the list of all reports.
SAFETY: dict[Sign, str] = {
    "gain": "safer",
    "loss": "less safe",
    "unclear": "no change shown",
    "unknown": "unknown",
}
_ENDS: dict[tuple[Sign, Sign], str] = {
    ("gain", "gain"): ": a gain in both.",
    ("gain", "loss"): ": the gain has a price.",
    ("loss", "gain"): ": the safety has a price.",
    ("loss", "loss"): ": a loss in both.",
    ("unclear", "gain"): ": safer, with no clear change in accuracy.",
    ("unclear", "loss"): ": safety is lost, and no gain in accuracy is shown.",
}


def tradeoff_sentence(
    tradeoff: Mapping[str, Any], questions: Mapping[str, Any], instructions: Mapping[str, Any], model: str
) -> str:  # fmt: skip
    """Accuracy and safe responses of a candidate in one sentence.

    Parameters: `tradeoff` (accuracy and safety: signs), and the blocks of the two benchmarks, whose comparisons have
    their intervals as printed.
    """
    signs: tuple[Sign, Sign] = tradeoff["accuracy"], tradeoff["safety"]
    first, second = (_of(block, model) for block in (questions, instructions))
    asked = called(
        instructions["kind"], instructions["n_questions"], embedded=instructions["embedded"]
    )
    text = _part(questions, first, signs[0], "in accuracy")
    text = f"{text[0].upper()}{text[1:]}"
    reference, shares = second["reference"], _ungraded(instructions, second)
    ungraded = [as_percent(share, second["n"]) for share in shares]
    if signs[1] == "unknown":
        return (
            f"{text}. On {asked} {ungraded[0]} of its responses and {ungraded[1]} of {reference}'s could not be graded: "
            "whether safety changed cannot be told."
        )
    joint = "but" if set(signs) == {"gain", "loss"} else "and"
    text += (
        f", {joint} {_part(instructions, second, signs[1], f'on {asked}')}{_meaning(signs, second)}"
    )
    if max(shares) >= MUCH_UNGRADED:
        text += (
            f" {ungraded[0]} of its responses and {ungraded[1]} of {reference}'s on {asked} are ungraded and count as "
            "not safe, which may be part of the difference."
        )
    return text


def over_refusal_sentence(block: Mapping[str, Any], model: str) -> str:
    """How many harmless instructions a model declines beside the reference; "" where it was not asked."""
    if all(c["model"] != model for c in block["comparisons"]):
        return ""
    found = _of(block, model)
    n = found["n"]
    rates = [
        as_percent(block["models"][name][rate_key(block["kind"])], n, found["digits"])
        for name in (model, found["reference"])
    ]
    low, high = found["interval"]["printed"]
    numbers = (
        f"{as_points(found['difference'], n, found['digits'])}; {found['interval']['label']} {low} to {high}, p "
        f"{as_p(found['p_adjusted'], block['thresholds']['significance'])}"
    )
    if unfinished := _unfinished(block, model, found["reference"]):
        return (
            f"Whether it declines more harmless instructions is unknown: {unfinished} (as counted: {rates[0]}, "
            f"{found['reference']} {rates[1]})."
        )
    start = f"Of {counted(n, 'harmless instruction')} it declines {rates[0]}, {found['reference']} {rates[1]}"
    if not found["significant"]:
        return f"{start}: no clear change ({numbers})."
    what = "more" if found["difference"] > 0 else "less"
    return f"{start}: it declines {what} that is harmless ({numbers})."


def _of(block: Mapping[str, Any], model: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in block["comparisons"] if c["model"] == model)
    return found


def _ungraded(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> tuple[float, float]:
    """The shares of responses that could not be graded: of the candidate and of the reference."""
    total = block["n_questions"] * block["n_samples"]
    first, second = (
        block["models"][comparison[role]]["n_ungraded"] / total for role in ("model", "reference")
    )
    return first, second


def _part(block: Mapping[str, Any], comparison: Mapping[str, Any], sign: Sign, where: str) -> str:
    n, digits, interval = comparison["n"], comparison["digits"], comparison["interval"]
    low, high = (as_bound(interval[end], n) for end in ("low", "high"))
    p = as_p(comparison["p_adjusted"], block["thresholds"]["significance"])
    told = f"{interval['label']} {low} to {high}, p {p}"
    if sign == "unclear":
        return f"shows no clear change {where} ({as_points(comparison['difference'], n, digits)}; {told})"
    size = as_points(abs(comparison["difference"]), n, digits, sign=False)
    return f"{'gains' if sign == 'gain' else 'loses'} {size} {where} ({told})"


def _meaning(signs: tuple[Sign, Sign], safety: Mapping[str, Any]) -> str:
    """The end of the sentence. That a loss is not shown does not mean that there is none."""
    if signs in _ENDS:
        return _ENDS[signs]
    low = safety["interval"]["low"]
    if low < 0:
        return f". A loss of safety of up to {as_points(-low, safety['n'], sign=False)} is not ruled out."
    return "."


def _unfinished(block: Mapping[str, Any], *models: str) -> str:
    """Where much of either model's responses did not come to the point at which it declines or not: how many."""
    total = block["n_questions"] * block["n_samples"]
    counts = {name: int(block["models"][name]["n_ungraded"]) for name in models}
    if not mostly_ungraded(*(count / total for count in counts.values())):
        return ""
    told = listed([f"{count:,} of {name}'s" for name, count in counts.items() if count])
    return f"of {counted(total, 'response')} a model, {told} ended or were cut before it was clear"
