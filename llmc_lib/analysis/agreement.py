"""How far two graders agree on the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

# Verdicts and rules contradict each other wholesale where one is right far more often than the other, or where they
# agree little beyond chance. On real logs they differ on up to 5 answers in 100, in both directions; ten points in
# one direction, or what Landis & Koch (Biometrics 33, 1977) call at most a fair agreement (kappa below 0.41, its
# interval too), is a fault of one of the two graders and no matter of taste.
_LEAST = 20  # answers that both decided
_APART = 0.10
_CHANCE = 0.001
_FAIR = 0.41
_DECIDED = ("correct", "incorrect")


def contradiction(found: dict[str, Any]) -> dict[str, Any] | None:
    """What shows that two graders contradict each other wholesale, None where nothing does.

    Parameters: `found`, as `agreement` gives it. Needs 20 answers that both decided. Either their accuracies
    on these differ by 10 points or more and by the exact McNemar test (Psychometrika 12, 1947) at 0.001, which
    holds for independent answers; or the 95% interval of kappa lies below 0.41.

    Returns decided, first and second (correct by each), p (of the test), kappa.
    """
    if found["decided"] < _LEAST:
        return None
    from scipy.stats import binomtest  # half a second to import

    counts = found["counts"]
    both = counts["correct"]["correct"]
    first, second = counts["correct"]["incorrect"], counts["incorrect"]["correct"]
    p = float(binomtest(min(first, second), first + second).pvalue) if first + second else 1.0
    one_sided = abs(first - second) >= _APART * found["decided"] and p < _CHANCE
    little = found["ci95"] is not None and found["ci95"][1] < _FAIR
    if not (one_sided or little):
        return None
    return {
        "decided": found["decided"],
        "first": both + first,
        "second": both + second,
        "p": p,
        "kappa": found["kappa"],
    }


def agreement(first: Sequence[str | None], second: Sequence[str | None]) -> dict[str, Any]:
    """Agreement of two graders.

    Parameters: the status that each gives to the same n answers ("correct", "incorrect", "ungraded", None
    where it was not asked). Answers that both have seen are compared; the rates are of those that both
    have decided.

    Returns n (seen by both), decided (by both), agreed (of these), kappa and its ci95, and counts: status
    by the first → status by the second → answers. Cohen's kappa (Educ. Psychol. Meas. 20, 1960) is the
    agreement beyond what the two graders' own rates of "correct" make likely by chance; its interval is the
    large-sample one of Fleiss, Cohen and Everitt (Psychol. Bull. 72, 1969), as statsmodels has it, and None
    where the two agree on all. Both are None where nothing was decided, or where a grader gave all answers
    one status and kappa says nothing.

    Raises `ValueError` for sequences of different lengths.
    """
    table = pd.DataFrame({"first": list(first), "second": list(second)}, dtype=object)
    seen = table.dropna()
    states = [*_DECIDED, "ungraded"]
    counts = pd.crosstab(seen["first"], seen["second"]).reindex(
        index=states, columns=states, fill_value=0
    )
    square = counts.loc[list(_DECIDED), list(_DECIDED)].to_numpy()
    decided, agreed = int(square.sum()), int(np.trace(square))
    found: dict[str, Any] = {
        "n": len(seen),
        "decided": decided,
        "agreed": agreed,
        "kappa": None,
        "ci95": None,
        "counts": {
            row: dict(zip(states, map(int, numbers), strict=True))
            for row, numbers in zip(states, counts.to_numpy(), strict=True)
        },
    }
    if (square.sum(axis=0) > 0).all() and (square.sum(axis=1) > 0).all():
        from statsmodels.stats.inter_rater import cohens_kappa  # a second to import

        result = cohens_kappa(square)
        found["kappa"] = float(result.kappa)
        if agreed < decided:  # the formula gives full agreement no width, however few the answers
            found["ci95"] = [max(-1.0, float(result.kappa_low)), min(1.0, float(result.kappa_upp))]
    return found
