"""If this were run again on the same questions: what would come out?

The model. On these n questions a score (or a difference of two) has a true value Δ, what infinitely many
samples would give. A run of k samples a question shows D ~ N(Δ, s²) with s² = within / (n k), where
`within` is the sampling variance of `variance.VarianceParts`; the next run shows D' ~ N(Δ, s'²),
independent given Δ. Which questions were chosen plays no part: they stay the same. So

- D' - D ~ N(0, s² + s'²) whatever Δ is: D ± z · sqrt(s² + s'²) holds the next run's value with chance
  1 - alpha. It is sqrt(2) times as wide as the interval for Δ: both runs are noisy.
- with no prior knowledge of Δ (a flat prior) D' given D is N(D, s² + s'²), and the chance that the next
  run's difference has the other sign is Φ(-|D| / sqrt(s² + s'²)): the posterior predictive chance. Where
  differences are known to be small in general, it is larger than that.

Scores move in steps of 1 / (n k); intervals are half a step wider on each side for that. `within` is taken
to be at least 1 / (n k), one answer that could have gone either way: no mixed question among few does not
mean that there is no noise.

What needs no model but this: greedy decoding on the same hardware has within = 0 by construction; servers
that batch do not repeat themselves exactly, so even then measure it, by a second run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike
from scipy import special

from llmc_lib.analysis.variance import (
    VarianceParts,
    _table,
    difference_variance_parts,
    variance_parts,
)


@dataclass(frozen=True)
class Rerun:
    """What the next run on the same questions would show. Fractions."""

    value: float  # this run's score or difference
    low: float  # prediction interval of the next run's
    high: float
    sign_flip: float | None  # chance that the next difference has the other sign; None for a score
    error: float  # standard deviation of next - this
    within: float  # the sampling variance that this rests on
    #: "measured": from several samples. "given": by the caller. "bound": one sample a question does not
    #: tell it, and all noise is taken to be sampling: the interval and the chance are the most they can be.
    basis: Literal["measured", "given", "bound"]


def rerun(
    candidate: ArrayLike,
    reference: ArrayLike | None = None,
    *,
    within: float | None = None,
    next_samples: int | None = None,
    alpha: float = 0.05,
) -> Rerun:
    """Predict the next run's score of a model or, with `reference`, its difference to that.

    Parameters: boolean arrays (n,) or (n, k) on the same questions; `within`, the sampling variance of one
    sample of a question (of a difference: the sum of both models'), measured elsewhere, such as from two
    earlier runs (`variance_parts` of the stacked runs); `next_samples` of the next run, None: as many as in
    this one; confidence 1 - alpha.

    Where k = 1 and no `within` is given it is not identified, and `basis` is "bound": all of the discordance
    (of a score: all of rate · (1 - rate)) is taken to be sampling.
    """
    values = _table(candidate)
    n, k = values.shape
    if reference is None:
        parts, value = variance_parts(values), float(values.mean())
    else:
        other = _table(reference)
        parts = difference_variance_parts(values, other)
        value = int(values.sum() - other.sum()) / values.size
    found, basis = _within(parts, within)
    return predict(
        value,
        n,
        found,
        samples=k,
        next_samples=next_samples,
        alpha=alpha,
        score=reference is None,
        basis=basis,
    )


def _within(
    parts: VarianceParts, given: float | None
) -> tuple[float, Literal["measured", "given", "bound"]]:
    if given is not None:
        return given, "given"
    if parts.within is not None:
        return parts.within, "measured"
    return parts.within_most, "bound"


def rerun_of_rates(
    rate: float,
    reference_rate: float,
    n: int,
    *,
    within: float | None = None,
    alpha: float = 0.05,
) -> Rerun:
    """The same from two published rates alone, one sample of each of n questions.

    Nothing is known of the pairs of answers; where `within` is not given, the bound is the most that two
    rates allow, rate · (1 - rate) of both, added.
    """
    most = rate * (1 - rate) + reference_rate * (1 - reference_rate)
    return predict(
        rate - reference_rate,
        n,
        most if within is None else within,
        alpha=alpha,
        score=False,
        basis="bound" if within is None else "given",
    )


def predict(
    value: float,
    n: int,
    within: float,
    *,
    samples: int = 1,
    next_samples: int | None = None,
    alpha: float = 0.05,
    score: bool,
    basis: Literal["measured", "given", "bound"],
) -> Rerun:
    """The formulas of this module: from a score (`score`) or a difference, `value`, of n questions with so
    many samples each and the sampling variance `within` of one. Raises `ValueError` where these cannot be.
    """
    after = samples if next_samples is None else next_samples
    if n < 1 or samples < 1 or after < 1 or not 0 <= within <= 1:
        raise ValueError(
            f"n ({n}) and samples ({samples}, {after}) must be positive, within ({within}) in [0, 1]"
        )
    variance = max(within, 1 / (n * samples))
    error = math.sqrt(variance / n * (1 / samples + 1 / after))
    half = float(special.ndtri(1 - alpha / 2)) * error + 0.5 / (n * after)
    lowest = 0.0 if score else -1.0
    return Rerun(
        value=value,
        low=max(lowest, value - half),
        high=min(1.0, value + half),
        sign_flip=None if score else float(special.ndtr(-abs(value) / error)),
        error=error,
        within=within,
        basis=basis,
    )
