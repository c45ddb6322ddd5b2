"""Do the intervals of all candidates hold at once, and is the winner's estimate fair?

Promised: simultaneous intervals from 200 questions with one sample, 100 with several. The bootstrap's optimism is
known to fall short where all candidates are equal: 1 / sqrt(2) of the true one, since the resamples scatter around
differences that have noise themselves; the rows show what remains, and the uncorrected bias beside it. The shrunken estimate of the winner is fair
where the true differences are scattered around their mean as its model says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.validity.draws import COVERAGE, TYPE_I, draw, rates, row
from llmc_lib.analysis.optimism import selection_noise
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.shrinkage import shrink
from llmc_lib.analysis.simultaneous import simultaneous_intervals

M = 7
NULL = ((0.6, (0.05,) * (M + 1)), (0.4, (0.4,) * (M + 1)))
SPREAD = (
    (0.6, (0.05,) * (M + 1)),
    (0.4, (0.40, 0.30, 0.36, 0.38, 0.40, 0.42, 0.44, 0.50)),  # the reference first
)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See benchmarks/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, types in (("equal", NULL), ("spread", SPREAD)):
        for n, k in ((200, 1), (100, 8)):
            means = draw(rng, types, repetitions, n, k).mean(axis=3)
            truth = rates(types)[1:] - rates(types)[0]
            found = [
                simultaneous_intervals((one[1:] - one[0]).T, samples=k, seed=at, draws=4_000)
                for at, one in enumerate(means)
            ]
            setting = f"n={n}, k={k}, {M} candidates, {name}"
            value = np.mean([((s.low <= truth) & (truth <= s.high)).all() for s in found])
            yield row("all intervals at once", "coverage", setting, value, COVERAGE, repetitions)
            if name == "equal":
                value = np.mean([s.p_adjusted.min() < 0.05 for s in found])
                yield row("family", "type I error", setting, value, TYPE_I, repetitions)
    yield from _winner(rng, repetitions)
    yield from _optimism(rng, max(40, repetitions // 8))


def _winner(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Error of the winner's estimate, in standard errors: as it is, and shrunken."""
    error, shared = 0.01, 0.5
    covariance = error**2 * (shared + (1 - shared) * np.eye(M))
    for tau in (0.0, 1.0):
        truth = 0.01 + tau * error * rng.standard_normal((repetitions, M))
        noise = rng.multivariate_normal(np.zeros(M), covariance, repetitions)
        seen = truth + noise
        winner = seen.argmax(axis=1)
        at = np.arange(repetitions), winner
        shrunken = np.array([shrink(one, covariance)[0] for one in seen])
        raw = (seen[at] - truth[at]).mean() / error
        value = (shrunken[at] - truth[at]).mean() / error
        setting = f"{M} candidates, true spread {tau:g} standard errors; not shrunken {raw:+.2f}"
        yield row("winner, shrunken", "bias", setting, value, (-0.15, 0.35), repetitions)


def _optimism(rng: np.random.Generator, repetitions: int) -> Iterator[dict[str, Any]]:
    """Error of the winner's difference less its optimism, in standard errors, over runs with a winner."""
    n, k = 200, 4
    for name, types in (("equal", NULL), ("spread", SPREAD)):
        truth = rates(types)[1:] - rates(types)[0]
        errors, raw = [], []
        for at, correct in enumerate(draw(rng, types, repetitions, n, k)):
            found = selection_noise(_outcomes(correct), resamples=200, seed=at, draws=500)
            if found.chosen is None or found.corrected is None:
                continue
            index = int(found.chosen)
            difference = float(found.candidates["difference"][index])
            scale = float(
                (correct[index + 1].mean(axis=1) - correct[0].mean(axis=1)).std() / n**0.5
            )
            errors.append((found.corrected - truth[index]) / scale)
            raw.append((difference - truth[index]) / scale)
        setting = f"n={n}, k={k}, {M} candidates, {name}; not corrected {np.mean(raw):+.2f}"
        yield row(
            "winner less optimism", "bias", setting, np.mean(errors), (-0.3, 0.7), len(errors)
        )


def _outcomes(correct: np.ndarray) -> Outcomes:
    models = {"reference" if at == 0 else str(at - 1): values for at, values in enumerate(correct)}
    n = correct.shape[1]
    return Outcomes(
        reference="reference",
        question_ids=np.arange(n),
        category=np.full(n, "all", object),
        cluster=None,
        correct=models,
        missing={name: np.zeros_like(values) for name, values in models.items()},
        left_out=dict.fromkeys(models, 0),
    )
