"""Choose a design: how many questions, how many samples of each, for which difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from llmc_lib.analysis.power import power, smallest
from llmc_lib.analysis.variance import VarianceParts


def detectable(
    n: int, parts: VarianceParts, samples: int = 1, alpha: float = 0.05, target: float = 0.8
) -> float:
    """The smallest true difference that n questions with `samples` each find with probability `target`.

    As `power.detectable_difference`, from the parts of the variance. A fraction; 1 where there is none. Raises
    `ValueError` for n below 1, and for alpha and target outside (0, 1).
    """
    return smallest(lambda difference: power(difference, n, parts, samples, alpha), target)


def needed(
    difference: float,
    parts: VarianceParts,
    samples: Sequence[int] = (1, 2, 4, 8, 16),
    *,
    available: int | None = None,
    alpha: float = 0.05,
    target: float = 0.8,
) -> pd.DataFrame:
    """The questions that it takes to find a true difference, for several numbers of samples.

    Returns a row a number of samples: samples, questions (the fewest with power `target`; the exact test's power
    goes up and down by less than a point from one n to the next, and bisection takes one crossing), answers
    (questions × samples, of each model), power (attained) and, with `available` questions, enough (bool).

    Where `parts` come from one sample per question they do not say what further samples buy; the table then
    has the larger end, at which they buy nothing.

    Raises `ValueError` for a difference of 0 or beyond 1, fewer samples than 1, and alpha or target outside (0, 1).
    """
    if not 0 < abs(difference) <= 1:
        raise ValueError(f"difference ({difference}) must not be 0, and at most 1 in size")
    if not 0 < target < 1:  # never reached, and looked for without end
        raise ValueError(f"power ({target}) must lie between 0 and 1")
    rows = []
    for k in samples:
        low, high = 1, 2
        while power(difference, high, parts, k, alpha) < target:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            if power(difference, middle, parts, k, alpha) >= target:
                high = middle
            else:
                low = middle
        row = {"samples": k, "questions": high, "answers": high * k}
        rows.append({**row, "power": power(difference, high, parts, k, alpha)})
    table = pd.DataFrame(rows)
    return table if available is None else table.assign(enough=table["questions"] <= available)


def power_curve(
    n: int,
    parts: VarianceParts,
    samples: int = 1,
    differences: ArrayLike | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Power over true differences: difference (a fraction), power. None: 61 of them, up to near certainty."""
    if differences is None:
        top = detectable(n, parts, samples, alpha, 0.99)
        differences = np.linspace(0, top, 61)
    sizes = np.asarray(differences, dtype=float)
    return pd.DataFrame(
        {"difference": sizes, "power": [power(float(d), n, parts, samples, alpha) for d in sizes]}
    )
