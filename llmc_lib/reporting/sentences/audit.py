"""What labels by people say of the grades, in sentences."""

from __future__ import annotations

from typing import Any

from llmc_lib.formatting import as_bound, as_points, as_range, listed
from llmc_lib.language import N_, plural, tr

#: What an answer is graded as.
STATUS = {"correct": N_("correct"), "incorrect": N_("incorrect"), "ungraded": N_("ungraded")}


def audit_lead(benchmark: str, found: dict[str, Any]) -> str:
    """How many answers were labelled, by whom, and how far labellers agree."""
    who = plural("{n:,} person", "{n:,} people", len(found["labellers"]))
    text = plural(
        "{benchmark}: {n:,} drawn answer has been labelled by {people} who saw neither model nor grade.",
        "{benchmark}: {n:,} drawn answers have been labelled by {people} who saw neither model nor grade.",
        found["labelled"],
        benchmark=benchmark,
        people=who,
    )
    if found["unclear"]:
        text += " " + plural(
            "{n:,} more was unclear and is not used.",
            "{n:,} more were unclear and are not used.",
            found["unclear"],
        )
    return " ".join([text, *(_agreement(pair) for pair in found["agreements"] if pair["decided"])])


def _agreement(pair: dict[str, Any]) -> str:
    given = {
        "labellers": listed(pair["labellers"]),
        "agreed": pair["agreed"],
        "decided": pair["decided"],
    }
    if pair["kappa"] is None:
        return tr(
            "{labellers} agree on {agreed:,} of {decided:,} that both have labelled.", **given
        )
    return tr(
        "{labellers} agree on {agreed:,} of {decided:,} that both have labelled (Cohen's kappa {kappa:.2f}).",
        kappa=pair["kappa"],
        **given,
    )


def audit_outdated(benchmark: str) -> str:
    """The answers are not those that were labelled."""
    return tr(
        "{benchmark}: the labels are of earlier answers, not of those on this page. make audit draws some of these.",
        benchmark=benchmark,
    )


def audit_difference(comparison: dict[str, Any], block: dict[str, Any]) -> str:
    """The corrected difference of a comparison of the `block`, and what that makes of its verdict."""
    own = next(c for c in block["comparisons"] if c["model"] == comparison["model"])
    n = own["n"]
    low, high = comparison["interval"]
    text = tr(
        "Corrected for the grades that the labels find wrong, {model} minus {reference} is {difference} ({label} {interval}); "
        "as graded it is {graded}.",
        model=comparison["model"],
        reference=comparison["reference"],
        difference=as_points(comparison["corrected"], n, own["digits"]),
        label=own["interval"]["label"],
        interval=as_range(as_bound(low, n), as_bound(high, n)),
        graded=as_points(comparison["graded"], n, own["digits"]),
    )
    return f"{text} {_meaning(own, low, high)}"


def _meaning(own: dict[str, Any], low: float, high: float) -> str:
    graded = own["interval"]["low"], own["interval"]["high"]
    if not (graded[0] > 0 or graded[1] < 0):
        if low > 0 or high < 0:
            return tr("As graded, the interval contains 0; corrected, it does not.")
        return tr("Both intervals contain 0.")
    if (graded[0] > 0 and low > 0) or (graded[1] < 0 and high < 0):
        return tr("So the errors of the grader do not explain the difference.")
    if low > 0 or high < 0:
        return tr("So the grader's errors reverse the difference.")
    return tr(
        "Corrected, the interval contains 0: errors of the grader could explain the difference, or there are too few labels to tell."
    )
