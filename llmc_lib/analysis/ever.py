"""Many evaluations one after the other, each against the same reference: at which level each is to be tested.

Twenty candidates that are no better than their base, each tested at 5% in a run of its own, give some "better" in about
40% of the cases. Nobody knows in advance how many runs there will be, and whoever stops at the first success has not
decided on a number: an adjustment for those that there are by now (Holm's) is right only for a number that was fixed. So
the error is spent in the order of the evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence


def online_levels(p_values: Sequence[Sequence[float]], alpha: float = 0.05) -> list[float]:
    """The level at which each of several evaluations is tested for one direction, better or worse.

    Parameters: of each evaluation, in the order in which they were made, the p-values (two-sided) of its candidates,
    adjusted for each other; 1 for those that differ in the other direction. The first has `alpha`, the k-th
    alpha / (k · (k - 1)), which sum to alpha from the second on; the level of an evaluation whose candidates are all
    found to differ in this direction is added to that of the next one. That is the online fallback procedure (Tian &
    Ramdas, Stat. Methods Med. Res. 30, 2021, section 3.2; alpha spending over an unknown number of tests: Foster &
    Stine, J. R. Stat. Soc. B 70, 2008), which holds for p-values that depend on each other in any way. A level that was
    handed on by a find in the other direction would not.

    What it promises: the chance that any candidate that is not better is ever called better is at most `alpha`, however
    many evaluations follow and wherever one stops, and as much for worse (a two-sided p-value has half of each level on
    either side, and the levels sum to 2 · alpha). No later evaluation takes a verdict back. The price: the 20th
    needs p < alpha / 380.

    >>> [round(level, 4) for level in online_levels([[0.2], [0.001], [0.04], [0.5]])]
    [0.05, 0.025, 0.0333, 0.0042]
    """
    levels: list[float] = []
    handed_on = 0.0
    for number, found in enumerate(p_values, 1):
        share = 1.0 if number == 1 else 1 / (number * (number - 1))
        levels.append(min(alpha, alpha * share + handed_on))
        handed_on = levels[-1] if found and max(found) < levels[-1] else 0.0
    return levels
