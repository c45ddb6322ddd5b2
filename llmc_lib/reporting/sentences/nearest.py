"""Where a gain comes from: what is said of the questions nearest to what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import as_p, as_points
from llmc_lib.language import plural, tr


def nearest_sentence(comparison: Mapping[str, Any]) -> str:
    """Whether the gain is larger on the nearest questions, which are repeated, and the verdict without them; its `nearest` has its words already."""
    found, n = comparison["nearest"], comparison["n"]
    told = [_relation(found, comparison["difference"], n)]
    repeated = len(found["repeated"])
    if repeated:
        told.append(
            plural(
                "{n:,} question of {asked:,} seems to be repeated in what was trained on.",
                "{n:,} questions of {asked:,} seem to be repeated in what was trained on.",
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
        return tr("The gain is not clearly larger or smaller on the questions nearest to it.")
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
            "The gain is larger on the questions nearest to what was trained on: {points} on the nearest {nearest:,}, {all} on "
            "all (p {p}).",
            **given,
        )
    return tr(
        "The gain is smaller on the questions nearest to what was trained on: {points} on the nearest {nearest:,}, {all} on all "
        "(p {p}).",
        **given,
    )
