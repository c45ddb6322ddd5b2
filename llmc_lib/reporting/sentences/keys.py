"""Whether the verdict depends on the reference answers: those that are uncertain, those that were revised, the fewest that would
turn it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import as_bound, as_percent, as_points
from llmc_lib.language import plural, tr


def keys_sentence(comparison: Mapping[str, Any]) -> str:
    """What the verdict of a comparison depends on; its `keys` have their words already."""
    parts = (_uncertain(comparison), _original(comparison), _fewest(comparison))
    return " ".join(filter(None, parts))


def _fewest(comparison: Mapping[str, Any]) -> str:
    """How few wrong reference answers would turn the verdict; "" where none would."""
    fewest, n = comparison["keys"]["fewest"], comparison["n"]
    if fewest is None:
        return ""
    told = plural(
        "One wrong reference answer in the worst place would be enough for another verdict: “{word}”.",
        "{n:,} wrong reference answers ({share} of {asked:,}) in the worst places would be enough for another verdict: “{word}”.",
        fewest["n"],
        share=as_percent(fewest["n"] / n, n),
        asked=n,
        word=fewest["verdict"],
    )
    exact = (
        tr("Fewer are not enough.")
        if fewest["exact"]
        else tr("Whether fewer are enough is not known.")
    )
    return told if fewest["n"] == 1 else f"{told} {exact}"


def _uncertain(comparison: Mapping[str, Any]) -> str:
    """What the difference could be, whatever the true answers of the uncertain questions are; "" without such questions."""
    found, n = comparison["keys"]["uncertain"], comparison["n"]
    if found is None:
        return ""
    told = plural(
        "{n:,} reference answer is uncertain. Whatever the true one is, the difference on these {asked:,} questions lies between "
        "{low} and {high} points.",
        "{n:,} reference answers are uncertain. Whatever the true ones are, the difference on these {asked:,} questions lies "
        "between {low} and {high} points.",
        found["n"],
        asked=n,
        low=as_bound(found["low"], n),
        high=as_bound(found["high"], n),
    )
    least, most = (each["verdict"] for each in found["cases"])
    if not found["changes"]:
        return told + " " + tr("The verdict is the same at both ends.")
    if least == most:
        return told + " " + tr("At either end the verdict would be “{word}”.", word=least)
    return (
        told + " " + tr("The verdict lies between “{least}” and “{most}”.", least=least, most=most)
    )


def _original(comparison: Mapping[str, Any]) -> str:
    """The verdict by the original answers; "" where none was revised."""
    found = comparison["keys"]["original"]
    if found is None:
        return ""
    given = {
        "word": found["verdict"],
        "points": as_points(found["difference"], found["n"]),
    }
    if found["changes"]:
        return tr(
            "By the original reference answers the verdict would be different: “{word}” ({points}).",
            **given,
        )
    return tr(
        "By the original reference answers the verdict would be the same ({points}).", **given
    )
