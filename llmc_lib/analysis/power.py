"""What a design can and cannot show, before and after a run."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from llmc_lib.analysis.intervals import quantile
from llmc_lib.analysis.variance import VarianceParts

#: Beyond so many degrees of freedom Student's t is the normal distribution.
_NORMAL = 10_000
#: Numbers of discordant questions whose rejected counts are worked out at a time.
_BLOCK = 256
#: Numbers of discordant questions whose chances of a rejection are worked out at a time.
_STEP = 32
#: Of a number of discordant questions: the logarithm of the chance of being farther off than is summed over.
_FAR = 12 * math.log(10)
# Gauss-Legendre on [-1, 1], for means over a distribution.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)


def power(
    difference: float,
    n: int,
    parts: VarianceParts,
    samples: int = 1,
    alpha: float = 0.05,
) -> float:
    """The chance that the paired test (two-sided, at alpha) finds a true difference.

    Parameters: `difference` of the two rates, a fraction; `n` questions with `samples` each; `parts`, the
    variance of a question's difference: measured (`difference_variance_parts`) or assumed
    (`assumed_parts`).

    One sample: the exact unconditional power of McNemar's mid-p test, see `mcnemar_power`, at the discordance
    total + difference². Several samples, or clusters: the t-test on the questions' differences with the variance between +
    within / samples (Miller, "Adding Error Bars to Evals", 2024, section 5), by the noncentral t
    distribution, which his normal quantiles approximate. That variance is taken to be at least 1 / n, that of one
    question which could have gone wholly either way: no difference among few does not mean that there is no noise.
    With clusters n / cluster_size of them are what is compared.

    For one of several candidates `alpha` is the level of each (`simultaneous.family`, `simultaneous.level_of`).

    >>> from llmc_lib.analysis import assumed_parts
    >>> round(power(0.02, 2158, assumed_parts(rate=0.1)), 2)
    0.87
    """
    size = parts.cluster_size
    if samples == 1 and size == 1:
        return mcnemar_power(difference, n, min(1.0, parts.total + difference**2), alpha)
    groups = max(1, round(n / size))
    return t_power(difference, groups, max(parts.of_mean(samples), 1 / n) / size, alpha)


@functools.lru_cache(maxsize=4096)
def mcnemar_power(difference: float, n: int, discordance: float, alpha: float = 0.05) -> float:
    """Exact unconditional power of McNemar's mid-p test.

    Parameters: true `difference` of the rates; `discordance`, the chance that exactly one model is right on
    a question (taken to be at least |difference|, which it cannot be below).

    Given m discordant questions, those gained are binomial with chance (1 + difference / discordance) / 2,
    and the test rejects in the tails of Binomial(m, 1/2) up to the counts whose mid-p value is below alpha; m itself
    is Binomial(n, discordance).
    This is the sum over m (Duffy, Biometrics 40, 1984), left out where m is so far from its mean that it has a chance
    below 1e-12 (Bernstein's inequality).
    """
    _check(n, discordance, alpha)
    size = abs(difference)
    discordance = min(1.0, max(discordance, size))
    if discordance == 0:
        return 0.0
    m, chance = _discordant(n, discordance)
    rejects = _rejects(int(m[0]), int(m[-1]), (1 + size / discordance) / 2, alpha)
    return float(np.clip(chance @ rejects, 0, 1))


def _discordant(n: int, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that a binomial one of n is, but for 2e-12 of all cases, and their chances: by their ratios."""
    if chance == 1:
        return np.array([n]), np.ones(1)
    far = _FAR / 3 + math.sqrt(_FAR**2 / 9 + 2 * _FAR * n * chance * (1 - chance))
    m = np.arange(max(0, math.ceil(n * chance - far)), min(n, math.floor(n * chance + far)) + 1)
    ratios = np.log((n - m[:-1]) / m[1:]) + math.log(chance / (1 - chance))
    logs = np.append(0.0, np.cumsum(ratios))
    chances = np.exp(logs - logs.max())
    return m, chances / chances.sum()


def _at_most(count: np.ndarray, n: ArrayLike, chance: float) -> np.ndarray:
    """The distribution function of Binomial(n, chance). Scipy's `stats.binom` takes ten times as long to check what it is given."""
    inner = (count >= 0) & (count < n)
    a, b = np.where(inner, np.asarray(n) - count, 1), np.where(inner, count + 1, 1)
    return np.where(inner, special.betainc(a, b, 1 - chance), count >= n)


def _rejects(first: int, last: int, gain: float, alpha: float) -> np.ndarray:
    """The chance of a rejection for each number of discordant questions from `first` to `last`, each of which is gained with
    the chance `gain`. A search for a number of questions asks for nearly the same ones again and again: they are kept."""
    known, blocks = _known(gain, alpha), range(first // _STEP, last // _STEP + 1)
    if new := [block for block in blocks if block not in known]:
        m = np.arange(new[0] * _STEP, (new[-1] + 1) * _STEP)
        c = _rejected(int(m[0]), int(m[-1]), alpha)
        found = _at_most(c, m, gain) + _at_most(c, m, 1 - gain)
        known.update(zip(range(new[0], new[-1] + 1), found.reshape(-1, _STEP), strict=True))
    found = np.concatenate([known[block] for block in blocks])
    return np.asarray(found[first - blocks[0] * _STEP :][: last - first + 1])


@functools.lru_cache(maxsize=8)
def _known(gain: float, alpha: float) -> dict[int, np.ndarray]:
    """Of each block of `_STEP` numbers what `_rejects` has worked out, which it adds."""
    return {}


def _rejected(first: int, last: int, alpha: float) -> np.ndarray:
    """Of each m from `first` to `last`, the largest count whose mid-p value is below alpha under an even split; -1 where there
    is none."""
    blocks = range(first // _BLOCK, last // _BLOCK + 1)
    found = np.concatenate([_rejected_block(block, alpha) for block in blocks])
    return np.asarray(found[first - blocks[0] * _BLOCK :][: last - first + 1])


@functools.lru_cache(maxsize=4096)
def _rejected_block(block: int, alpha: float) -> np.ndarray:
    m = np.arange(block * _BLOCK, (block + 1) * _BLOCK)
    # The search starts near it, by the normal approximation.
    c = np.maximum(np.floor((m + quantile(alpha / 2) * np.sqrt(m)) / 2), -1)
    while (below := _mid_p(c + 1, m) < alpha).any():
        c = c + below
    while (above := (c >= 0) & (_mid_p(c, m) >= alpha)).any():
        c = c - above
    return np.asarray(c)


def _mid_p(count: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Two-sided, of the smaller of the two counts of m discordant questions."""
    both = _at_most(count, m, 0.5) + _at_most(count - 1, m, 0.5)
    return np.asarray(np.where(2 * count >= m, 1.0, both))


def t_power(difference: float, n: int, variance: float, alpha: float = 0.05) -> float:
    """Power of the one-sample t-test on n questions' differences, whose variance is known."""
    _check(n, variance, alpha)
    if n == 1:
        return 0.0
    if variance == 0:
        return float(difference != 0)
    shift = abs(difference) / math.sqrt(variance / n)
    if n > _NORMAL:
        critical = float(special.ndtri(1 - alpha / 2))
        return float(special.ndtr(shift - critical) + special.ndtr(-critical - shift))
    critical = float(special.stdtrit(n - 1, 1 - alpha / 2))
    # The noncentral t distribution as a mean over the estimated deviation: scipy's own is NaN here and there.
    weights, deviations = _deviations(n - 1)
    bounds = critical * deviations
    rejects = special.ndtr(shift - bounds) + special.ndtr(-bounds - shift)
    return float(np.clip(weights @ rejects, 0, 1))


@functools.lru_cache(maxsize=1024)
def _deviations(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and estimated over true standard deviations, for a mean over their distribution
    (Gauss-Legendre on the quantiles of chi-square)."""
    return _WEIGHTS / 2, np.sqrt(2 * special.gammaincinv(freedom / 2, (_NODES + 1) / 2) / freedom)


def detectable_difference(
    n: int,
    variance: float,
    alpha: float = 0.05,
    power: float = 0.8,
    test: Literal[
        "mcnemar_midp", "sign_flip", "paired_t", "clustered_t", "unequal_t"
    ] = "mcnemar_midp",
) -> float:
    """The smallest true difference of two rates that a paired test finds with probability `power`.

    Parameters: `n` questions; `variance`, that of a question's difference, in [0, 1]: with one sample
    each the share of questions on which exactly one of the two models is right (`PairedComparison.variance`);
    `test`, as there. Returns a fraction in [0, 1]; 1 where no difference is found with that chance.

    By the exact power of McNemar's test, or that of the t-test (of the sign-flip test too, which is near it) with
    a variance of at least 1 / n: see `power`, `mcnemar_power` and `t_power`. As an
    order of magnitude it is (z(1-alpha/2) + z(power)) · sqrt(variance / n) (Connor, Biometrics 43, 1987).
    A measured variance has noise of its own: with d discordant questions about 100 / sqrt(2 d) percent of
    the result.

    Raises `ValueError` for n below 1, a variance outside [0, 1], and alpha or power outside (0, 1).

    >>> round(detectable_difference(2158, 0.09), 3)  # of HLE's text questions, on 9% of which one of two models is right
    0.018
    """
    _check(n, variance, alpha)
    if test == "mcnemar_midp":
        return smallest(lambda difference: mcnemar_power(difference, n, variance, alpha), power)
    return smallest(lambda difference: t_power(difference, n, max(variance, 1 / n), alpha), power)


def smallest(of: Callable[[float], float], target: float) -> float:
    """The difference at which a power that grows with it reaches the target; 1 where it never does."""
    if not 0 < target < 1:
        raise ValueError(f"power ({target}) must lie between 0 and 1")
    wanted = quantile(target)

    @functools.cache  # the search asks for the ends again
    def above(difference: float) -> float:
        # As normal quantiles: there power is nearly a line, of which the search finds the root in fewer steps.
        return quantile(of(difference)) - wanted

    if above(1.0) < 0:
        return 1.0
    if above(0.0) >= 0:
        return 0.0
    return float(optimize.brentq(above, 0.0, 1.0, xtol=1e-7))


def _check(n: int, variance: float, alpha: float) -> None:
    if n < 1:
        raise ValueError(f"n ({n}) must be positive")
    if not 0 <= variance <= 1 + 1e-9:
        raise ValueError(f"variance ({variance}) must lie in [0, 1]")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha ({alpha}) must lie between 0 and 1")
