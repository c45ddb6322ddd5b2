"""Errors of `make gate` where they are largest: the candidate is worse by exactly the margin.

Promised: a criterion "not worse by more than the margin" passes by mistake in at most 5.5% of the cases, and is found
broken by mistake in at most 5.5%; three criteria that do not hold pass together less often; and of four candidates that are
all worse by the margin the one with the highest rate passes in at most 5.5%. With one sample from 100 questions and 10
discordant ones on; with several from 50 questions on. Of a recipe the same from 500 questions and 3 trainings on, which differ by
a standard deviation of 1 point.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.gate import Finding, not_worse, together
from llmc_lib.analysis.recipe import recipe_effect
from llmc_lib.analysis.simultaneous import family
from performance.validity.draws import TYPE_I, Types, draw, rates, row
from performance.validity.recipe import draw_recipe

MARGIN = 0.05


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for n, k in ((100, 1), (500, 1), (2500, 1), (50, 4), (200, 4)):
        for name, types in (("low rates", _lower(2)), ("high rates", HIGH)):
            assert np.isclose(np.diff(rates(types))[0], MARGIN)
            few = repetitions if n * k < 2000 else repetitions // 2
            found = [_asked(_paired(a, b)) for a, b in draw(rng, types, few, n, k)]
            for outcome in ("pass", "fail"):
                value = np.mean([one.outcome == outcome for one in found])
                setting = f"n={n}, k={k}, {name}"
                yield row(f"wrong {outcome}", "type I error", setting, value, TYPE_I, few)
    three = [
        [_asked(_paired(a, b)) for a, b in draw(rng, _lower(2), repetitions, n, 1)]
        for n in (200, 300, 500)
    ]
    value = np.mean([together(list(each)) == "pass" for each in zip(*three, strict=True)])
    setting = "three criteria, none of which holds"
    yield row("wrong pass", "type I error", setting, value, TYPE_I, repetitions)
    few = repetitions // 4
    value = np.mean([_best_passes(models) for models in draw(rng, _lower(5), few, 500, 1)])
    setting = "n=500, k=1, the best of 4 candidates"
    yield row("wrong pass", "type I error", setting, value, TYPE_I, few)
    for n, trainings in ((500, 3), (500, 5), (2158, 4)):
        yield from _recipes(np.random.default_rng([seed, n, trainings]), repetitions, n, trainings)


def _recipes(
    rng: np.random.Generator, repetitions: int, n: int, trainings: int
) -> Iterator[dict[str, Any]]:
    """A recipe whose mean is worse by exactly the margin."""
    found = []
    for _ in range(repetitions):
        base, models = draw_recipe(rng, n, 1, trainings, 0.01, -MARGIN)
        effect = recipe_effect(models, [base])
        interval = {
            "low": effect.low, "high": effect.high, "level": effect.alpha, "narrow": effect.narrow,
            "equivalence": [effect.inner_low, effect.inner_high],
        }  # fmt: skip
        figures = {
            "recipe": "a", "n": n, "verdict_code": "unclear", "difference": effect.difference,
            "interval": interval, "unknown": None,
        }  # fmt: skip
        block = {"measure": "accuracy", "recipes": {"effects": [figures]}}
        found.append(not_worse("main", block, "a", MARGIN, about="recipe"))
    setting = f"recipe, n={n}, {trainings} trainings, sd 1 point"
    for outcome in ("pass", "fail"):
        value = np.mean([one.outcome == outcome for one in found])
        yield row(f"wrong {outcome}", "type I error", setting, value, TYPE_I, repetitions)


#: Safe responses, say: the candidate's 5 points below the reference's 91.6%.
HIGH: Types = ((0.8, (0.92, 0.97)), (0.2, (0.65, 0.7)))


def _lower(models: int) -> Types:
    """The candidates are better on some questions and worse on more; the reference is the last."""
    others = models - 1
    return (
        (0.6, (*(0.03,) * others, 0.03)),
        (0.2, (*(0.5,) * others, 0.3)),
        (0.2, (*(0.05,) * others, 0.5)),
    )


def _asked(found: PairedComparison) -> Finding:
    """The criterion, on figures as metrics.json has them."""
    nothing = {"n_missing": 0, "n_failed": 0, "n_samples": 1}
    comparison = {
        "model": "a",
        "reference": "b",
        "n": found.n,
        "verdict_code": "unclear",  # anything but "harness"
        "difference": found.difference,
        "missing": None,
        "interval": {
            "low": found.low,
            "high": found.high,
            "level": found.alpha,
            "narrow": found.narrow,
            "equivalence": [found.inner_low, found.inner_high],
        },
    }
    block = {
        "measure": "accuracy",
        "comparisons": [comparison],
        "models": {"a": nothing, "b": nothing},
    }
    return not_worse("main", block, "a", MARGIN)


def _best_passes(models: np.ndarray) -> bool:
    *candidates, reference = models
    differences = np.stack([one[:, 0].astype(float) - reference[:, 0] for one in candidates], 1)
    level = family(differences, draws=4_000).level
    best = max(candidates, key=lambda one: float(one.mean()))
    return _asked(_paired(best, reference, level)).outcome == "pass"


def _paired(a: np.ndarray, b: np.ndarray, alpha: float = 0.05) -> PairedComparison:
    if a.shape[1] > 1:
        return paired_comparison(a, b, alpha)
    return _of_counts(int((a & ~b).sum()), int((b & ~a).sum()), len(a), alpha)


@cache
def _of_counts(gained: int, lost: int, n: int, alpha: float) -> PairedComparison:
    at = np.arange(n)
    return paired_comparison(at < gained, (at >= gained) & (at < gained + lost), alpha)
