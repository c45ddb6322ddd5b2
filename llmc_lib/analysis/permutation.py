"""The sign-flip test: paired, and assuming nothing but that the models are exchangeable."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from llmc_lib.analysis.given import cluster_codes, right_or_wrong
from llmc_lib.analysis.signed import Share, signed_interval, size_distribution

# Sums of differences up to which signs are counted exactly for every share; larger ones in coarser steps.
_STEPS = 4096
# Shares at which the distribution of the signs is worked out; denser near the ends, where it is steep. Those up to 1/2, and all.
_LOW_SHARES = np.append((1 - np.cos(np.pi * np.arange(40) / 80)) / 2, 0.5)
_SHARES = np.append(_LOW_SHARES, 1 - _LOW_SHARES[-2::-1])


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

    Unequal numbers of samples: which of a question's answers are whose is exchanged instead, so the right ones that the
    candidate has of all right ones are hypergeometric, and their sum over questions is the Fourier transform of a product,
    too. Its null hypothesis is narrower: on each question alone the models are equally often right. NaN with clusters, which
    that does not take into account.

    Source: Fisher, The Design of Experiments (1935), section 21; for evaluations, Noreen,
    Computer-Intensive Methods (1989); for few clusters, Canay, Romano and Shaikh (Econometrica 85, 2017).

    Raises `ValueError` as `paired_comparison` does.
    """
    a, b = right_or_wrong(candidate, "candidate"), right_or_wrong(reference, "reference")
    if a.shape[:1] != b.shape[:1] or not {a.ndim, b.ndim} <= {1, 2} or not a.size or not b.size:
        raise ValueError(
            f"both must have the same questions, as (n,) or (n, k), not empty: {a.shape}, {b.shape}"
        )
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    if a.shape != b.shape:
        return math.nan if clusters is not None else _exchanged(a, b)
    counts = a.sum(axis=1) - b.sum(axis=1)
    if clusters is not None:
        codes = cluster_codes(clusters, len(counts))
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
    # Of the sums 0, 1, …, most; the negative ones mirror them.
    chance = fft.irfft(transform, length)
    tail = chance[observed : most + 1].sum()
    return float(np.clip(2 * tail if observed else 1.0, 1e-10, 1.0))


