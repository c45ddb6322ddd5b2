"""A paired test that assumes nothing but that the models are exchangeable: a check of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft


def permutation_test(
    candidate: ArrayLike, reference: ArrayLike, clusters: ArrayLike | None = None
) -> float:
    """Two-sided p-value of the paired permutation (sign-flip) test of two models' rates.

    Parameters: as `paired_comparison`. If the models do not differ, it is as likely that all of a
    question's (cluster's) answers of the one are the other's: the sign of each question's difference is a
    coin's. The p-value is the chance that such signs make the sum as far from 0 as it is.

    It is exact, for any n, without random draws: differences are whole numbers of samples, and the
    distribution of Σ ± d is the Fourier transform of Π cos(d · t) (its characteristic function). For one
    sample a question it is McNemar's exact test. Rounding is below 1e-10, so a smaller p-value is 1e-10.

    Source: Fisher, The Design of Experiments (1935), section 21; for evaluations, Noreen,
    Computer-Intensive Methods (1989).
    """
    a, b = np.asarray(candidate, dtype=bool), np.asarray(reference, dtype=bool)
    if a.shape != b.shape or a.ndim not in (1, 2) or a.size == 0:
        raise ValueError(
            f"both must be of one shape, (n,) or (n, k), not empty: {a.shape}, {b.shape}"
        )
    counts = a.reshape(len(a), -1).sum(axis=1) - b.reshape(len(b), -1).sum(axis=1)
    if clusters is not None:
        _, codes = np.unique(np.asarray(clusters), return_inverse=True)
        counts = np.rint(np.bincount(codes, weights=counts)).astype(int)
    sizes, times = np.unique(np.abs(counts[counts != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    unit = np.gcd.reduce(sizes)
    sizes, observed = sizes // unit, abs(int(counts.sum())) // unit
    most = int(sizes @ times)
    length = fft.next_fast_len(2 * most + 1, real=True)
    angles = 2 * np.pi / length * np.arange(length // 2 + 1)
    transform = np.ones(len(angles))
    for size, count in zip(sizes, times, strict=True):
        transform *= np.cos(size * angles) ** count
    chance = fft.irfft(
        transform, length
    )  # of the sums 0, 1, …, most; the negative ones mirror them
    tail = chance[observed : most + 1].sum()
    return float(np.clip(2 * tail if observed else 1.0, 1e-10, 1.0))
