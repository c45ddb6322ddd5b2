"""Which graded answers people should label: strata, how many of each, and which."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Shares of wrong grades that are assumed before any label, for the allocation alone: estimates do not rest on them.
_WRONG = {"correct": 0.03, "incorrect": 0.05, "ungraded": 0.2}
_WRONG_DISPUTED = 0.4
_DISCORDANT = 2.0  # an answer on which models differ is so much more often graded wrongly
#: The assumption counts as many labels.
_WEIGHT = 10


def assumed_wrong(status: str, *, discordant: bool, disputed: bool) -> float:
    """The share of wrong grades that is assumed of a stratum before any of it is labelled, at most one half.

    `status`: the grade; `discordant`: the models differ on the question; `disputed`: two graders differ on the answer.
    """
    share = _WRONG_DISPUTED if disputed else _WRONG[status] * (_DISCORDANT if discordant else 1)
    return min(share, 0.5)


def allocate(
    sizes: ArrayLike, assumed: ArrayLike, n: int, taken: ArrayLike = 0, wrong: ArrayLike = 0
) -> NDArray[np.int64]:
    """How many answers of each stratum to have labelled in all, `n` more than are.

    Parameters: (H,) `sizes`, answers in each stratum; `assumed`, the assumed share of wrong grades; `taken`, labelled ones, and
    how many of these were graded wrongly (`wrong`), which correct the assumption.

    Neyman's allocation (J. Royal Stat. Soc. 97, 1934), exact in whole numbers: each next label goes where it reduces the
    variance of the estimate most (Wright, Am. Statistician 66, 2012). Where there are labels for it, each stratum gets one first.
    Returns (H,) counts, none below `taken` or above its size; fewer than `n` more where there are no more answers.
    """
    whole, had = (np.broadcast_to(np.asarray(v), np.shape(sizes)) for v in (sizes, taken))
    share = (np.asarray(wrong) + _WEIGHT * np.asarray(assumed)) / (had + _WEIGHT)
    spread = (whole * np.sqrt(share * (1 - share))) ** 2
    found = np.array(had, dtype=np.int64)
    left = min(n, int((whole - found).sum()))
    if left >= 2 * len(whole):
        first = (found == 0) & (whole > 0)
        found[first] = 1
        left -= int(first.sum())

    def gain(stratum: int) -> tuple[float, int]:
        m = int(found[stratum]) + 1
        return -float(spread[stratum]) / (m * (m + 1)), stratum

    heap = [gain(stratum) for stratum in range(len(whole)) if found[stratum] < whole[stratum]]
    heapq.heapify(heap)
    for _ in range(left):
        _, stratum = heapq.heappop(heap)
        found[stratum] += 1
        if found[stratum] < whole[stratum]:
            heapq.heappush(heap, gain(stratum))
    return found


def select(
    strata: Sequence[int] | NDArray[np.int64], order: ArrayLike, counts: ArrayLike
) -> NDArray[np.bool_]:
    """Which answers are drawn: of each stratum the first `counts[stratum]` in the order of the random numbers.

    Parameters: (n,) the stratum of each answer, from 0, and its random number `order`. Answers of several models to one question
    have the same number, so that mostly the same questions are drawn of all models (permanent random numbers: Ohlsson 1995):
    each stratum is still a simple random sample, and a grader's errors that the models share cancel in their difference.
    A larger count later adds answers and drops none.
    """
    of, limits = np.asarray(strata), np.asarray(counts)
    ranked = np.lexsort((np.asarray(order), of))
    starts = np.searchsorted(of[ranked], np.arange(len(limits)))
    rank = np.empty(len(of), dtype=np.int64)
    rank[ranked] = np.arange(len(of)) - starts[of[ranked]]
    return np.asarray(rank < limits[of])
