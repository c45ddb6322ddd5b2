"""Means over resampled questions, as one matrix product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: Numbers that a block of weights may have: 32 MB of them.
_BLOCK = 4_000_000
#: Above so many different rows the means are drawn from their normal distribution.
_MOST = 100_000


@dataclass(frozen=True)
class Totals:
    """What is resampled: G groups (questions or clusters), and what each adds to c sums."""

    sums: np.ndarray  # (r, c): of a group; equal groups are one row
    sizes: np.ndarray  # (r,): questions in a group
    times: np.ndarray  # (r,): groups that are like this

    @classmethod
    def of(cls, values: np.ndarray, clusters: np.ndarray | None) -> Totals:
        """From (n, c) values of questions and (n,) labels of clusters, or None: every question is one.

        Raises `ValueError` for fewer than 2 groups: there is nothing to resample.
        """
        sums, sizes = values, np.ones(len(values))
        if clusters is not None:
            _, codes = np.unique(clusters, return_inverse=True)
            sizes = np.bincount(codes).astype(float)
            sums = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)
        if len(sums) < 2:
            raise ValueError("at least 2 questions (clusters) are needed, or nothing varies")
        times = np.ones(len(sums), dtype=int)
        if len(sums) > _MOST // 10:  # with few samples many questions are alike
            table = np.column_stack([sums, sizes])
            view = np.ascontiguousarray(table).view(
                np.dtype((np.void, table.itemsize * table.shape[1]))
            )
            _, first, times = np.unique(view.ravel(), return_index=True, return_counts=True)
            sums, sizes = sums[first], sizes[first]
        return cls(sums, sizes, times)

    @property
    def observed(self) -> np.ndarray:
        """(c,): the means over questions."""
        return np.asarray(self.times @ self.sums / (self.times @ self.sizes))

    @property
    def covariance(self) -> np.ndarray:
        """(c, c): of the means, in resamples."""
        centred = self.sums - self.sizes[:, None] * self.observed
        questions = float(self.times @ self.sizes)
        return np.asarray((centred * self.times[:, None]).T @ centred / questions**2)


def resampled_totals(totals: Totals, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Means over questions in bootstrap resamples: blocks of (rows, c), `resamples` rows in all.

    The weights of the groups in a resample are multinomial. With more than 100,000 different groups the
    means are drawn from the normal distribution that they then have, with the same covariance.
    """
    rng = np.random.default_rng(seed)
    groups, rows = int(totals.times.sum()), len(totals.times)
    if rows > _MOST:
        yield _normal(totals, resamples, rng)
        return
    together = np.column_stack([totals.sums, totals.sizes])
    block = max(1, _BLOCK // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        # Draws and a count of them: several times as fast as multinomial numbers
        if groups == rows:
            draws = rng.integers(rows, size=(count, rows), dtype=np.int32)
            draws += (np.arange(count, dtype=np.int32) * rows)[:, None]
            weights = np.bincount(draws.ravel(), minlength=count * rows).reshape(count, rows)
        else:
            weights = rng.multinomial(groups, totals.times / groups, size=count)
        found = weights.astype(float) @ together
        yield found[:, :-1] / found[:, -1:]


def _normal(totals: Totals, resamples: int, rng: np.random.Generator) -> np.ndarray:
    return rng.multivariate_normal(
        totals.observed, totals.covariance, size=resamples, method="eigh"
    )
