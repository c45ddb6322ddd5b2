"""Bring rows to a target composition by leaving rows out, never by repeating any."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pandas as pd

from llmc_lib.errors import UserError


@dataclass(frozen=True)
class Mixture:
    """Rows in the target composition, and what the composition cost."""

    rows: pd.DataFrame
    limiting_category: str | None  # the category whose rows ran out first; None under max_rows
    total_variation: float  # distance between achieved and target shares, in [0, 1]


def apportion(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Whole numbers that sum to `total` and lie within one of `total × share`.

    The largest-remainder (Hamilton) method; ties go to the category named first.
    """
    quotas = {name: total * share for name, share in shares.items()}
    counts = {name: math.floor(quota + 1e-9) for name, quota in quotas.items()}
    by_remainder = sorted(shares, key=lambda name: counts[name] - quotas[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def down_sample(
    rows: pd.DataFrame, shares: dict[str, float], max_rows: int | None, seed: int
) -> Mixture:
    """Draw from `rows` (with a column "category") the largest set with the target shares.

    The draw within a category depends on the seed and the rows' ids alone, not on their order.
    Raises `UserError` for a category that has a share and no rows.
    """
    available = rows["category"].value_counts().to_dict()
    wanted = {name: share for name, share in shares.items() if share > 0}
    for name in wanted:
        if not available.get(name):
            raise UserError(
                f"dataset.shares: {name!r} has a share of {wanted[name]:.0%} and no rows; add a "
                "source that has the category, or set its share to 0"
            )
    room = {name: available[name] / share for name, share in wanted.items()}
    limiting: str | None = min(room, key=lambda name: room[name])
    total = math.floor(min(room.values()) + 1e-9)
    if max_rows is not None and max_rows < total:
        total, limiting = max_rows, None
    counts = apportion(total, wanted)
    parts = []
    for name, count in counts.items():
        pool = rows[rows["category"] == name].sort_values("id")
        chosen = random.Random(f"{seed}/{name}").sample(range(len(pool)), count)
        parts.append(pool.iloc[sorted(chosen)])
    mixed = pd.concat(parts, ignore_index=True)
    distance = sum(abs(counts.get(name, 0) / total - share) for name, share in shares.items()) / 2
    return Mixture(mixed, limiting, distance)
