"""Do prompts of another form than the training's no longer end?

Where a training set has one form only, the end of a turn can become tied to that form: answers to questions
end as before, and plain instructions go on to the token limit. That is a fault of the training set, not of
the model's size or of the limit, and it has a remedy. It is found where both hold:

- on prompts of another form the candidate is cut more often than the reference (McNemar's exact test on the
  same prompts, one side), by at least `_FAR`;
- on these it is cut more often than on prompts of the training's form (Fisher's exact test, one side: other
  prompts, so not paired). Without it the finding would be that nothing ends.

Both have to hold, so the larger p-value is one of "not both" (an intersection-union test: Berger,
Technometrics 24, 1982), and needs no adjustment for being two; for several candidates and benchmarks it is
adjusted by Holm's method. Below `_LEVEL` it is an alarm; the level is strict, since the remedy is another training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.comparison import adjust

_LEVEL = 0.01
# So much more often cut than the reference: less is nothing to train again for.
_FAR = 0.2


@dataclass(frozen=True)
class Cut:
    """A candidate's completions that were cut at the token limit: boolean arrays (n,) or (n, k), True: cut."""

    model: str
    other: str  # the benchmark whose prompts have another form than the training's
    trained: str  # the one whose prompts have the training's form
    candidate: ArrayLike  # on `other`
    reference: ArrayLike  # of the reference, on the same prompts
    candidate_trained: ArrayLike  # on `trained`


@dataclass(frozen=True)
class Ending:
    """Prompts of another form do not end: shares of prompts, and the adjusted p-value."""

    model: str
    benchmark: str
    share: float
    reference: float
    trained: float
    p_value: float
    trained_on: str  # the benchmark whose prompts have the training's form


def endings(cuts: list[Cut]) -> list[Ending]:
    """What is found among these; one a model and benchmark at most.

    A prompt with several samples counts as cut where more than half of them are: its samples are no
    independent prompts.
    """
    p_values = adjust([_p_value(cut) for cut in cuts])
    found = []
    for cut, p in zip(cuts, p_values, strict=True):
        share, before, trained = (
            float(_often(values).mean())
            for values in (cut.candidate, cut.reference, cut.candidate_trained)
        )
        if p < _LEVEL and share - before >= _FAR:
            found.append(Ending(cut.model, cut.other, share, before, trained, p, cut.trained))
    return found


def _p_value(cut: Cut) -> float:
    from scipy import stats  # half a second to import

    ours, theirs, trained = map(_often, (cut.candidate, cut.reference, cut.candidate_trained))
    more, less = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    # P(at least so many of the discordant prompts are the candidate's), an even split being likely.
    paired = float(special.bdtr(less, more + less, 0.5)) if more + less else 1.0
    counts = [[int(a.sum()), int((~a).sum())] for a in (ours, trained)]
    return max(paired, float(stats.fisher_exact(counts, alternative="greater")[1]))


def _often(values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values, dtype=bool)
    often: NDArray[np.bool_] = array.reshape(len(array), -1).mean(axis=1) > 0.5
    return often
