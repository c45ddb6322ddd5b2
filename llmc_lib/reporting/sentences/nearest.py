"""Where a gain comes from: what is said of the questions nearest to the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import as_p, as_points
from llmc_lib.language import plural, tr


def nearest_sentence(comparison: Mapping[str, Any]) -> str:
    """Whether the difference is higher on the nearest questions, how many seem repeated, and the verdict without these; the verdicts in its
    `nearest` are words already."""
    found, n = comparison["nearest"], comparison["n"]
    told = [_relation(found, comparison["difference"], n)]
    repeated = len(found["repeated"])
    if repeated:
        told.append(
            plural(
                "{n:,} of {asked:,} questions seems to be repeated in the training rows.",
                "{n:,} of {asked:,} questions seem to be repeated in the training rows.",
                repeated,
                asked=n,
            )
        )
    without = {case["case"]: case for case in found["without"]}.get("repeated")
    if without is not None:
        given = {
            "word": without["verdict"],
            "points": as_points(without["difference"], without["n"]),
            "n": without["n"],
        }
        told.append(
            tr("On the {n:,} others the verdict is “{word}” ({points}).", **given)
            if without["verdict"] != comparison["verdict"]
            else tr("On the {n:,} others the verdict is the same ({points}).", **given)
        )
    return " ".join(told)


def _relation(found: Mapping[str, Any], difference: float, n: int) -> str:
    curve = found["curve"]
    if found["found"] == "none" or not curve:
        return tr(
            "The difference is not clearly higher or lower on the questions nearest to the training rows."
        )
    sign = 1 if found["found"] == "larger" else -1
    # Where the curve is farthest outside, in widths of its band.
    row = max(curve, key=lambda r: sign * (r["gain"] - difference) / max(r["high"] - r["low"], 1e-9))  # fmt: skip
    given = {
        "nearest": row["n"],
        "points": as_points(row["gain"], row["n"]),
        "all": as_points(difference, n),
        "p": as_p(found["p_value"]),
    }
    if sign > 0:
        return tr(
            "The difference is higher on the questions nearest to the training rows: {points} on the nearest {nearest:,}, {all} on "
            "all (p {p}).",
            **given,
        )
    return tr(
        "The difference is lower on the questions nearest to the training rows: {points} on the nearest {nearest:,}, {all} on all "
        "(p {p}).",
        **given,
    )
