"""Designs with several trainings of a recipe: what one checkpoint hides, what so many trainings find, what to add next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.given import answer_table
from llmc_lib.analysis.power import power, smallest
from llmc_lib.analysis.recipe import Part, Parts, Spread, recipe_effect, seed_spread
from llmc_lib.analysis.variance import VarianceParts, variance_parts

#: Of the variance of a question's difference so much is taken to be one training's own, before any run: its sampling, and what it
#: alone learned of the question; the rest is the reference's sampling, and what all trainings of a recipe learn.
OWN = 0.5
#: What can be added to a design.
Kind = Literal["trainings", "questions", "samples"]
# Gauss-Hermite nodes and weights, for means over a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
# Gauss-Legendre on [-1, 1], for means over an estimated variance.
_POINTS, _POINT_WEIGHTS = np.polynomial.legendre.leggauss(80)


def one_checkpoint_misleads(
    spread: float, n: int, parts: VarianceParts, samples: int = 1, alpha: float = 0.05
) -> float:
    """How often the verdict on one checkpoint is better or worse, though its recipe does nothing on average.

    The mean of `power` over the checkpoint's true difference, N(0, spread²): each checkpoint's verdict is right, and says nothing of
    the recipe. `spread` of trainings and the level `alpha` as fractions; the others as in `power`.

    >>> parts = VarianceParts(0.11, None)  # HLE's text questions, on 11% of which one of two models is right
    >>> [round(one_checkpoint_misleads(spread, 2158, parts), 3) for spread in (0.0, 0.005, 0.01)]
    [0.05, 0.108, 0.254]
    """
    # No difference is beyond 1, whatever the tails of the normal distribution say.
    sizes = np.clip(spread * _NODES, -1, 1)
    chances = [power(float(size), n, parts, samples, alpha) for size in sizes]
    return float(np.average(chances, weights=_WEIGHTS))


@dataclass(frozen=True)
class _Design:
    """How a test of a recipe's effect comes out: the standard error, and what an effect must exceed to be found."""

    error: float
    # Over the distribution of the trainings' estimated variance, each as likely as its weight.
    limits: NDArray[np.float64]

    @classmethod
    def of(
        cls, trainings: int, spread: float, n: int, parts: VarianceParts, samples: int, alpha: float
    ) -> _Design:
        groups = max(2.0, n / parts.cluster_size)
        noise = max(parts.of_mean(samples), 1 / n) / n
        shared = (1 - OWN) * noise
        trained, freedom = (spread**2 + OWN * noise) / trainings, trainings - 1.0
        seen = trained * special.chdtri(freedom, (1 - _POINTS) / 2) / freedom
        found = [Parts((Part(shared, groups - 1), Part(float(part), freedom))) for part in seen]
        limits = [each.critical(alpha) * each.error for each in found]
        return cls(math.sqrt(shared + trained), np.array(limits))

    def power(self, effect: float) -> float:
        """The chance that a true effect is found."""
        beyond = special.ndtr((effect - self.limits) / self.error)
        below = special.ndtr((-effect - self.limits) / self.error)
        return float(np.clip(_POINT_WEIGHTS / 2 @ (beyond + below), 0, 1))


def effect_power(
    effect: float,
    trainings: int,
    spread: float,
    n: int,
    parts: VarianceParts,
    samples: int = 1,
    alpha: float = 0.05,
) -> float:
    """The chance that `recipe_effect` finds a true effect.

    Parameters: `trainings`, 2 and more, with the standard deviation `spread`; the others as in `power`. The variance between trainings
    is estimated, the rest taken to be known: the mean over the estimate's distribution, by Gauss-Legendre on its quantiles, as for
    `t_power`. `OWN` of what questions and sampling add is one training's own, which further trainings average out.
    """
    return _Design.of(trainings, spread, n, parts, samples, alpha).power(abs(effect))


def detectable_effect(
    trainings: int,
    spread: float,
    n: int,
    parts: VarianceParts,
    samples: int = 1,
    alpha: float = 0.05,
    target: float = 0.8,
) -> float:
    """The smallest true effect of a recipe that is found with the chance `target`; 1 where there is none. As `effect_power`."""
    return smallest(_Design.of(trainings, spread, n, parts, samples, alpha).power, target)


@dataclass(frozen=True)
class Option:
    """One thing to add to a design, and the half width of the interval that is to be expected then, a fraction."""

    kind: Kind
    number: int  # of trainings, questions or samples, with what is added
    half: float


@dataclass(frozen=True)
class NextStep:
    """Where the next hour is best spent."""

    # That each option costs; None: costs are not known, each option doubles something.
    seconds: float | None
    half: float  # that of this design, were it run again
    options: tuple[Option, ...]
    best: Kind | None  # None: nothing can be added
    sure: bool  # is it best at both ends of the interval of the spread, too?