def _exchanged(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """The p-value for (n, k) and (n, m) answers: of all ways to share a question's right answers out, those at least as far
    from the middle, on both sides."""
    from scipy import stats  # half a second to import

    k, m = a.shape[1], b.shape[1]
    right = a.sum(axis=1) + b.sum(axis=1)
    kinds, times = np.unique(right, return_counts=True)
    most = int(np.minimum(right, k).sum())
    if not most:
        return 1.0
    length = fft.next_fast_len(most + 1, real=True)
    angles = 2 * np.pi / length * np.arange(length // 2 + 1)
    transform = np.ones(len(angles), dtype=complex)
    for kind, count in zip(kinds, times, strict=True):
        shares = stats.hypergeom.pmf(np.arange(k + 1), k + m, int(kind), k)
        turns = np.exp(-1j * np.outer(np.arange(k + 1), angles))
        transform *= _power(shares @ turns, int(count))
    chance = np.clip(fft.irfft(transform, length)[: most + 1], 0, 1)
    seen, middle = int(a.sum()), float(right.sum()) * k / (k + m)
    far = np.abs(np.arange(most + 1) - middle) >= abs(seen - middle) - 1e-9
    return float(np.clip(chance[far].sum(), 1e-10, 1.0))


class SignFlip:
    """The sign-flip test of whole differences, and the interval that inverts it (`signed`).

    Parameters: `counts`, (G,) whole numbers, of each question (cluster) the right answers of the candidate minus
    those of the reference; `asked`, (G,), the answers that each model gave to it.

    For shares s other than 1/2 each sign is a gain with chance s, whatever its size, and the sum's tail is
    counted in the same way. The mean absolute difference has a beta distribution with the number of answers that
    would have its standard error (for G groups, with the factor G / (G - 1)).
    """

    def __init__(self, counts: NDArray[np.int64], asked: NDArray[np.float64]) -> None:
        size = np.abs(counts)
        total, groups = float(asked.sum()), len(counts)
        mean = float(size.sum()) / total
        if not mean:  # it could have been either way
            self._size, self._sizes = size_distribution(0.0, groups), size[:0]
            self.p_value = 1.0
            return
        rest = size - mean * asked
        variance = float(rest @ rest) * groups / max(groups - 1, 1) / total**2
        alone = mean * (1 - mean) / variance if variance > 1e-18 else float(groups)
        self._size = size_distribution(mean, max(alone, 1.0))
        self._sizes, self._seen = _in_steps(counts[counts != 0])
        self._even = _even_tails(self._sizes, self._seen)
        # The chance of signs as far on the side seen, doubled: Σ ± d is symmetric around 0.
        self.p_value = min(1.0, 2 * min(self._even[0], 1 - self._even[1]))

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval at level 1 − alpha that agrees with the test; fractions."""
        return signed_interval(self._size, *self._shares, alpha)

    @cached_property
    def _shares(self) -> tuple[Share, Share]:
        """The distributions for the lower and the upper end; a test alone does not need them."""
        if not len(self._sizes):
            none = Share(np.zeros_like, at_0=0.5, at_1=0.5)
            return none, none
        as_far, farther = _tails(self._sizes, self._seen)
        # Rounding must not part the interval from the test.
        as_far[_SHARES == 0.5], farther[_SHARES == 0.5] = self._even
        inner = as_far - as_far[0]
        return (
            Share(lambda x: np.interp(x, _SHARES, inner), at_0=float(as_far[0])),
            Share(lambda x: np.interp(x, _SHARES, farther), at_1=1.0 - float(farther[-1])),
        )


def _in_steps(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The sizes of differences in steps of the largest that they have in common (or coarser ones), and the sum of those gained:
    the sum of all is twice that less a constant."""
    sizes = np.abs(counts)
    sizes = sizes // np.gcd.reduce(sizes)
    if sizes.sum() > _STEPS:
        sizes = np.maximum(1, np.rint(sizes * (_STEPS / sizes.sum()))).astype(np.int64)
    return sizes, int(sizes[counts > 0].sum())


def _even_tails(sizes: NDArray[np.int64], seen: int) -> tuple[float, float]:
    """The chance that signs by a coin make the sum of those gained at least as high as the one seen, and a higher one."""
    most, times = int(sizes.sum()), np.bincount(sizes)
    length = fft.next_fast_len(most + 1, real=True)
    halves = np.pi / length * np.arange(length // 2 + 1)
    transform = np.exp(-1j * most * halves)  # of a sum that lies around most / 2
    for kind in np.flatnonzero(times):
        transform *= np.cos(kind * halves) ** times[kind]
    chance = fft.irfft(transform, length)[: most + 1]
    as_far, farther = (min(max(float(chance[at:].sum()), 0.0), 1.0) for at in (seen, seen + 1))
    return as_far, farther


def _tails(sizes: NDArray[np.int64], seen: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same for signs that are gains with each of `_SHARES`."""
    most, times = int(sizes.sum()), np.bincount(sizes)
    length = fft.next_fast_len(most + 1, real=True)
    angles = 2 * np.pi / length * np.arange(length // 2 + 1)
    transform = np.ones((len(_LOW_SHARES), len(angles)), dtype=complex)
    for kind in np.flatnonzero(times):
        turn = np.exp(-1j * kind * angles)
        transform *= _power(1 - _LOW_SHARES[:, None] * (1 - turn), int(times[kind]))
    chance = fft.irfft(transform, length, axis=1)[:, : most + 1]
    # With the other share what is lost is gained.
    mirrored = chance[-2::-1, ::-1]
    as_far, farther = (
        np.concatenate([chance[:, at:].sum(axis=1), mirrored[:, at:].sum(axis=1)])
        for at in (seen, seen + 1)
    )
    # What is certain is exact, and a tail grows with the share: rounding must not say otherwise.
    as_far[[0, -1]] = float(seen == 0), 1.0
    farther[[0, -1]] = 0.0, float(seen < most)
    as_far, farther = (
        np.minimum(np.maximum(np.maximum.accumulate(tail), 0), 1) for tail in (as_far, farther)
    )
    return as_far, farther


def _power(base: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """By squaring: numpy's own power of complex numbers takes a logarithm of each."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result = result * base
        exponent >>= 1
        if exponent:
            base = base * base
    return result
