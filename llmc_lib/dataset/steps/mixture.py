"""Choose the rows of a training set: a target composition, by leaving rows out.

No row is repeated unless the params ask for it. Within a category the draw is stratified by source
and subject, and goes by a hash of each row's id: more rows asked for add to the earlier ones.

Several mixtures may be drawn from the same rows, one for each candidate. Which rows can be held out for
the validation loss is therefore decided once, before any draw (`held_out`): a row is held out in every
mixture or in none, so that no mixture trains on what another one is validated on, and any validation
rows are fair to all candidates. A mixture depends on the rows and on its own settings alone: another
candidate, or one less, does not change it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib.dataset.steps.step import Step
from llmc_lib.errors import UserError
from llmc_lib.params import DatasetParams

STEP = Step(
    name="mixture",
    title="Mixture",
    removes="rows beyond the target shares",
    cost="the mixture's shares cost most",
    is_on=lambda params: params.mixture or params.max_rows is not None,
)
#: Why a row is not in the run's own mixture; the second, where a candidate's has it.
NOT_DRAWN, ELSEWHERE = "not drawn", "drawn for candidates only"


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


def held_out(rows: pd.DataFrame, share: float) -> pd.Series:
    """Which rows no mixture trains on (bool, labelled like `rows`): about `share` of them.

    Each category and each source in it gives its part, to within a row, and in it each subject. At least
    one row of a source and category is left to train on, so that a mixture of any sources can be split;
    where there is one only, it is not held out.

    Parameters: `rows` with the columns category, source, subject and draw: all that any mixture is drawn
    from.
    """
    held, strata = np.zeros(len(rows), bool), _Strata(rows)
    categories, sources = rows["category"].to_numpy(), rows["source"].to_numpy()
    for category, count in _apportioned(round(len(rows) * share), _counts(categories)).items():
        within = categories == category
        sizes = _counts(sources[within])
        for source, n in _apportioned(count, sizes).items():
            held[strata.drawn(within & (sources == source), min(n, sizes[source] - 1))] = True
    return pd.Series(held, index=rows.index)


def mix(
    rows: pd.DataFrame, shares: dict[str, float], params: DatasetParams, key: str = "dataset"
) -> Mixture:
    """Draw the largest set with the target shares (or of `max_rows` rows), and split it.

    Parameters: `rows` with the columns category, source, subject, held (bool, see `held_out`), draw and
    order (uint64, hashes: rows with a lower draw go first, and are in the data set in this order);
    `shares` of the categories, which sum to 1; `key`, what messages call the settings.

    The held-out part is `params.validation` of the rows, in the mixture's shares, as near as the rows
    allow that can be held out: where a category is used up, all of those are, and no other one.

    Raises `UserError` for a category that has a share and too few rows, unless the params allow it.
    """
    categories, can_be_held = rows["category"].to_numpy(), rows["held"].to_numpy(bool)
    available = _counts(categories)
    wanted = {name: share for name, share in shares.items() if share > 0}
    empty = [name for name in wanted if not available.get(name)]
    present = {name: share for name, share in wanted.items() if name not in empty}
    if not available or (params.allow_shortfall and not present):
        raise UserError(
            f"{key}: no row is left in any category: the steps before the mixture removed them all; give "
            "other sources, or make a step milder"
        )
    if empty and not params.allow_shortfall:
        listed = ", ".join(f"{name!r} ({wanted[name]:.0%})" for name in empty)
        raise UserError(
            f"{key}.shares: no row is left for {listed}; add a source that has the category, set "
            f"its share to 0, or set {key}.allow_shortfall: true (or {key}.mixture: false, for the "
            "shares that the rows have)"
        )
    counts, limiting = _sizes(available, present, params)
    distinct = {name: min(count, available[name]) for name, count in counts.items()}
    held = _split(distinct, available, _counts(categories[can_be_held]), params.validation)
    strata, train, validation = _Strata(rows), [], []
    for name, count in counts.items():
        within = categories == name
        validation.append(strata.drawn(within & can_be_held, held[name]))
        drawn = strata.drawn(within & ~can_be_held, distinct[name] - held[name])
        # np.resize repeats the rows in turn, where more are asked for than there are.
        train.append(np.resize(drawn, count - held[name]))
    total = sum(counts.values())
    return Mixture(
        _shuffled(np.concatenate(train), rows),
        _shuffled(np.concatenate(validation), rows),
        counts,
        limiting,
        sum(available[name] for name in present) - sum(distinct.values()),
        sum(abs(counts.get(name, 0) / total - share) for name, share in shares.items()) / 2,
    )


def _split(
    drawn: dict[str, int], available: dict[str, int], held: dict[str, int], share: float
) -> dict[str, int]:
    """How many of the rows drawn from each category are held out.

    Parameters: by category, the rows `drawn`, those `available`, and those of them that are `held` out.
    """
    low = {name: max(0, n - (available[name] - held.get(name, 0))) for name, n in drawn.items()}
    high = {name: min(max(0, n - 1), held.get(name, 0)) for name, n in drawn.items()}
    return _within(round(sum(drawn.values()) * share), drawn, low, high)


def _within(
    total: int, sizes: dict[str, int], low: dict[str, int], high: dict[str, int]
) -> dict[str, int]:
    """`total` apportioned by size and kept between `low` and `high`; what one name cannot take goes to
    the others. The sum is as near to `total` as the bounds allow."""
    counts = {
        name: min(max(n, low[name]), high[name]) for name, n in _apportioned(total, sizes).items()
    }
    while missing := total - sum(counts.values()):
        step = 1 if missing > 0 else -1
        room = [name for name, n in counts.items() if low[name] <= n + step <= high[name]]
        if not room:
            break
        # The one that is furthest from its part.
        quota = total / sum(sizes.values())
        counts[max(room, key=lambda name: step * (quota * sizes[name] - counts[name]))] += step
    return counts


def _apportioned(total: int, sizes: dict[str, int]) -> dict[str, int]:
    """`total` apportioned by size."""
    everything = sum(sizes.values())
    return apportion(total, {name: size / everything for name, size in sizes.items()})


def _counts(values: NDArray[np.object_]) -> dict[str, int]:
    """How often each value is there, sorted by the value: the order of the rows does not matter."""
    return dict(sorted(Counter(values.tolist()).items()))


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


class _Strata:
    """Rows of which some are drawn from each source and subject in proportion."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self._stratum = rows.groupby(["source", "subject"], observed=True).ngroup().to_numpy()
        self._draw = rows["draw"].to_numpy()

    def drawn(self, within: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
        """Positions of `count` of the rows `within`, in drawn order."""
        if not count:
            return np.array([], np.intp)
        pool = np.flatnonzero(within)
        pool = pool[np.argsort(self._draw[pool], kind="stable")]
        _, stratum, sizes = np.unique(self._stratum[pool], return_inverse=True, return_counts=True)
        parts = {str(number): size / len(pool) for number, size in enumerate(sizes.tolist())}
        quota = np.array([*apportion(count, parts).values()])
        return pool[_earlier(stratum) < quota[stratum]]


def _earlier(values: NDArray[np.intp]) -> NDArray[np.intp]:
    """(n,): how many of the values before it each one equals; of n whole numbers."""
    order = np.argsort(values, kind="stable")
    first = np.flatnonzero(np.diff(values[order], prepend=-1))
    earlier = np.arange(len(values))
    earlier[order] = earlier - np.repeat(first, np.diff(first, append=len(values)))
    return earlier


def _shuffled(drawn: NDArray[np.intp], rows: pd.DataFrame) -> np.ndarray:
    """The labels of rows by their hashes `order`; the second copy of a row is elsewhere than the first."""
    copy = _earlier(drawn).astype(np.uint64)
    golden = np.uint64(0x9E3779B97F4A7C15)  # spreads the copies over the range; wraps around
    order = rows["order"].to_numpy(np.uint64)[drawn] + copy * golden
    return rows.index.to_numpy()[drawn[np.argsort(order, kind="stable")]]
