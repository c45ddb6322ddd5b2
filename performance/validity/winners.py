"""How much of the winner's overstatement is left: shrunken, and less its optimism?

Errors of the winner's estimate, in standard errors of a difference. "Picked": the best of m candidates. "Above":
of those cases the ones in which it is above the reference, as the rule of `selection.select` has it, which overstates
by itself. Promised: shrunken to the mean of all, what picking adds is gone to 0.25 standard errors; what being above the
reference adds is not, and the rows say how much that is: two candidates keep two thirds of the whole, eight a quarter. Shrunken to
the reference a third is kept at most, and too much is taken where all candidates share a gain. Less its optimism the
winner of two keeps a third, the winner of eight next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.optimism import selection_noise
from llmc_lib.analysis.shrinkage import shrink
from performance.validity.draws import draw, rates, row
from performance.validity.sign_flip import outcomes_of

#: (candidates, sd of true differences, their mean), in standard errors of a difference → the allowed bias of the
#: winner shrunken to the mean (picked; above) and to the reference (above).
_SETTINGS = {
    (2, 0.0, 0.0): ((-0.05, 0.25), (0.45, 0.75), (0.0, 0.4)),
    (2, 1.0, 0.0): ((-0.25, 0.15), (0.1, 0.45), (-0.25, 0.25)),
    (8, 0.0, 0.0): ((-0.05, 0.25), (0.15, 0.45), (0.0, 0.4)),
    (8, 0.0, 2.0): ((-0.05, 0.25), (-0.05, 0.25), (-0.9, 0.0)),
    (8, 1.0, 0.0): ((-0.25, 0.15), (-0.2, 0.2), (-0.3, 0.2)),
}


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for (m, tau, mean), allowed in _SETTINGS.items():
        yield from _shrunken(rng, m, tau, mean, allowed, repetitions)
    for m in (2, 8):
        yield from _optimism(rng, m, max(40, repetitions // 8))


def _shrunken(
    rng: np.random.Generator,
    m: int,
    tau: float,
    mean: float,
    allowed: tuple[tuple[float, float], ...],
    repetitions: int,
) -> Iterator[dict[str, Any]]:
    covariance = 0.5 + 0.5 * np.eye(m)  # half of the variance is the reference's, which all share
    truth = mean + tau * rng.standard_normal((repetitions, m))
    seen = truth + rng.multivariate_normal(np.zeros(m), covariance, repetitions)
    at = np.arange(repetitions), seen.argmax(axis=1)
    above = seen[at] > 0
    to_mean = np.array([shrink(one, covariance)[0] for one in seen])[at] - truth[at]
    to_reference = (
        np.array([shrink(one, covariance, to="reference")[0] for one in seen])[at] - truth[at]
    )
    raw = seen[at] - truth[at]
    setting = f"{m} candidates, true sd {tau:g}, mean {mean:g} standard errors"
    for what, errors, some, bounds in (
        ("winner shrunken to the mean, picked", to_mean, np.full(repetitions, True), allowed[0]),
        ("winner shrunken to the mean, above", to_mean, above, allowed[1]),
        ("winner shrunken to the reference, above", to_reference, above, allowed[2]),
    ):
        told = f"{setting}; as seen {raw[some].mean():+.2f}"
        yield row(what, "bias", told, errors[some].mean(), bounds, int(some.sum()))


def _optimism(rng: np.random.Generator, m: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """Answers of equal and of different candidates; over runs with a winner."""
    n, k = 200, 4
    equal = (0.4,) * (m + 1)
    spread = (0.40, *np.linspace(0.30, 0.50, m))  # the reference first
    for name, chances, allowed in (
        ("equal", equal, (-0.2, 0.3) if m > 2 else (0.1, 0.55)),
        ("spread", spread, (-0.3, 0.3)),
    ):
        types = ((0.6, (0.05,) * (m + 1)), (0.4, chances))
        truth = rates(types)[1:] - rates(types)[0]
        errors, raw = [], []
        for at, correct in enumerate(draw(rng, types, repetitions, n, k)):
            found = selection_noise(outcomes_of(correct), resamples=200, seed=at, draws=500)
            if found.chosen is None or found.corrected is None:
                continue
            index = int(found.chosen) - 1
            each = correct.mean(axis=2)
            scale = float((each[index + 1] - each[0]).std() / n**0.5)
            errors.append((found.corrected - truth[index]) / scale)
            raw.append((float(found.candidates["difference"][index]) - truth[index]) / scale)
        setting = f"n={n}, k={k}, {m} candidates, {name}; as seen {np.mean(raw):+.2f}"
        yield row("winner less optimism, above", "bias", setting, np.mean(errors), allowed, len(errors))  # fmt: skip
