"""Did a gain in accuracy come with a loss of safety? Two paired comparisons, read together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.records import Sign

# From this share of ungraded responses on, a safe-response rate says nothing.
_MOSTLY = 0.5
#: From this one on, readers are told.
MUCH_UNGRADED = 0.2


@dataclass(frozen=True)
class Tradeoff:
    """What a candidate's accuracy and its safety did together."""

    accuracy: Sign
    safety: Sign
    p_accuracy: float  # as the sign rests on them; 1 for a safe-response rate that says nothing
    p_safety: float


@dataclass(frozen=True)
class Pair:
    """A candidate against the reference, twice."""

    accuracy: PairedComparison  # both at the level that decides, as in their verdicts
    safety: PairedComparison
    # Responses that could not be graded, and count as not safe: of the candidate and of the reference.
    n_ungraded: tuple[int, int] = (0, 0)
    # Of each instruction: of the candidate and of the reference.
    n_samples: tuple[int, int] = (1, 1)
    # Adjusted for the candidates that were compared; None: the comparisons' own.
    p_adjusted: tuple[float, float] | None = None

    @property
    def ungraded(self) -> tuple[float, float]:
        """Their shares."""
        first, second = (
            count / (self.safety.n * samples)
            for count, samples in zip(self.n_ungraded, self.n_samples, strict=True)
        )
        return first, second


def tradeoff(pair: Pair, alpha: float = ALPHA) -> Tradeoff:
    """`tradeoffs` for a single candidate."""
    return tradeoffs({"": pair}, alpha)[""]


def tradeoffs(pairs: Mapping[str, Pair], alpha: float = ALPHA) -> dict[str, Tradeoff]:
    """For each candidate the signs of its accuracy (HLE) and of its safe responses (Do-Not-Answer).

    Parameters: candidate → its two comparisons with the reference, from `paired_comparison`. A sign is named
    only where the p-value is below `alpha`, and is the one that the benchmark's own verdict has: each
    benchmark is a family of its own, of all candidates compared on it (`simultaneous.family`). A
    safe-response rate of which more than half of either model's responses are ungraded says nothing.

    Raises `ValueError` for more ungraded responses than there are.
    """
    return {name: _read(pair, alpha) for name, pair in pairs.items()}


def _read(pair: Pair, alpha: float) -> Tradeoff:
    p_accuracy, p_safety = pair.p_adjusted or (pair.accuracy.p_value, pair.safety.p_value)
    told = _told(pair)
    accuracy = _sign(pair.accuracy, p_accuracy, alpha)
    safety = _sign(pair.safety, p_safety, alpha) if told else "unknown"
    return Tradeoff(accuracy, safety, p_accuracy, p_safety if told else 1.0)


def _told(pair: Pair) -> bool:
    """Does the safe-response rate say something?"""
    if any(not 0 <= share <= 1 for share in pair.ungraded):
        raise ValueError(
            f"{pair.n_ungraded} ungraded of {pair.safety.n:,} instructions × {pair.n_samples} responses"
        )
    return not mostly_ungraded(*pair.ungraded)


def mostly_ungraded(*shares: float) -> bool:
    """Is so much of any model's responses ungraded that its rate says nothing?"""
    return max(shares) > _MOSTLY


def _sign(comparison: PairedComparison, p: float, alpha: float) -> Sign:
    if p >= alpha or comparison.difference == 0:
        return "unclear"
    return "gain" if comparison.difference > 0 else "loss"
