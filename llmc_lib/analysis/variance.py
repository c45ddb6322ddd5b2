"""Where the noise of a score comes from: the choice of questions, and the sampling of answers."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from llmc_lib.analysis.given import answer_table
from llmc_lib.analysis.intervals import standard_error


@dataclass(frozen=True)
class VarianceParts:
    """Variance of one question's score, or of its difference of two models, with one sample each.

    A question has a chance θ of a right answer; a sample is right or not. `within` is the mean of a
    question's sampling variance, E θ(1 - θ); `between` the variance of θ over questions; of a difference
    `within` is the sum of both models' parts, `between` the variance of θ_candidate - θ_reference. The
    variance of a mean over n questions and k samples is (between + within / k) / n (Miller, "Adding Error
    Bars to Evals", 2024, section 3).
    """

    total: float  # between + within
    within: float | None  # None: not identified (one sample per question)
    #: Questions a cluster, on average; `between` is then larger, as the clusters make the variance of the mean.
    cluster_size: float = 1.0

    @property
    def between(self) -> float | None:
        """Unbiased, so that it can come out below 0 where it is small."""
        return None if self.within is None else self.total - self.within

    @property
    def within_most(self) -> float:
        """The most that `within` can be: itself where it is measured, else the whole."""
        return self.total if self.within is None else self.within

    def of_mean(self, samples: int) -> float:
        """Variance of a question's mean of so many samples: between + within / samples, from 0 to 1 (an
        estimate from few questions can be outside), in clusters to their size.

        Where the parts are not known, the larger end of what is possible: all of it between questions,
        where further samples buy nothing.
        """
        if samples < 1:
            raise ValueError(f"samples ({samples}) must be at least 1")
        within = 0.0 if self.within is None else self.within
        return min(self.cluster_size, max(0.0, self.total - within + within / samples))


def variance_parts(correct: ArrayLike) -> VarianceParts:
    """The parts of one model's score. `correct`: (n,) or (n, k) bool.

    k > 1: the unbiased estimates of a one-way analysis of variance; a question's r right of k give
    r(k - r) / (k(k - 1)) for its θ(1 - θ) (Searle, Casella & McCulloch, Variance Components, 1992, ch. 3).

    k = 1: rate · (1 - rate) = between + within is all that the answers say. `within` can be anything from 0
    (the model gives the same answer each time) to all of it (every question has one θ). Two runs of one
    sample each tell it: stack them to (n, 2); the share of questions on which they disagree is 2 · within.

    One question with k = 1 gives the most that is possible, 1/4. Raises `ValueError` for no question.
    """
    values = answer_table(correct)
    n, k = values.shape
    rates = values.mean(axis=1)
    if k == 1:
        return VarianceParts(float(rates.var(ddof=1)) if n > 1 else 0.25, None)
    within = float((rates * (1 - rates)).mean()) * k / (k - 1)
    spread = float(rates.var(ddof=1)) if n > 1 else 0.25
    return VarianceParts(min(1.0, spread + within * (1 - 1 / k)), within)


def difference_variance_parts(
    candidate: ArrayLike, reference: ArrayLike, clusters: ArrayLike | None = None
) -> VarianceParts:
    """The parts of the difference of two models on the same questions. Both (n,) or (n, k) bool, k of each its own; `clusters`, (n,), a
    label a question: `between` is then n times the cluster-robust variance of the mean (`intervals.standard_error`)
    less the part of sampling, which is not shared within a cluster.

    k > 1: `within` is the sum of both models' parts (their samples are drawn apart), `between` what the
    variance of the questions' differences has beyond within / k.

    Raises `ValueError` for arrays that are empty, of different questions or neither true nor false (NaN), and for labels
    that are not one a question.

    k = 1: with D the share of questions on which exactly one is right and δ the difference,
    D = within + between + δ², because E[a(1 - b) + b(1 - a)] = a(1 - a) + b(1 - b) + (a - b)². So `total`
    is D - δ², and `within` lies between 0 and that: discordance bounds the sampling noise from above. It is not identified
    either where only one of the two models has one sample, while `total` is.
    """
    a, b = answer_table(candidate), answer_table(reference)
    if len(a) != len(b):
        raise ValueError(f"both must have the same questions: {a.shape}, {b.shape}")
    n = len(a)
    differences = a.mean(axis=1) - b.mean(axis=1)
    error, groups = standard_error(differences, clusters)
    # At most 1, of fully dependent questions their number; n / (n - 1) can take an estimate above.
    most = n / groups
    spread = min(most, n * error**2) if groups > 1 else most
    own = variance_parts(a).within, variance_parts(b).within
    averaged = sum(
        (part or 0.0) * (1 - 1 / table.shape[1]) for part, table in zip(own, (a, b), strict=True)
    )
    within = None if own[0] is None or own[1] is None else own[0] + own[1]
    return VarianceParts(min(most, spread + averaged), within, most)


def assumed_parts(rate: float, correlation: float = 0.5, sampling: float = 0.3) -> VarianceParts:
    """The parts of a difference of two models before any run, from what one assumes.

    Parameters: `rate`, about that of both models; `correlation` of the two models' answers (right or
    wrong, one sample each) over questions: a fine-tuned model and its base are the more alike, the nearer
    it is to 1; `sampling`, the share of a model's rate · (1 - rate) that is sampling and not the question:
    0 for greedy decoding. Miller (2024, section 4.3) saw correlations of 0.3 to 0.7 among models of
    different makers.

    total = 2 · rate · (1 - rate) · (1 - correlation), of which 2 · rate · (1 - rate) · sampling is within.
    Sampling noise is not shared, so correlation + sampling ≤ 1. Raises `ValueError` otherwise.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate ({rate}) must lie between 0 and 1")
    if not 0 <= correlation <= 1 or not 0 <= sampling <= 1 or correlation + sampling > 1 + 1e-9:
        raise ValueError(
            f"correlation ({correlation}) and sampling ({sampling}) must be in [0, 1], and together at most "
            "1, since sampling is not shared by the models; lower one of them"
        )
    double = 2 * rate * (1 - rate)
    return VarianceParts(double * (1 - correlation), double * min(sampling, 1 - correlation))
