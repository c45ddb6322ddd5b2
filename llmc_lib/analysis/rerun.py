"""If this were run again on the same questions: what would come out?

The model. On these n questions a score (or a difference of two) has a true value Δ, what infinitely many
samples would give. A run of k samples per question shows D ~ N(Δ, s²) with s² = within / (n k), where
`within` is the sampling variance of `variance.VarianceParts`; the next run shows D' ~ N(Δ, s'²),
independent given Δ. Which questions were chosen plays no part: they stay the same. So

- D' - D ~ N(0, s² + s'²) whatever Δ is: D ± z · sqrt(s² + s'²) holds the next run's value with chance
  1 - alpha. It is sqrt(2) times as wide as the interval for Δ: both runs are noisy.
- the chance that the next run's difference has the other sign depends on what was believed of Δ before the
  run, so it is given under two priors. Flat (any Δ was as likely as any other): D' given D is
  N(D, s² + s'²), and the chance is Φ(-|D| / sqrt(s² + s'²)), the posterior predictive one. Sceptical: Δ is 0
  with prior odds of 10 to 1 (Benjamin et al., Nature Human Behaviour 2, 2018), else N(0, τ²) with the τ
  that suits D best, so that the sceptic is as easy to convince as these odds allow (the local minimum Bayes
  factor: Edwards, Lindman & Savage, Psychological Review 70, 1963; Held & Ott, Annual Review of Statistics 5, 2018).
  If the models are equal the sign turns one time in two whatever was seen; the sceptical chance is near
  that until |D| is about 2.5 s. Simulated in performance/validity/sign_flip.py.
- a candidate that was picked as the best of several was picked for its luck, too: its D is replaced by the
  shrunken difference and that one's error (`shrinkage.shrink`): `rerun_of_winner`.

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

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from llmc_lib.analysis.given import answer_table, check_alpha
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.shrinkage import shrink
from llmc_lib.analysis.variance import (
    VarianceParts,
    difference_variance_parts,
    variance_parts,
)

Basis = Literal["measured", "given", "repeat", "bound"]
#: Prior odds of a sceptic for no true difference.
ODDS = 10.0


@dataclass(frozen=True)
class Rerun:
    """What the next run on the same questions would show. Fractions."""

    value: float  # this run's score or difference
    low: float  # prediction interval of the next run's
    high: float
    #: Chance that the next difference has the other sign than this one; None for a score.
    sign_flip: float | None  # under a flat prior
    sign_flip_sceptical: float | None
    expected: float  # `value`; of a winner, the shrunken difference: the centre of the interval
    error: float  # standard deviation of next - this
    within: float  # the sampling variance that this rests on
    #: "measured": from several samples. "given": by the caller. "repeat": from a model that answered twice. "bound": one sample
    #: a question does not tell it, and all noise is taken to be sampling, which makes the interval and both chances largest.
    basis: Basis


def rerun(
    candidate: ArrayLike,
    reference: ArrayLike | None = None,
    *,
    within: float | None = None,
    next_samples: int | None = None,
    alpha: float = 0.05,
    given: Basis = "given",
) -> Rerun:
    """Predict the next run's score of a model or, with `reference`, its difference to that.

    Parameters: boolean arrays (n,) or (n, k) on the same questions, k of each its own; `within`, the sampling variance of one
    sample of a question (of a difference: the sum of both models'; of unequal numbers of samples of the means of these), measured elsewhere, such as from two
    earlier runs (`variance_parts` of the stacked runs), which is then its basis (`given`); `next_samples` of the next run, None: as many as in
    this one; confidence 1 - alpha.

    Where k = 1 and no `within` is given it is not identified, and `basis` is "bound": all of the discordance
    (of a score: all of rate · (1 - rate)) is taken to be sampling.

    Raises `ValueError` for arrays that are empty, of different questions or neither true nor false (NaN), for `within`
    outside [0, 1], `next_samples` below 1 and alpha outside (0, 1).
    """
    values = answer_table(candidate)
    n, k = values.shape
    if reference is None:
        parts, value = variance_parts(values), float(values.mean())
    else:
        other = answer_table(reference)
        value = _difference(values, other)
        if k != other.shape[1]:
            found, basis = _of_means(values, other) if within is None else (within, given)
            return predict(value, n, found, alpha=alpha, score=False, basis=basis)
        parts = difference_variance_parts(values, other)
    found, basis = _within(parts, within, given)
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


def _difference(values: np.ndarray, other: np.ndarray) -> float:
    k, m = values.shape[1], other.shape[1]
    return float(int(values.sum() * m - other.sum() * k) / (len(values) * k * m))


def _of_means(a: np.ndarray, b: np.ndarray) -> tuple[float, Basis]:
    """The sampling variance of a question's difference of means of unequal numbers of samples. That of a model with one
    sample is bounded by what its own rate, and the whole variance, leave for it."""
    first, second = variance_parts(a), variance_parts(b)
    known = sum(
        (part.within or 0.0) / table.shape[1]
        for part, table in ((first, a), (second, b))
        if part.within is not None
    )
    if first.within is not None and second.within is not None:
        return min(1.0, known), "measured"
    single = first if first.within is None else second
    rates = a.mean(axis=1) - b.mean(axis=1)
    whole = float(rates.var(ddof=1)) if len(rates) > 1 else 1.0
    return min(1.0, max(known, min(whole, known + single.total))), "bound"


def _within(
    parts: VarianceParts, within: float | None, given: Basis = "given"
) -> tuple[float, Basis]:
    if within is not None:
        return within, given
    if parts.within is not None:
        return parts.within, "measured"
    return parts.within_most, "bound"


def rerun_of_winner(
    outcomes: Outcomes, model: str, *, within: float | None = None, alpha: float = 0.05
) -> Rerun:
    """`rerun` of a candidate that was picked as the best of several: with its shrunken difference.

    `within`: of the difference where two runs of a model told it (`repeat.within_rerun`), the same for all candidates. What is shrunken are the differences on these questions, so that only the sampling noise counts: the
    candidates' own, and the reference's, which all share. With one sample per question all of the differences'
    covariance is taken to be that. Raises `ValueError` for fewer than two candidates.
    """
    names = outcomes.candidates
    if len(names) < 2 or model not in names:
        raise ValueError(f"{model} is not one of several candidates: {names}")
    base = answer_table(outcomes.correct[outcomes.reference])
    tables = [answer_table(outcomes.correct[name]) for name in names]
    n, k = len(base), max(table.shape[1] for table in (base, *tables))
    differences = np.stack([table.mean(axis=1) - base.mean(axis=1) for table in tables])
    if within is not None:
        covariance = (np.eye(len(names)) + 1) * max(within, 1 / base.size) / 2 / k
    elif k == 1:
        covariance = np.atleast_2d(np.cov(differences)) if n > 1 else np.eye(len(names))
    else:
        # Of one sample, beside models with several, all noise is taken to be sampling.
        own = [variance_parts(table).within_most / table.shape[1] for table in tables]
        covariance = np.diag(own) + variance_parts(base).within_most / base.shape[1]
    shrunken, errors = shrink(differences.mean(axis=1), covariance / n)
    at = names.index(model)
    equal = tables[at].shape == base.shape
    within, basis = (
        _within(difference_variance_parts(tables[at], base), within, "repeat")
        if equal
        else _of_means(tables[at], base)
    )
    return predict(
        _difference(tables[at], base),
        n,
        within,
        samples=base.shape[1] if equal else 1,
        alpha=alpha,
        score=False,
        basis=basis,
        shrunken=(float(shrunken[at]), float(errors[at])),
    )


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
    basis: Basis,
    shrunken: tuple[float, float] | None = None,
) -> Rerun:
    """The formulas of this module: from a score (`score`) or a difference, `value`, of n questions with so
    many samples each and the sampling variance `within` of one. `shrunken`: of a winner, its shrunken
    difference with its standard error. Raises `ValueError` where these cannot be.
    """
    check_alpha(alpha)
    after = samples if next_samples is None else next_samples
    if n < 1 or samples < 1 or after < 1 or not 0 <= within <= 1:
        raise ValueError(
            f"n ({n}) and samples ({samples}, {after}) must be positive, within ({within}) in [0, 1]"
        )
    variance = max(within, 1 / (n * samples))
    this, following = math.sqrt(variance / (n * samples)), math.sqrt(variance / (n * after))
    error = math.hypot(this, following)
    centre, known = (value, this) if shrunken is None else shrunken
    half = float(special.ndtri(1 - alpha / 2)) * error + 0.5 / (n * after)
    lowest = 0.0 if score else -1.0
    # No error, where the shrunken differences have none, is that of one answer.
    flat, sceptical = sign_flips(
        centre if value >= 0 else -centre, max(known, 1 / (n * samples)), following
    )
    return Rerun(
        value=value,
        low=max(lowest, centre - half),
        high=min(1.0, centre + half),
        sign_flip=None if score else flat,
        sign_flip_sceptical=None if score else sceptical,
        expected=centre,
        error=error,
        within=within,
        basis=basis,
    )


def sign_flips(difference: float, error: float, next_error: float) -> tuple[float, float]:
    """The chance that the next run's difference is below 0, under the flat and the sceptical prior.

    Parameters: `difference`, this run's, turned so that its sign is +, with its standard error (positive);
    of a winner the shrunken one; the next run's standard error.
    """
    flat = float(special.ndtr(-difference / math.hypot(error, next_error)))
    z = abs(difference) / error
    if z <= 1:  # nothing suits such a result better than no difference
        return flat, 0.5
    # Of N(0, τ²) the best τ² is error² (z² - 1), and the Bayes factor for it exp((z² - 1) / 2) / z.
    null = 1 / (1 + math.exp(min(700.0, (z * z - 1) / 2)) / z / ODDS)
    kept = 1 - 1 / z**2
    spread = math.hypot(math.sqrt(kept) * error, next_error)
    return flat, 0.5 * null + (1 - null) * float(special.ndtr(-difference * kept / spread))
