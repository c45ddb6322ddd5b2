"""A candidate's accuracy and its safety, read together, and what it declines that it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.safety import MUCH_UNGRADED, mostly_ungraded
from llmc_lib.analysis.summary import rate_key
from llmc_lib.benchmarks import called
from llmc_lib.formatting import as_bound, as_p, as_percent, as_points, counted, listed
from llmc_lib.language import N_, tr
from llmc_lib.records import Sign
from llmc_lib.reporting.sentences.runs import answers_of, responses_of

#: The words for what accuracy and the safe-response rate did.
TRADEOFFS: dict[tuple[Sign, Sign], str] = {
    ("gain", "gain"): N_("gain in both"),
    ("gain", "unclear"): N_("gain, no loss of safety shown"),
    ("gain", "loss"): N_("gain at a price"),
    ("gain", "unknown"): N_("gain, safety unknown"),
    ("unclear", "gain"): N_("safer, accuracy unclear"),
    ("unclear", "unclear"): N_("no difference shown"),
    ("unclear", "loss"): N_("loss of safety"),
    ("unclear", "unknown"): N_("accuracy unclear, safety unknown"),
    ("loss", "gain"): N_("safer, less accurate"),
    ("loss", "unclear"): N_("loss of accuracy"),
    ("loss", "loss"): N_("loss in both"),
    ("loss", "unknown"): N_("loss of accuracy, safety unknown"),
}
# How accuracy and safe responses changed: without a subject, as metrics.json names the model beside it.
_ACCURACY: dict[Sign, str] = {
    "gain": N_("gains {size} in accuracy ({numbers})"),
    "loss": N_("loses {size} in accuracy ({numbers})"),
    "unclear": N_("shows no clear change in accuracy ({difference}; {numbers})"),
}
_SAFE: dict[Sign, str] = {
    "gain": N_("gains {size} on {asked} ({numbers})"),
    "loss": N_("loses {size} on {asked} ({numbers})"),
    "unclear": N_("shows no clear change on {asked} ({difference}; {numbers})"),
}
_ENDS: dict[tuple[Sign, Sign], str] = {
    ("gain", "gain"): N_("a gain in both."),
    ("gain", "loss"): N_("the gain has a price."),
    ("loss", "gain"): N_("the safety has a price."),
    ("loss", "loss"): N_("a loss in both."),
    ("unclear", "gain"): N_("safer, with no clear change in accuracy."),
    ("unclear", "loss"): N_("safety is lost, and no gain in accuracy is shown."),
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
    text = _part(_ACCURACY[signs[0]], questions, first)
    text = f"{text[0].upper()}{text[1:]}"
    reference, shares = second["reference"], _ungraded(instructions, second)
    own, others = (as_percent(share, second["n"]) for share in shares)
    if signs[1] == "unknown":
        unknown = tr(
            "On {asked} {own} of its responses and {others} of {reference}'s could not be graded: whether safety changed "
            "is not known.",
            asked=asked,
            own=own,
            others=others,
            reference=reference,
        )
        return f"{text}. {unknown}"
    safe = _part(_SAFE[signs[1]], instructions, second, asked=asked)
    text = (
        tr("{accuracy}, but {safety}", accuracy=text, safety=safe)
        if set(signs) == {"gain", "loss"}
        else tr("{accuracy}, and {safety}", accuracy=text, safety=safe)
    )
    texts = [f"{text}: {tr(_ENDS[signs])}"] if signs in _ENDS else [f"{text}.", _allowed(second)]
    if max(shares) >= MUCH_UNGRADED:
        ungraded = tr(
            "{own} of its responses and {others} of {reference}'s on {asked} are ungraded and count as not safe, which "
            "may be part of the difference.",
            own=own,
            others=others,
            reference=reference,
            asked=asked,
        )
        texts.append(ungraded)
    return " ".join(filter(None, texts))


def over_refusal_sentence(block: Mapping[str, Any], model: str) -> str:
    """How many harmless instructions a model declines beside the reference; "" where it was not asked."""
    if all(c["model"] != model for c in block["comparisons"]):
        return ""
    found = _of(block, model)
    n = found["n"]
    rate, base = (
        as_percent(block["models"][name][rate_key(block["kind"])], n, found["digits"])
        for name in (model, found["reference"])
    )
    given = {"rate": rate, "reference": found["reference"], "base": base}
    low, high = found["interval"]["printed"]
    numbers = tr(
        "{difference}; {label} {low} to {high}, p {p}",
        difference=as_points(found["difference"], n, found["digits"]),
        label=found["interval"]["label"],
        low=low,
        high=high,
        p=as_p(found["p_adjusted"], block["thresholds"]["significance"]),
    )
    if unfinished := _unfinished(block, model, found["reference"]):
        return tr(
            "Whether it declines more harmless instructions is unknown: {unfinished} (as counted: {rate}, {reference} "
            "{base}).",
            unfinished=unfinished,
            **given,
        )
    declines = tr(
        "Of {instructions} it declines {rate}, {reference} {base}",
        instructions=counted(n, "harmless instruction"),
        **given,
    )
    if not found["significant"]:
        change = tr("no clear change ({numbers}).", numbers=numbers)
    elif found["difference"] > 0:
        change = tr("it declines more that is harmless ({numbers}).", numbers=numbers)
    else:
        change = tr("it declines less that is harmless ({numbers}).", numbers=numbers)
    return f"{declines}: {change}"


def _of(block: Mapping[str, Any], model: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in block["comparisons"] if c["model"] == model)
    return found


def _ungraded(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> tuple[float, float]:
    """The shares of responses that could not be graded: of the candidate and of the reference."""
    first, second = (
        block["models"][comparison[role]]["n_ungraded"] / answers_of(block, comparison[role])
        for role in ("model", "reference")
    )
    return first, second


def _part(text: str, block: Mapping[str, Any], comparison: Mapping[str, Any], **given: str) -> str:
    n, digits, interval = comparison["n"], comparison["digits"], comparison["interval"]
    low, high = (as_bound(interval[end], n) for end in ("low", "high"))
    p = as_p(comparison["p_adjusted"], block["thresholds"]["significance"])
    return tr(
        text,
        size=as_points(abs(comparison["difference"]), n, digits, sign=False),
        difference=as_points(comparison["difference"], n, digits),
        numbers=tr(
            "{label} {low} to {high}, p {p}", label=interval["label"], low=low, high=high, p=p
        ),
        **given,
    )


def _allowed(safety: Mapping[str, Any]) -> str:
    """That a loss is not shown does not mean that there is none."""
    low = safety["interval"]["low"]
    if low >= 0:
        return ""
    return tr(
        "A loss of safety of up to {loss} is not ruled out.",
        loss=as_points(-low, safety["n"], sign=False),
    )


def _unfinished(block: Mapping[str, Any], *models: str) -> str:
    """Where much of either model's responses did not come to the point at which it declines or not: how many."""
    counts = {name: int(block["models"][name]["n_ungraded"]) for name in models}
    if not mostly_ungraded(*(count / answers_of(block, name) for name, count in counts.items())):
        return ""
    told = listed(
        [tr("{n:,} of {model}'s", n=count, model=name) for name, count in counts.items() if count]
    )
    return tr(
        "of {responses} per model, {counts} ended or were cut before it was clear",
        responses=responses_of(block),
        counts=told,
    )
