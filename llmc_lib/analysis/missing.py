"""What answers that are missing could have made of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.given import right_or_wrong


@dataclass(frozen=True)
class MissingAnswers:
    """A comparison under the extremes of what missing answers could have been, and without them."""

    candidate: int  # missing answers of the candidate
    reference: int
    #: Were all missing answers of the candidate right, and those of the reference wrong.
    most: PairedComparison
    #: The other way round.
    least: PairedComparison
    #: On the questions of which neither model lacks an answer; None where there is no such question.
    complete: PairedComparison | None


def missing_answers(
    candidate: ArrayLike,
    reference: ArrayLike,
    candidate_missing: ArrayLike,
    reference_missing: ArrayLike,
    *,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> MissingAnswers | None:
    """Bounds of a comparison in which missing answers count as wrong; None where none is missing.

    Parameters: boolean arrays (n,) or (n, k), k of each model its own: correct or not (a missing answer is False), and
    missing or not; `alpha` and `clusters` as in `paired_comparison`.

    `most` and `least` are the worst-case bounds of Manski (Am. Econ. Rev. 80, 1990): they assume nothing of the
    missing answers, and no analysis can say more without an assumption. `complete` assumes one: that an
    answer is missing whether or not it would have been right (missing completely at random: Rubin, Biometrika
    63, 1976). Answers cut at a time or token limit, or refused by a server for their length, are not like that.

    Raises `ValueError` for arrays of different shapes, and as `paired_comparison` does.
    """
    a, b, lacks_a, lacks_b = (
        right_or_wrong(values, name)
        for values, name in (
            (candidate, "candidate"),
            (reference, "reference"),
            (candidate_missing, "candidate_missing"),
            (reference_missing, "reference_missing"),
        )
    )
    if a.shape != lacks_a.shape or b.shape != lacks_b.shape or len(a) != len(b):
        raise ValueError(
            "correct and missing must be of one shape, of the same questions: "
            f"{a.shape}, {lacks_a.shape}; {b.shape}, {lacks_b.shape}"
        )
    if not (lacks_a.any() or lacks_b.any()):
        return None
    n = len(a)
    whole = ~(lacks_a.reshape(n, -1).any(axis=1) | lacks_b.reshape(n, -1).any(axis=1))
    labels = None if clusters is None else np.asarray(clusters)
    return MissingAnswers(
        candidate=int(lacks_a.sum()),
        reference=int(lacks_b.sum()),
        most=paired_comparison(a | lacks_a, b & ~lacks_b, alpha, labels),
        least=paired_comparison(a & ~lacks_a, b | lacks_b, alpha, labels),
        complete=paired_comparison(
            a[whole], b[whole], alpha, None if labels is None else labels[whole]
        )
        if whole.any()
        else None,
    )