@dataclass(frozen=True)
class Costs:
    """What more of something costs, in seconds."""

    training: float  # one more training
    answer: float  # one more completion


@dataclass(frozen=True)
class Noise:
    """The parts of the variance of a recipe's effect, per question and training (see `recipe`)."""

    shared: float  # between questions, shared by all trainings
    shared_sampling: float  # the reference's sampling
    own: float  # between questions, of one training
    own_sampling: float
    spread: float  # standard deviation of trainings

    def parts(self, n: float, samples: float, trainings: float) -> Parts:
        """Of a design with so many questions, samples of each, and trainings."""
        shared = (self.shared + self.shared_sampling / samples) / n
        own = (self.own + self.own_sampling / samples) / n
        return Parts((Part(shared, n - 1), Part((self.spread**2 + own) / trainings, trainings - 1)))


def next_step(
    trainings: Sequence[ArrayLike],
    reference: ArrayLike,
    costs: Costs | None = None,
    *,
    alpha: float = 0.05,
    more_questions: bool = True,
    more_samples: bool = True,
    clusters: ArrayLike | None = None,
) -> NextStep:
    """Is the next hour better spent on trainings, on questions, or on samples of each?

    For each what the same time buys, and the half width of the recipe's interval with it, by the variances that were measured.
    An hour, or as long as one more training takes with its evaluation, where that is longer. Without `costs`: twice as many of
    each. `more_questions`: are there any; `more_samples`: would they be other ones (not at temperature 0). With one sample per question
    it is not known what more of them would bring, and they are no option; nor where the models have unequal numbers of them. The
    spread of a few trainings is uncertain, and with it the answer: `sure` says whether both ends of its interval agree. Parameters and errors as in `recipe_effect`.
    """
    tables = [answer_table(model) for model in (*trainings, reference)]
    n, k = tables[0].shape
    count = len(trainings)
    more_samples &= {table.shape[1] for table in tables} == {k} and k > 1
    found = seed_spread(trainings, alpha, clusters)
    variance = recipe_effect(trainings, [reference], alpha, clusters).parts.parts[0].variance
    noises = _noises(tables, variance, found, more_samples=more_samples)
    designs: dict[Kind, tuple[float, float, float]] = {}
    seconds = None
    if costs is None:
        more_trainings, more_n, more_k = 2 * count, 2 * n, 2 * k
    else:
        one = costs.training + n * k * costs.answer
        seconds = max(3600.0, one)
        more_trainings = count + int(seconds / one)
        answers = seconds / costs.answer / (count + 1)
        more_n, more_k = n + int(answers / k), k + int(answers / n)
    designs["trainings"] = (n, k, more_trainings)
    if more_questions and more_n > n:
        designs["questions"] = (more_n, k, count)
    if more_samples and more_k > k:
        designs["samples"] = (n, more_k, count)
    # More of anything never widens the interval: where fewer degrees of freedom would, it does nothing.
    halves = [
        {
            kind: min(_half(noise, (n, k, count), alpha), _half(noise, design, alpha))
            for kind, design in designs.items()
        }
        for noise in noises
    ]
    best = [min(each, key=lambda kind: each[kind]) for each in halves]
    numbers = {"trainings": more_trainings, "questions": more_n, "samples": more_k}
    return NextStep(
        seconds=seconds,
        half=_half(noises[0], (n, k, count), alpha),
        options=tuple(Option(kind, int(numbers[kind]), half) for kind, half in halves[0].items()),
        best=best[0],
        sure=len(set(best)) == 1,
    )


def _noises(
    tables: Sequence[NDArray[np.bool_]], variance: float, found: Spread, *, more_samples: bool
) -> list[Noise]:
    """The parts at the spread that was found, and at both ends of its interval. `tables` of the trainings, then of the reference;
    `variance` between questions."""
    n, k = tables[0].shape
    # What more samples cannot reduce is not told apart from what differs between questions.
    within = (variance_parts(table).within if more_samples else None for table in tables)
    sampling = [part or 0.0 for part in within]
    own_sampling = float(np.mean(sampling[:-1]))
    return [
        Noise(
            shared=max(0.0, variance * n - sampling[-1] / k),
            shared_sampling=sampling[-1],
            own=max(0.0, found.noise**2 * n - own_sampling / k),
            own_sampling=own_sampling,
            spread=spread,
        )
        for spread in (found.sd, found.low, found.high)
    ]


def _half(noise: Noise, design: tuple[float, float, float], alpha: float) -> float:
    parts = noise.parts(*design)
    return min(1.0, parts.critical(alpha) * parts.error)
