"""What a recipe does, when it was trained several times: not only the one checkpoint that a test over questions speaks of.

The model. On question i training s is better than the reference by y_is = μ + q_i + t_s + e_is: μ is the recipe's effect, q_i
what the question adds for all trainings (and the reference's own noise), t_s what the training adds on all questions, e_is the
rest: what this training learned of this question, and sampling. Questions and trainings are both random and crossed (Baayen,
Davidson & Bates, J. Mem. Lang. 59, 2008; analysis of variance of two crossed factors: Searle, Casella & McCulloch, Variance
Components, 1992, chapter 4). So

    Var(mean) = σ_q² / n + (σ_t² + σ_e² / n) / S   of n questions and S trainings.

The second part is estimated by the variance of the S trainings' rates, over S: S - 1 degrees of freedom, which decide. The first
by the covariance of the trainings over the questions (of clusters, their sums): n - 1 degrees of freedom. Balanced and without
clusters both are those of the mean squares.

Test and interval are Student's t with degrees of freedom f, 1 / f = Σ (share of the variance)^1.2 / its degrees of freedom.
Satterthwaite (Biometrics Bulletin 2, 1946) squares the shares, which is right for many degrees of freedom and too hopeful for few, as the
shares are estimates: with many questions it covers, whatever the true shares are, as little as 87.2% with two trainings and 92.2% with
three; with the power 1.2 it is 93.7% to 95.9% with three, 94.6% to 95.8% with four (tests/analysis/test_recipe.py integrates it).
No power does it for two. There the critical value is the mean of both parts' own, weighted by their shares (Cochran & Cox,
Experimental Designs, 1957): 93.9% to 97.9%, wider than need be. performance/validity/recipe.py has the same with answers.

t_s is taken to be normal; of five trainings nobody can tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from llmc_lib.analysis.comparison import FEW
from llmc_lib.analysis.given import answer_table, check_alpha, cluster_codes

#: Of the shares of the variance in the degrees of freedom (see above); Satterthwaite's is 2.
POWER = 1.2
#: Below this p-value none is told apart.
_LEAST_P = 1e-12


@dataclass(frozen=True)
class Part:
    """A part of the variance of an estimated effect, and the degrees of freedom with which it is known."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Parts:
    """All parts of it."""

    parts: tuple[Part, ...]

    @property
    def error(self) -> float:
        """The standard error of the effect."""
        return math.sqrt(sum(part.variance for part in self.parts))

    @cached_property
    def shares(self) -> list[float]:
        """The share of each part; of no variance at all the first has it."""
        whole = sum(part.variance for part in self.parts)
        if not whole > 0:
            return [1.0, *([0.0] * (len(self.parts) - 1))]
        return [part.variance / whole for part in self.parts]

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the effect; where a part has only one, `critical` does not go by them."""
        rest = sum(
            share**POWER / part.freedom for share, part in zip(self.shares, self.parts, strict=True)
        )
        return float(1 / rest)

    def critical(self, alpha: float) -> float:
        """The two-sided critical value of effect / error."""
        at = 1 - alpha / 2
        if min(part.freedom for part in self.parts) > 1:
            return float(special.stdtrit(self.freedom, at))
        return sum(
            share * float(special.stdtrit(part.freedom, at))
            for share, part in zip(self.shares, self.parts, strict=True)
        )

    def p_value(self, effect: float) -> float:
        """Two-sided, for an effect of 0: the level at which `critical` is reached."""
        if not self.error > 0:
            return 1.0 if not effect else _LEAST_P
        size = abs(effect) / self.error
        if min(part.freedom for part in self.parts) > 1:
            return max(_LEAST_P, float(2 * special.stdtr(self.freedom, -size)))
        if size >= self.critical(_LEAST_P):
            return _LEAST_P
        if size <= self.critical(1 - 1e-9):
            return 1.0
        return float(
            optimize.brentq(lambda p: self.critical(p) - size, _LEAST_P, 1 - 1e-9, xtol=1e-13)
        )


@dataclass(frozen=True)
class RecipeEffect:
    """The effect of a recipe against a reference, questions and trainings both random. Fractions."""

    n: int  # questions
    trainings: int  # of the recipe
    # Trainings of the reference: 1 is one checkpoint, whose training is not in question.
    against: int
    difference: float
    low: float  # leaves out 0 exactly where p_value < alpha
    high: float
    alpha: float
    inner_low: float  # at 1 - 2 · alpha, for two one-sided tests
    inner_high: float
    p_value: float
    parts: Parts  # of the questions, then of the trainings
    #: Fewer than 30 questions (clusters) tell the models apart, counted by how much: t is then not shown to hold.
    narrow: bool


def recipe_effect(
    trainings: Sequence[ArrayLike],
    reference: Sequence[ArrayLike],
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> RecipeEffect:
    """The effect of a recipe with its interval and test, for new questions like these and new trainings.

    Parameters: boolean arrays (n,) or (n, k), k of each its own, of S ≥ 2 trainings of a recipe; of the `reference`: one
    checkpoint, or several trainings of another recipe; `clusters` as in `paired_comparison`. Source and regime: this module's docstring.

    Raises `ValueError` for fewer than two trainings or questions (clusters), and for arrays of different numbers of questions.

    >>> base = [np.arange(500) < 150]
    >>> found = recipe_effect([np.arange(500) < right for right in (200, 210, 190)], base)
    >>> print(f"{found.difference:+.3f}, {found.low:+.3f} to {found.high:+.3f}")
    +0.100, +0.056 to +0.144
    """
    check_alpha(alpha)
    if len(trainings) < 2 or not reference:
        raise ValueError(
            f"at least two trainings and a reference: {len(trainings)}, {len(reference)}"
        )
    rates = _rates([*trainings, *reference])
    n, ours, theirs = rates.shape[1], len(trainings), len(reference)
    weights = np.concatenate([np.full(ours, 1 / ours), np.full(theirs, -1 / theirs)])
    covariance, groups, sums = _covariance(rates, weights, clusters)
    means = _means(rates)
    found = [Part(0.0, groups - 1.0)]
    shared = float(weights @ covariance @ weights)
    for part in (slice(0, ours), slice(ours, None)):
        count = len(means[part])
        if count > 1:
            shared -= _own(covariance[part, part]) / count
            found.append(Part(_variance(means[part]) / count, count - 1.0))
    trained = sum(part.variance for part in found)
    # No difference among few questions does not mean that there is no noise: one could have gone the other way.
    found[0] = Part(max(shared, 1 / n**2 - trained, 0.0), groups - 1.0)
    parts, difference = Parts(tuple(found)), float(weights @ means)
    low, high = _interval(difference, parts, alpha)
    inner_low, inner_high = _interval(difference, parts, min(2 * alpha, 0.999))
    squares = np.square(sums)
    fourth = float(squares @ squares)
    effective = float(squares.sum()) ** 2 / fourth if fourth > 0 else 0.0
    return RecipeEffect(
        n=n,
        trainings=ours,
        against=theirs,
        difference=difference,
        low=low,
        high=high,
        alpha=alpha,
        inner_low=inner_low,
        inner_high=inner_high,
        p_value=parts.p_value(difference),
        parts=parts,
        narrow=effective < FEW,
    )


@dataclass(frozen=True)
class Spread:
    """How much trainings of one recipe differ. Standard deviations of their rates, fractions."""

    sd: float  # of the trainings' true rates on questions like these
    low: float
    high: float
    seen: float  # of the rates that were seen
    noise: float  # what sampling, and which questions each training learned, would make of equal trainings


def seed_spread(
    trainings: Sequence[ArrayLike], alpha: float = 0.05, clusters: ArrayLike | None = None
) -> Spread:
    """The training-to-training standard deviation, with its interval.

    What was seen has the variance σ_t² + noise², of which noise² is known from n - 1 degrees of freedom and (S - 1) · seen² /
    variance is chi-square with S - 1: the interval of the variance less noise², cut at 0. It is the limit of the usual
    intervals of a variance component for an error that is known (Graybill & Wang, JASA 75, 1980; Burdick & Graybill, Confidence
    Intervals on Variance Components, 1992). Two trainings hardly say more than the order of magnitude. Parameters and errors as
    in `recipe_effect`.
    """
    check_alpha(alpha)
    rates = _rates(trainings)
    count = len(rates)
    if count < 2:
        raise ValueError("at least two trainings")
    seen, noise = _variances(rates, clusters)
    # Rates come in steps: two equal ones can be half a step apart.
    least = min(answer_table(training).size for training in trainings)
    steps = np.array([0.0, (1 / least) ** 2 / 8])
    tails = special.chdtri(count - 1, np.array([alpha / 2, 1 - alpha / 2]))
    ends = (count - 1) * (seen + steps) / tails
    sd, low, high = np.sqrt(np.clip(np.array([seen, *ends]) - noise, 0.0, 0.25))
    return Spread(float(sd), float(low), float(high), math.sqrt(seen), math.sqrt(noise))


@dataclass(frozen=True)
class NewTraining:
    """What one more training of a recipe would show on the same questions. Fractions."""

    low: float  # prediction interval of its difference to the reference
    high: float
    sign_flip: float  # chance that its difference has another sign than the mean of those seen


def new_training(
    trainings: Sequence[ArrayLike],
    reference: ArrayLike,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> NewTraining:
    """Predict the difference of one more training to the same answers of the reference, on the same questions.

    Mean ± t · s · sqrt(1 + 1 / S) with S - 1 degrees of freedom, s the standard deviation of the trainings' rates; the chance of another
    sign is that distribution's beyond 0. Both are exact for normal rates, as predictions in repeated use and as posterior
    predictive ones under the prior 1 / σ (Geisser, Predictive Inference, 1993, chapter 2). Rates vary at least by `Spread.noise`, which is
    known: where that gives more, by a normal distribution, it counts. The prior is flat in the effect: where effects are known to be
    small the sign turns more often, up to one time in two for a recipe that does nothing. Parameters and errors as in
    `recipe_effect`.
    """
    check_alpha(alpha)
    rates = _rates([*trainings, reference])
    count = len(rates) - 1
    if count < 2:
        raise ValueError("at least two trainings")
    samples = min(answer_table(model).size for model in (*trainings, reference))
    means = _means(rates)
    mean = float(means[:-1].sum() / count - means[-1])
    more = math.sqrt(1 + 1 / count)
    seen, noise = (
        max(math.sqrt(part), 0.5 / samples) * more for part in _variances(rates[:-1], clusters)
    )
    half = max(
        float(special.stdtrit(count - 1, 1 - alpha / 2)) * seen,
        float(special.ndtri(1 - alpha / 2)) * noise,
    )
    half += 0.5 / samples
    flips = (
        float(special.stdtr(count - 1, -abs(mean) / seen)),
        float(special.ndtr(-abs(mean) / noise)),
    )
    return NewTraining(max(-1.0, mean - half), min(1.0, mean + half), max(flips))


def _rates(models: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """(models, n): the rates of each question."""
    tables = [answer_table(model) for model in models]
    numbers = {len(table) for table in tables}
    if len(numbers) > 1:
        raise ValueError(f"all must be of the same questions: {sorted(numbers)}")
    # As numpy's mean of each row, which takes several times as long for few numbers; of one it is that number.
    return np.stack(
        [t[:, 0] + 0.0 if (k := t.shape[1]) == 1 else t @ np.ones(k) / k for t in tables]
    )


def _covariance(
    rates: NDArray[np.float64], weights: NDArray[np.float64], clusters: ArrayLike | None
) -> tuple[NDArray[np.float64], int, NDArray[np.float64]]:
    """The covariance of the models' mean rates over questions (clusters), their number, and what the weighted rates sum to in
    each. Raises `ValueError` for fewer than two."""
    n = rates.shape[1]
    sums, weighted = rates - _means(rates)[:, None], weights @ rates
    if clusters is not None:
        codes = cluster_codes(clusters, n)
        sums = np.stack([np.bincount(codes, weights=row) for row in sums])
        weighted = np.bincount(codes, weights=weighted).astype(float)
    groups = sums.shape[1]
    if groups < 2:
        raise ValueError("at least 2 questions (clusters) are needed")
    return sums @ sums.T * (groups / (groups - 1)) / n**2, groups, weighted


def _variances(rates: NDArray[np.float64], clusters: ArrayLike | None) -> tuple[float, float]:
    """The squares of `Spread.seen` and `Spread.noise`."""
    count = len(rates)
    covariance, _, _ = _covariance(rates, np.full(count, 1 / count), clusters)
    return _variance(_means(rates)), max(0.0, _own(covariance))


# As numpy's mean and var, which take several times as long for few numbers.
def _means(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rates.sum(axis=1) / rates.shape[1])


def _variance(values: NDArray[np.float64]) -> float:
    rest = values - values.sum() / len(values)
    return float(rest @ rest) / (len(values) - 1)


def _own(covariance: NDArray[np.float64]) -> float:
    """The variance of one training's rate that it does not share with the others."""
    count = len(covariance)
    diagonal = float(covariance.diagonal().sum())
    return diagonal / count - (float(covariance.sum()) - diagonal) / (count * (count - 1))


def _interval(effect: float, parts: Parts, alpha: float) -> tuple[float, float]:
    half = parts.critical(alpha) * parts.error
    return max(-1.0, effect - half), min(1.0, effect + half)
