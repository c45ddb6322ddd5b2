"""A difference over questions and prompts, both random: crossed random effects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from llmc_lib.analysis.clustered import by_cluster
from llmc_lib.analysis.comparison import DifferenceTest, difference_test
from llmc_lib.analysis.given import check_alpha


@dataclass(frozen=True)
class Crossed:
    """The mean difference over n questions × P prompts, for other questions and other prompts like these. Fractions."""

    difference: float
    low: float
    high: float
    error: float  # standard error
    questions: float  # its variance from the choice of questions
    prompts: float  # its variance from the choice of prompts, and from what each prompt does to single questions
    spread: float  # estimated standard deviation of the true difference from prompt to prompt; 0 where noise explains what is seen


def crossed(
    differences: ArrayLike, alpha: float = 0.05, clusters: ArrayLike | None = None
) -> Crossed:
    """The difference of two models over questions and prompts.

    Parameters: `differences`, (n, P): of each question under each prompt the rate of the candidate minus that of the reference;
    confidence 1 - alpha; `clusters`, (n,), a label a question.

    Two random factors that are crossed, without replication: Var(mean) = σ_q² / n + (σ_p² + σ_e² / n) / P (Searle, Casella & McCulloch,
    Variance Components, 1992, ch. 4; prompts as a facet: Brennan, Generalizability Theory, 2001). The second part is estimated by the
    variance of the P prompts' means over P, with P - 1 degrees of freedom, the first by the covariance of the prompts over questions, with n
    - 1. The critical value is the mean of both parts' own of Student's t, weighted by their variances (Cochran & Cox, Experimental Designs,
    1957, ch. 4): two prompts tell little of how prompts differ, and the interval says so.

    Raises `ValueError` for fewer than 2 prompts or 2 questions (clusters).
    """
    check_alpha(alpha)
    values = np.asarray(differences, dtype=float)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(
            f"differences must be of shape (n, prompts), with 2 prompts at least: {values.shape}"
        )
    size = 1.0  # questions a cluster
    if clusters is not None:
        size = float(len(values))
        values = by_cluster(values, clusters)
        size /= len(values)
    n, several = values.shape
    if n < 2:
        raise ValueError("at least 2 questions (clusters) are needed")
    covariance = np.cov(values.T) / size**2
    own = float(np.trace(covariance)) / several
    shared = float(covariance.sum() - np.trace(covariance)) / (several * (several - 1))
    means = values.mean(axis=0) / size
    between = float(means.var(ddof=1))
    # No difference among few questions does not mean that there is no noise: one could have gone the other way.
    of_prompts = between / several
    of_questions = max(shared / n, 1 / (n * size) ** 2 - of_prompts, 0.0)
    variance = of_questions + of_prompts
    at = 1 - alpha / 2
    critical = (
        of_questions * float(special.stdtrit(n - 1, at))
        + of_prompts * float(special.stdtrit(several - 1, at))
    ) / variance
    difference, error = float(means.mean()), math.sqrt(variance)
    return Crossed(
        difference=difference,
        low=max(-1.0, difference - critical * error),
        high=min(1.0, difference + critical * error),
        error=error,
        questions=of_questions,
        prompts=of_prompts,
        spread=math.sqrt(max(0.0, between - (own - shared) / n)),
    )


def interaction(
    first: ArrayLike, other: ArrayLike, samples: int, clusters: ArrayLike | None = None
) -> DifferenceTest:
    """Is the difference of two models another one under another prompt?

    Parameters: (n,) whole numbers, of each question the right answers of the candidate minus those of the reference, under the
    first prompt and under the other one, of so many `samples`. Tested as a difference of several samples is
    (`comparison.difference_test`), also where a question has one: the two differences make it -2 to 2.
    """
    counts = np.asarray(other, dtype=np.int64) - np.asarray(first, dtype=np.int64)
    labels = np.arange(len(counts)) if clusters is None else clusters
    return difference_test(counts, samples, labels)
