"""What choosing the best of several candidates hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from llmc_lib.analysis.bootstrap import Totals, resampled_totals
from llmc_lib.analysis.comparison import paired_test
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.shrinkage import shrink
from llmc_lib.analysis.simultaneous import simultaneous_intervals


@dataclass(frozen=True)
class SelectionNoise:
    """A choice among candidates, with its uncertainty. Differences to the reference are fractions."""

    #: A row a candidate: model, difference, low, high (simultaneous), p_adjusted, shrunken (to the mean of all),
    #: shrunken_error, sceptical (shrunken to the reference), best (chance), chosen (chance).
    candidates: pd.DataFrame
    chosen: str | None  # by the rule, on these answers
    chosen_again: float  # chance that the rule chooses the same (or none, where it chose none)
    none_chosen: float  # chance that no candidate meets the rule
    optimism: float | None  # what the winner's difference is expected to overstate; None: no winner
    corrected: float | None  # the winner's difference less that
    critical: float  # the factor of the standard errors in the simultaneous intervals
    better_in: tuple[str, ...]
    resamples: int
    seed: int


def selection_noise(
    outcomes: Outcomes,
    better_in: Sequence[str] = (),
    *,
    resamples: int = 2000,
    alpha: float = 0.05,
    seed: int = 0,
    draws: int = 50_000,
) -> SelectionNoise:
    """What the rule of `selection.select` hides when it chooses among several candidates.

    Parameters: `outcomes` with at least one candidate; `better_in`, the categories of the rule (those that
    the benchmark lacks are ignored); `draws` as in `simultaneous_intervals`. Seeded: the same call gives the
    same numbers.

    Intervals and p-values: `simultaneous_intervals`. Shrunken estimates: `shrink`.

    best, chosen, none_chosen, optimism: a bootstrap over questions (over clusters, where there are some),
    each with its samples. A question that is drawn brings all its samples, so that both parts of the variance
    are in it; to redraw samples within a question as well would count the sampling noise twice (Davison &
    Hinkley, Bootstrap Methods, 1997, section 3.8; Field & Welsh, J. R. Stat. Soc. B 69, 2007). `best` is
    the share of resamples in which a candidate has the highest rate of all candidates, shared among equal
    ones; it reads as a chance under a flat prior, and is too sure where differences are small in general.

    optimism, after Efron (Ann. Stat. 7, 1979) and Harrell: how far the winner of a resample is above what it is
    there known to be, on average over the resamples with a winner. The resamples are moved to scatter around
    the shrunken differences (of each category, too), not around the observed ones: those scatter more than the
    true ones do, and where all candidates are equal only 70% of the optimism would be found.

    Raises `ValueError` for no candidate and for fewer than 2 questions (clusters).
    """
    names = outcomes.candidates
    if not names:
        raise ValueError(f"no candidate besides the reference {outcomes.reference}")
    wanted, parts = _parts(outcomes, better_in)
    differences = parts[:, : len(names)]
    totals = Totals.of(parts, outcomes.cluster)
    observed = differences.mean(axis=0)
    at = int(_chosen(totals.observed[None], len(names))[0])
    right, labels = outcomes.correct, outcomes.cluster
    tests = [paired_test(right[name], right[outcomes.reference], labels) for name in names]
    simultaneous = simultaneous_intervals(
        differences, labels, tests=tests, alpha=alpha, seed=seed, draws=draws
    )
    shrunken, errors = shrink(observed, simultaneous.covariance)
    sceptical, _ = shrink(observed, simultaneous.covariance, to="reference")
    centre = _shrunken_totals(totals, len(names))

    best, times, gap = _resampled(totals, centre, len(names), resamples, seed)
    optimism = None if gap is None or at == len(names) else max(0.0, gap)
    return SelectionNoise(
        candidates=pd.DataFrame(
            {
                "model": names,
                "difference": observed,
                "low": simultaneous.low,
                "high": simultaneous.high,
                "p_adjusted": simultaneous.p_adjusted,
                "shrunken": shrunken,
                "shrunken_error": errors,
                "sceptical": sceptical,
                "best": best / resamples,
                "chosen": times[:-1] / resamples,
            }
        ),
        chosen=names[at] if at < len(names) else None,
        chosen_again=float(times[at] / resamples),
        none_chosen=float(times[-1] / resamples),
        optimism=optimism,
        corrected=None if optimism is None else float(observed[at]) - optimism,
        critical=simultaneous.critical,
        better_in=wanted,
        resamples=resamples,
        seed=seed,
    )


def _resampled(
    totals: Totals, centre: np.ndarray, m: int, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """(m,): how often each of `m` candidates is the best; (m + 1,): how often it is chosen, the last: none is; and the
    mean gap between the winner and what it is known to be around `centre`, None without a winner."""
    best, times = np.zeros(m), np.zeros(m + 1)
    gap, winners = 0.0, 0
    for means in resampled_totals(totals, resamples, seed):
        overall = means[:, :m]
        top = overall >= overall.max(axis=1, keepdims=True) - 1e-12
        best += (top / top.sum(axis=1, keepdims=True)).sum(axis=0)
        times += np.bincount(_chosen(means, m), minlength=m + 1)
        moved = means + (centre - totals.observed)
        picks = _chosen(moved, m)
        rows = np.flatnonzero(picks < m)
        gap += float((moved[rows, picks[rows]] - centre[picks[rows]]).sum())
        winners += len(rows)
    return best, times, gap / winners if winners else None


def _shrunken_totals(totals: Totals, m: int) -> np.ndarray:
    """(m · (1 + categories),): the shrunken differences overall, then in each category, as in `totals.sums`."""
    covariance = totals.covariance
    return np.concatenate(
        [
            shrink(totals.observed[at : at + m], covariance[at : at + m, at : at + m])[0]
            for at in range(0, len(totals.observed), m)
        ]
    )


def chosen(outcomes: Outcomes, better_in: Sequence[str] = ()) -> str | None:
    """The candidate that the rule of `selection.select` chooses on these answers; None where none meets it."""
    names = outcomes.candidates
    if not names:
        return None
    at = int(_chosen(_parts(outcomes, better_in)[1].mean(axis=0)[None], len(names))[0])
    return names[at] if at < len(names) else None


def _parts(outcomes: Outcomes, better_in: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The categories of the rule that there are, and (n, m · (1 + categories)): the questions' differences, then
    those of each of these categories with 0 elsewhere."""
    differences = np.stack([outcomes.rates(name) for name in outcomes.candidates], axis=1)
    differences -= outcomes.rates(outcomes.reference)[:, None]
    known = set(outcomes.category)
    wanted = tuple(name for name in better_in if name in known)
    parts = [differences, *(differences * (outcomes.category == name)[:, None] for name in wanted)]
    return wanted, np.concatenate(parts, axis=1)


def _chosen(means: np.ndarray, m: int) -> np.ndarray:
    """(rows,): by the rule of `selection.select`, the first of the best; m where none meets it.

    `means`: (rows, m · (1 + categories)), of the differences overall and in each category.
    """
    eligible = np.asarray((means.reshape(len(means), -1, m) > 1e-12).all(axis=1))
    overall = np.where(eligible, means[:, :m], -np.inf)
    # Equal ones must not be told apart by rounding.
    top = overall >= overall.max(axis=1, keepdims=True) - 1e-12
    return np.where(eligible.any(axis=1), top.argmax(axis=1), m)
