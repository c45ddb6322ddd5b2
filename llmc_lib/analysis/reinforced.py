"""What reinforcement learning bought: against the model that it started from, and against the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.comparison import PairedComparison, difference_test, paired_comparison

#: "more": it solves questions that the other does not in as many tries; "sharper": it is right more often on questions
#: that the other also solves now and then, as far as can be told; "narrower": it is right more often, and fewer questions
#: are ever solved; "fewer": neither, and fewer are ever solved; "open": neither differs clearly. None: one sample each.
Reach = Literal["more", "sharper", "narrower", "fewer", "open"]


@dataclass(frozen=True)
class Change:
    """A mean of answers before and after, on the same questions, and the difference with its interval."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    p_value: float
    n: int  # questions


def reach(one: PairedComparison, ever: PairedComparison) -> Reach:
    """What the paired differences of pass@1 and of pass@k say together, each at its own level.

    A training can make answers likelier that were there (pass@1 rises, pass@k does not), or find new ones (pass@k rises;
    Yue et al. 2025, https://arxiv.org/abs/2504.13837, who see the first of most trainings by reinforcement).
    """
    better, wider = _sign(one), _sign(ever)
    if wider > 0:
        return "more"
    if wider < 0:
        return "narrower" if better > 0 else "fewer"
    return "sharper" if better > 0 else "open"


def paired_block(
    right: NDArray[np.bool_],
    other: NDArray[np.bool_],
    alpha: float,
    clusters: ArrayLike | None = None,
) -> dict[str, Any]:
    """`pass_at_1`, `pass_at_k`, `k` and `reach` of a model against another.

    Parameters: what is right, boolean (n, K), K samples of the same n questions in the same order. pass@k is that of
    k = K, of which each question has one value (one of its K samples is right, or none): the comparison is McNemar's with
    the mid-p value, that of pass@1 the paired t-test or sign-flip test (see `paired_comparison`).
    """
    samples = right.shape[1]
    one = paired_comparison(right, other, alpha, clusters)
    block: dict[str, Any] = {
        "k": samples,
        "pass_at_1": _change(one, right, other),
        "pass_at_k": None,
        "reach": None,
    }
    if samples > 1:
        mine, theirs = (np.asarray(each.any(axis=1)) for each in (right, other))
        ever = paired_comparison(mine, theirs, alpha, clusters)
        block |= {"pass_at_k": _change(ever, mine, theirs), "reach": reach(one, ever)}
    return block


def rate_change(
    after: NDArray[np.bool_],
    before: NDArray[np.bool_],
    alpha: float,
    clusters: ArrayLike | None = None,
) -> dict[str, Any]:
    """A rate before and after, boolean (n, k) each, of the same n questions in the same order, and what `paired_comparison`
    says of the difference: before, after, difference, low, high, p_value, gained, lost, n."""
    return _change(paired_comparison(after, before, alpha, clusters), after, before)


def mean_change(
    after: NDArray[np.int64],
    before: NDArray[np.int64],
    alpha: float,
    clusters: ArrayLike | None = None,
) -> Change:
    """The mean of counts (such as false claims of an answer) after and before, (n, K) whole numbers of the same n
    questions, K answers each, and the difference with its interval at level 1 - alpha.

    The test is `comparison.difference_test`'s, of a question's sum: counts are right answers of as many as the largest
    count would be of one answer. So it is a paired t-test over questions where many differ (Miller 2024, section 4), and
    the sign-flip test where few do, and the interval inverts the test. Shown by performance/validity/counts.py.

    Raises `ValueError` for arrays of different shapes, that are empty, or have a negative number.
    """
    if after.shape != before.shape or after.ndim != 2 or not after.size:
        raise ValueError(f"both must be of one shape, (n, K): {after.shape}, {before.shape}")
    if min(after.min(), before.min()) < 0:
        raise ValueError("counts must not be negative")
    most = max(1, int(after.max()), int(before.max()))
    counts = (after.sum(axis=1) - before.sum(axis=1)).astype(np.int64)
    found = difference_test(counts, after.shape[1] * most, clusters)
    low, high = found.interval(alpha)
    return Change(
        before=float(before.mean()),
        after=float(after.mean()),
        difference=found.difference * most,
        low=low * most,
        high=high * most,
        p_value=found.p_value,
        n=len(after),
    )


def _change(
    found: PairedComparison, after: NDArray[np.bool_], before: NDArray[np.bool_]
) -> dict[str, Any]:
    return {
        "before": float(before.mean()),
        "after": float(after.mean()),
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "gained": found.gained,
        "lost": found.lost,
        "n": found.n,
    }


def _sign(found: PairedComparison) -> int:
    """Of a clear difference; 0: none is clear."""
    return int(found.low > 0) - int(found.high < 0)
