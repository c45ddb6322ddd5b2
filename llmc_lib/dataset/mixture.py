"""Choose the rows of the training set: a target composition, by leaving rows out.

No row is repeated unless the params ask for it. Within a category the draw is stratified by source
and subject, and goes by a hash of each row's id: more rows asked for add to the earlier ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.params import DatasetParams


@dataclass(frozen=True)
class Mixture:
    """The rows of a data set, and what the composition cost.

    `train` and `validation` hold row labels of the frame in shuffled order; in `train` a label comes
    more than once only where params.repeat asks for it.
    """

    train: np.ndarray
    validation: np.ndarray
    counts: dict[str, int]  # rows of each category, both parts together
    limiting_category: str | None  # whose rows ran out first; None where max_rows sets the size
    cost: int  # rows of the wanted categories that were left out
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


def mix(rows: pd.DataFrame, shares: dict[str, float], params: DatasetParams) -> Mixture:
    """Draw the largest set with the target shares (or of `max_rows` rows), and split it.

    Parameters: `rows` with the columns category, source, subject, draw and order (uint64, hashes: rows
    with a lower draw go first, and stand in the data set by their order); `shares` of the categories,
    which sum to 1.

    Raises `UserError` for a category that has a share and too few rows, unless the params allow it.
    """
    available = {str(name): int(n) for name, n in rows["category"].value_counts().items()}
    wanted = {name: share for name, share in shares.items() if share > 0}
    empty = [name for name in wanted if not available.get(name)]
    if empty and not params.allow_shortfall:
        listed = ", ".join(f"{name!r} ({wanted[name]:.0%})" for name in empty)
        raise UserError(
            f"dataset.shares: no row is left for {listed}; add a source that has the category, set "
            "its share to 0, or set dataset.allow_shortfall: true"
        )
    present = {name: share for name, share in wanted.items() if name not in empty}
    if not present:
        raise UserError(
            "dataset: no row is left in any category; see removed.parquet for the reasons"
        )
    counts, limiting = _sizes(available, present, params)
    train, validation = [], []
    total = sum(counts.values())
    distinct = {name: min(count, available[name]) for name, count in counts.items()}
    held = apportion(
        round(sum(distinct.values()) * params.validation),
        {name: n / sum(distinct.values()) for name, n in distinct.items()},
    )
    for name, count in counts.items():
        drawn = _stratified(rows[rows["category"] == name], distinct[name])
        validation.append(drawn[: held[name]])
        # np.resize repeats the rows in turn, where more are asked for than there are.
        train.append(np.resize(drawn[held[name] :], count - held[name]))
    return Mixture(
        _shuffled(np.concatenate(train), rows["order"]),
        _shuffled(np.concatenate(validation), rows["order"]),
        counts,
        limiting,
        sum(available[name] for name in present) - sum(distinct.values()),
        sum(abs(counts.get(name, 0) / total - share) for name, share in shares.items()) / 2,
    )


def _sizes(
    available: dict[str, int], wanted: dict[str, float], params: DatasetParams
) -> tuple[dict[str, int], str | None]:
    """How many rows each category gives, and the category that limits them."""
    scale = sum(wanted.values())  # below 1 where empty categories were allowed
    wanted = {name: share / scale for name, share in wanted.items()}
    room = {name: available[name] / share for name, share in wanted.items()}
    limiting: str | None = min(room, key=lambda name: room[name])
    # A share of n rows in N that was divided and multiplied again must give N, not N - 1.
    total = math.floor(room[str(limiting)] * (1 + 1e-12) + 1e-9)
    if params.max_rows is None:
        return apportion(total, wanted), limiting
    if params.max_rows <= total:
        return apportion(params.max_rows, wanted), None
    if params.repeat:
        return apportion(params.max_rows, wanted), None
    if params.allow_shortfall:
        quotas = apportion(params.max_rows, wanted)
        return {name: min(quota, available[name]) for name, quota in quotas.items()}, limiting
    return apportion(total, wanted), limiting


def _stratified(pool: pd.DataFrame, count: int) -> np.ndarray:
    """`count` labels of the pool, drawn from each source and subject in proportion, in drawn order."""
    pool = pool.sort_values("draw", kind="stable")
    strata = pool.groupby(["source", "subject"], sort=True, observed=True)
    sizes = strata.size()
    names = [str(number) for number in range(len(sizes))]
    quotas = apportion(count, dict(zip(names, sizes / len(pool), strict=True)))
    quota = strata.ngroup().map({int(name): n for name, n in quotas.items()})
    return pool.index[strata.cumcount() < quota].to_numpy()


def _shuffled(labels: np.ndarray, order: pd.Series) -> np.ndarray:
    """The labels by the hashes in `order`; the second copy of a row stands elsewhere than the first."""
    copy = pd.Series(labels).groupby(labels).cumcount().to_numpy(np.uint64)
    golden = np.uint64(0x9E3779B97F4A7C15)  # spreads the copies over the range; wraps around
    return labels[np.argsort(order.loc[labels].to_numpy(np.uint64) + copy * golden, kind="stable")]
