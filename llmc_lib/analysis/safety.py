"""Did a gain in accuracy come with a loss of safety? Two paired comparisons, read together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmc_lib.analysis.comparison import PairedComparison
from llmc_lib.analysis.verdict import ALPHA, level_words
from llmc_lib.formatting import as_bound, as_p, as_percent, as_points

# From this share of ungraded responses on, a safe-response rate says nothing; from the other on, readers
# are told.
_MOSTLY, _MUCH = 0.5, 0.2

#: The only words there are, by what the accuracy and the safe-response rate did: "gain" or "loss" where the
#: p-value is below the level, "unclear" where not, "unknown" where too many responses are ungraded.
WORDS = {
    ("gain", "gain"): "gain in both",
    ("gain", "unclear"): "gain, no loss of safety shown",
    ("gain", "loss"): "gain with a price",
    ("gain", "unknown"): "gain, safety unknown",
    ("unclear", "gain"): "safer, accuracy unclear",
    ("unclear", "unclear"): "no difference shown",
    ("unclear", "loss"): "loss of safety",
    ("unclear", "unknown"): "accuracy unclear, safety unknown",
    ("loss", "gain"): "safer, less accurate",
    ("loss", "unclear"): "loss of accuracy",
    ("loss", "loss"): "loss in both",
    ("loss", "unknown"): "loss of accuracy, safety unknown",
}


@dataclass(frozen=True)
class Tradeoff:
    """What a candidate's accuracy and its safety did together."""

    word: str  # of WORDS
    sentence: str
    p_accuracy: float  # as the sign rests on them; 1 for a safe-response rate that says nothing
    p_safety: float


@dataclass(frozen=True)
class Pair:
    """A candidate against the reference, twice."""

    accuracy: PairedComparison  # both at the level that decides, as in their verdicts
    safety: PairedComparison
    # Responses that could not be graded, and count as not safe: of the candidate and of the reference.
    n_ungraded: tuple[int, int] = (0, 0)
    n_samples: int = 1  # of each instruction
    # Adjusted for the candidates that were compared; None: the comparisons' own.
    p_adjusted: tuple[float, float] | None = None
    compared: int = 1
    digits: tuple[int, int] = (0, 0)  # of the rates in the sentences of their own
    reference: str = "the reference"  # its name
    asked: str = "the instructions"  # what the instructions are called

    @property
    def ungraded(self) -> tuple[float, float]:
        """Their shares."""
        responses = self.safety.n * self.n_samples
        first, second = self.n_ungraded
        return first / responses, second / responses


def tradeoff(pair: Pair, alpha: float = ALPHA) -> Tradeoff:
    """`tradeoffs` for a single candidate."""
    return tradeoffs({"": pair}, alpha)[""]


def tradeoffs(pairs: Mapping[str, Pair], alpha: float = ALPHA) -> dict[str, Tradeoff]:
    """For each candidate a word and a sentence on accuracy (HLE) and safe responses (Do-Not-Answer).

    Parameters: candidate → its two comparisons with the reference, from `paired_comparison`. A sign is named
    only where the p-value is below `alpha`, and is the one that the benchmark's own verdict has: each
    benchmark is a family of its own, of all candidates compared on it (`simultaneous.family`). That a loss is not
    shown does not mean that there is none: the sentence says how large one the interval leaves possible. A
    safe-response rate of which more than half of either model's responses are ungraded says nothing.

    Raises `ValueError` for more ungraded responses than there are.
    """
    return {name: _read(pair, alpha) for name, pair in pairs.items()}


def _read(pair: Pair, alpha: float) -> Tradeoff:
    p_accuracy, p_safety = pair.p_adjusted or (pair.accuracy.p_value, pair.safety.p_value)
    told = _told(pair)
    accuracy = _sign(pair.accuracy, p_accuracy, alpha)
    safety = _sign(pair.safety, p_safety, alpha) if told else "unknown"
    sentence = _sentence(pair, accuracy, safety, p_accuracy, p_safety if told else None, alpha)
    return Tradeoff(WORDS[accuracy, safety], sentence, p_accuracy, p_safety if told else 1.0)


def _told(pair: Pair) -> bool:
    """Does the safe-response rate say something?"""
    if any(not 0 <= share <= 1 for share in pair.ungraded):
        raise ValueError(
            f"{pair.n_ungraded} ungraded of {pair.safety.n * pair.n_samples:,} responses"
        )
    return not mostly_ungraded(*pair.ungraded)


def mostly_ungraded(*shares: float) -> bool:
    """Is so much of any model's responses ungraded that its rate says nothing?"""
    return max(shares) > _MOSTLY


def _sign(comparison: PairedComparison, p: float, alpha: float) -> str:
    if p >= alpha or comparison.difference == 0:
        return "unclear"
    return "gain" if comparison.difference > 0 else "loss"


# ---- words -----------------------------------------------------------------------------------


def _sentence(
    pair: Pair,
    accuracy: str,
    safety: str,
    p_accuracy: float,
    p_safety: float | None,
    alpha: float,
) -> str:
    first = _part(pair, pair.accuracy, accuracy, "in accuracy", p_accuracy, alpha, pair.digits[0])
    if p_safety is None:
        shares = [as_percent(share, pair.safety.n) for share in pair.ungraded]
        return (
            f"{first[0].upper()}{first[1:]}. On {pair.asked} {shares[0]} of its responses and {shares[1]} of "
            f"{pair.reference}'s could not be graded: whether safety changed cannot be told."
        )
    second = _part(pair, pair.safety, safety, f"on {pair.asked}", p_safety, alpha, pair.digits[1])
    joint = "but" if {accuracy, safety} == {"gain", "loss"} else "and"
    text = f"{first[0].upper()}{first[1:]}, {joint} {second}{_meaning(pair, accuracy, safety)}"
    if max(pair.ungraded) >= _MUCH:
        shares = [as_percent(share, pair.safety.n) for share in pair.ungraded]
        text += (
            f" {shares[0]} of its responses and {shares[1]} of {pair.reference}'s on {pair.asked} are ungraded "
            "and count as not safe, which may be part of the difference."
        )
    return text


def _part(
    pair: Pair,
    comparison: PairedComparison,
    sign: str,
    where: str,
    p: float,
    alpha: float,
    digits: int,
) -> str:
    n = comparison.n
    low, high = (as_bound(bound, n) for bound in (comparison.low, comparison.high))
    label = level_words(comparison.alpha, alpha, pair.compared)
    interval = f"{label} {low} to {high}, p {as_p(p, alpha)}"
    if sign == "unclear":
        return f"shows no clear change {where} ({as_points(comparison.difference, n, digits)}; {interval})"
    size = as_points(abs(comparison.difference), n, digits, sign=False)
    return f"{'gains' if sign == 'gain' else 'loses'} {size} {where} ({interval})"


def _meaning(pair: Pair, accuracy: str, safety: str) -> str:
    """The end of the sentence."""
    ends = {
        ("gain", "gain"): ": a gain in both.",
        ("gain", "loss"): ": the gain has a price.",
        ("loss", "gain"): ": the safety has a price.",
        ("loss", "loss"): ": a loss in both.",
        ("unclear", "gain"): ": safer, with no clear change in accuracy.",
        ("unclear", "loss"): ": safety is lost, and no gain in accuracy is shown.",
    }
    if (accuracy, safety) in ends:
        return ends[accuracy, safety]
    if pair.safety.low < 0:
        most = as_points(-pair.safety.low, pair.safety.n, sign=False)
        return f". A loss of safety of up to {most} is not ruled out."
    return "."
