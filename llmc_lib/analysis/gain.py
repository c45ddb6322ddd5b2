"""Is a difference larger on the questions nearest to the training rows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.given import check_alpha, cluster_codes

# The fewest questions (clusters) of which a mean is taken.
_LEAST = 5
# Cells of draws × questions at a time.
_CELLS = 4_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GainBySimilarity:
    """The gain of the questions from the nearest on, and where it would lie were it the same everywhere.

    `curve`: a row a number of questions, fewest first: n, similarity (at least), gain, low, high (the simultaneous band), fractions.
    """

    curve: pd.DataFrame
    p_value: float  # of no relation, two-sided
    found: Literal["larger", "smaller", "none"]  # on the nearest; the curve leaves the band


def gain_by_similarity(
    difference: ArrayLike,
    similarity: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int = 4_000,
) -> GainBySimilarity:
    """The mean difference of the m nearest questions, for m = 5, 7, 10, 14, … up to half of all, with a simultaneous band.

    Parameters: `difference`, (n,), of each question the rate of the candidate minus that of the reference; `similarity`, (n,), to the
    nearest training row; `clusters`, (n,) labels.

    The band is a global envelope (Myllymäki, Mrkvička, Grabarnik, Seijo & Hahn, J. R. Stat. Soc. B 79, 2017) under the hypothesis that a
    question's difference has nothing to do with its similarity: the similarities are permuted over the questions (whole clusters,
    which have their mean), and |mean of the m nearest - mean of all| / √(1/m - 1/n) is below one critical value for all m at once in
    1 - alpha of the permutations that are drawn (`draws`). So the curve leaves the band in at most alpha of such runs, whatever the distribution of
    the differences; equal similarities are never parted. A curve above it says that the gain is larger on the nearest, not why: they may be of a kind
    that was meant to be learnt.

    Raises `ValueError` for arrays of different lengths or with NaN, and for alpha outside (0, 1).
    """
    check_alpha(alpha)
    gain, near = np.asarray(difference, dtype=float), np.asarray(similarity, dtype=float)
    if gain.shape != near.shape or gain.ndim != 1 or not np.isfinite([gain, near]).all():
        raise ValueError(f"both must be (n,) numbers: {gain.shape}, {near.shape}")
    size = np.ones(len(gain))
    if clusters is not None:
        codes = cluster_codes(clusters, len(gain))
        size = np.bincount(codes).astype(float)
        gain, near = np.bincount(codes, gain), np.bincount(codes, near) / size
    order = np.argsort(-near, kind="stable")
    near, units = near[order], np.stack([gain[order], size[order]])
    ends = _ends(near)
    if not len(ends):
        empty = pd.DataFrame(columns=["n", "similarity", "gain", "low", "high"], dtype=float)
        return GainBySimilarity(empty, 1.0, "none")
    mean = units[0].sum() / units[1].sum()
    scale = np.sqrt(1 / ends - 1 / len(near))
    shown = _of_nearest(units[0], units[1], ends)
    seen = (shown - mean) / scale
    drawn = _drawn(units, ends, mean, scale, draws, np.random.default_rng(seed))
    critical = np.sort(drawn)[int(np.ceil((1 - alpha) * (draws + 1))) - 1]
    # Rounding of sums in another order must not part what is equal.
    p_value = (1 + (drawn >= np.abs(seen).max() - 1e-9).sum()) / (draws + 1)
    half = critical * scale
    above, below = (seen > critical + 1e-9).any(), (seen < -critical - 1e-9).any()
    curve = pd.DataFrame(
        {
            "n": units[1].cumsum()[ends - 1].astype(int),
            "similarity": near[ends - 1],
            "gain": shown,
            "low": np.maximum(mean - half, -1),
            "high": np.minimum(mean + half, 1),
        }
    )
    return GainBySimilarity(
        curve, float(p_value), "larger" if above else "smaller" if below else "none"
    )


def _ends(near: Floats) -> NDArray[np.int64]:
    """Numbers of nearest units at which a mean is taken; ties are not parted, so that the last may be above half."""
    total = len(near)
    wanted = _LEAST * np.sqrt(2) ** np.arange(60)
    last = np.flatnonzero(np.append(near[1:] != near[:-1], True)) + 1  # of each tie
    at = np.searchsorted(last, np.unique(wanted[wanted <= total / 2].astype(int)))
    found = np.unique(last[at])
    return np.asarray(found[found <= total - _LEAST])


def _of_nearest(sums: Floats, sizes: Floats, ends: NDArray[np.int64]) -> Floats:
    """(…, ends): the means of units of these sums and sizes, (…, n) each."""
    starts = np.concatenate([[0], ends])
    above, below = (
        np.add.reduceat(of, starts, axis=-1)[..., :-1].cumsum(axis=-1) for of in (sums, sizes)
    )
    return np.asarray(above / below)


def _drawn(
    units: Floats,
    ends: NDArray[np.int64],
    mean: float,
    scale: Floats,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """(draws,): the largest distance of the curve from the mean, were the units in any order."""
    largest, n = [], units.shape[1]
    step = max(1, _CELLS // n)
    for start in range(0, draws, step):
        count = min(step, draws - start)
        if (units[1] == 1).all():  # questions, not clusters: their sums alone change places
            sums = rng.permuted(np.tile(units[0], (count, 1)), axis=1)
            found = _of_nearest(sums, units[1], ends)
        else:
            places = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
            found = _of_nearest(units[0, places], units[1, places], ends)
        largest.append(np.abs((found - mean) / scale).max(axis=1))
    return np.concatenate(largest)
