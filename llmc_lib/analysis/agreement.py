"""How far two graders agree on the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import cohens_kappa

_DECIDED = ("correct", "incorrect")


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
        result = cohens_kappa(square)
        found["kappa"] = float(result.kappa)
        if agreed < decided:  # the formula gives full agreement no width, however few the answers
            found["ci95"] = [max(-1.0, float(result.kappa_low)), min(1.0, float(result.kappa_upp))]
    return found
