"""A model that answers twice under two engines: does the alarm keep its level, does it find a planted shift, and does the next run
under another engine fall where it is predicted?

Greedy answers, one sample: of each model a share of the questions is on an edge, where the engine decides whether the answer is
right (a coin an engine and question); the others never turn. With several samples an engine moves the chance of each question
(normal, on the logit scale). HLE's population at a rate of 30%. Promised: the alarm of m repeats goes off in at most 5.5% of the benchmarks
where engines turn as many answers up as down; it finds a shift at least as often as the power of the test says, less 3 points; the interval of the next
run's difference under a new engine for both models holds it in at least 93.5%, from 100 questions on, with the harness measured on the
reference alone (few turned answers: wide). "as a bound" is what is said without a repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import special

from llmc_lib.analysis.comparison import paired_test
from llmc_lib.analysis.power import power
from llmc_lib.analysis.repeat import harness_part, within_rerun
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.variance import VarianceParts, difference_variance_parts
from performance.validity.draws import TYPE_I, hle_chances, row, sample, sibling

_RATE = 0.3
#: A model as it answers under one more engine: () → (n, k) bool.
Model = Callable[[], np.ndarray]


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    times = repetitions
    for n, turning in ((200, 0.02), (200, 0.09), (2158, 0.02), (2158, 0.09)):
        setting = f"n={n}, k=1, {turning:.0%} turn"
        for several in (1, 2):
            value = np.mean([_alarm(_greedy(rng, n, turning), several) for _ in range(times)])
            what = "alarm" if several == 1 else f"alarm of {several} repeats"
            yield row(what, "type I error", setting, value, TYPE_I, times)
        expected = power(0.03, n, VarianceParts(turning + 0.03 - 0.03**2, None))
        found = [_alarm(_greedy(rng, n, turning), 1, shift=0.03, rng=rng) for _ in range(times)]
        shifted = f"{setting}, shift 3 points, formula {expected:.3f}"
        yield row("alarm", "power", shifted, np.mean(found), (expected - 0.03, 1.0), times)
    for n, turning in ((100, 0.03), (200, 0.02), (500, 0.09), (2158, 0.03)):
        pairs = [(_greedy(rng, n, turning), _greedy(rng, n, turning)) for _ in range(times)]
        setting = f"n={n}, k=1, {turning:.0%} turn"
        yield row(
            "next difference, other engine",
            "coverage",
            setting,
            *_covers(pairs, (0.935, 1.0)),
            times,
        )
    for n, k, moved in ((200, 4, 0.0), (200, 4, 0.5), (500, 2, 0.5)):
        pairs = [_sampled(rng, n, k, moved) for _ in range(times)]
        setting = f"n={n}, k={k}, logit moved by {moved:g}"
        yield row(
            "next difference, other engine",
            "coverage",
            setting,
            *_covers(pairs, (0.935, 0.985)),
            times,
        )


def _greedy(rng: np.random.Generator, n: int, turning: float) -> Model:
    """A model of which this share of the answers turns between two engines."""
    right = rng.random(n) < _RATE
    on_edge = rng.random(n) < 2 * turning
    return lambda: np.where(on_edge, rng.random(n) < 0.5, right)[:, None]


def _sampled(rng: np.random.Generator, n: int, k: int, moved: float) -> tuple[Model, Model]:
    """Two models of a family whose questions' chances an engine moves by so much on the logit scale."""
    base = hle_chances(rng, (n,), _RATE)

    def under(chances: np.ndarray) -> Model:
        logit = special.logit(np.clip(chances, 1e-6, 1 - 1e-6))
        return lambda: sample(rng, special.expit(logit + moved * rng.standard_normal(n)), k)

    return under(sibling(rng, base, _RATE)), under(base)


def _alarm(
    model: Model, several: int, shift: float = 0.0, rng: np.random.Generator | None = None
) -> bool:
    """Does any of several repeats differ clearly from the first time? `shift`: so many more of all are wrong the second time."""
    first = model()
    again = [model() for _ in range(several)]
    if rng is not None:
        lose = rng.random(first.shape) < shift / max(float(first.mean()), shift)
        again = [second & ~lose for second in again]
    return any(paired_test(second, first).p_value < 0.05 / several for second in again)


def _covers(
    pairs: list[tuple[Model, Model]], allowed: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """How often the next run's difference lies in the interval of this one's, where the reference was repeated."""
    held = 0
    for candidate, reference in pairs:
        ours, theirs, again = candidate(), reference(), reference()
        k = theirs.shape[1]
        parts = difference_variance_parts(ours, theirs)
        within = within_rerun(parts, harness_part(theirs, again), k)
        found = rerun(ours, theirs, within=within, given="repeat")
        following = float(candidate().mean() - reference().mean())
        held += found.low - 1e-12 <= following <= found.high + 1e-12
    return held / len(pairs), allowed
