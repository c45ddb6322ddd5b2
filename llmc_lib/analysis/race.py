"""A race of candidates: after each round over the models, who need not be asked more, and whether all is settled.

A round is a planned look (`sequential.Look`) at one more part of the questions, whose levels spend alpha early, as one wants to
stop early. Nothing but these looks decides, so that intervals and tests of whoever was stopped, and when, hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.comparison import DifferenceTest, difference_test
from llmc_lib.analysis.sequential import Look
from llmc_lib.analysis.simultaneous import level_of

#: behind: worse than the best of the others. small: not better than the reference by what matters.
Reason = Literal["behind", "small"]
#: With which power of the share of the questions the rounds spend alpha: `sequential.spending`.
POWER = 2.0


@dataclass(frozen=True)
class Rule:
    """What a race is about: `candidates` at its beginning, how many `rounds` there are at most, which difference `matters`, a
    fraction, and `alpha`, over all candidates and rounds."""

    candidates: int
    rounds: int
    matters: float
    alpha: float = 0.05

    def look(self, number: int) -> Look:
        """That of a round, from 1."""
        return Look(number / self.rounds, self.rounds, alone=False, power=POWER)

    def level(self, number: int) -> float:
        """Of a candidate's comparison with the reference: Dunnett's, for candidates that are as far from each other as from
        the reference, shared among the rounds."""
        return self.look(number).level(level_of(self.candidates, self.alpha))

    def level_behind(self, number: int) -> float:
        """Of a candidate's comparison with the best: the best one is taken for worse than any other with chance alpha at most, on
        one side, by Bonferroni."""
        others = max(self.candidates - 1, 1)
        return self.look(number).level(min(2 * self.alpha / others, 0.5))


@dataclass(frozen=True)
class Round:
    """What a round has shown: who is stopped, and why; `settled`: nobody has to be asked more."""

    stopped: dict[str, Reason]
    settled: bool


def judge(
    right: Mapping[str, NDArray[np.int64]],
    reference: str,
    samples: int,
    number: int,
    rule: Rule,
    clusters: ArrayLike | None = None,
) -> Round:
    """The decisions after a round.

    Parameters: `right`, model → (n,) right answers to each question of the rounds so far, of `samples`; of the reference and the
    candidates that are still asked; the `number` of the round, from 1; `clusters`, (n,) labels. Where rounds share clusters they are
    more alike than the levels assume, so that all of them err less often.

    A candidate is stopped where it is worse than the best of them (the truly best one with chance alpha at most), or where it
    cannot be better than the reference by what matters (one that is, with chance alpha / 2 at most). All is settled when
    nobody is left, or when the best one clearly differs from the reference and none of the others can be better than it by what
    matters.
    """
    candidates = [name for name in right if name != reference]

    def test(one: str, other: str) -> DifferenceTest:
        return difference_test(right[one] - right[other], samples, clusters)

    tests = {name: test(name, reference) for name in candidates}
    if not tests:
        return Round({}, settled=True)
    best = max(candidates, key=lambda name: tests[name].difference)
    level, behind = rule.level(number), rule.level_behind(number)
    stopped: dict[str, Reason] = {}
    could_win = False
    for name in candidates:
        if name != best:
            to_best = test(name, best)
            if to_best.difference < 0 and to_best.p_value < behind:
                stopped[name] = "behind"
                continue
        if _below(tests[name], level, rule.matters):
            stopped[name] = "small"
        elif name != best and not _below(to_best, behind, rule.matters):
            could_win = True
    left = [name for name in candidates if name not in stopped]
    clear = best in left and tests[best].p_value < level
    return Round(stopped, settled=not left or (clear and not could_win) or number == rule.rounds)


def _below(test: DifferenceTest, level: float, matters: float) -> bool:
    """Is the difference less than what matters?"""
    # The interval takes milliseconds, and ends nowhere near there in most rounds.
    near = -0.8 * float(special.ndtri(level / 2)) * test.error
    return not test.difference + near > matters and test.interval(level)[1] < matters


class Expected(NamedTuple):
    """What a race is expected to do: the `share` of all models' answers that it asks for, and the chance that it has `found` the
    first candidate better when it ends; `found_by_all`, the same of one test of all answers."""

    share: float
    found: float
    found_by_all: float


def expected(
    rule: Rule, variance: float, questions: int, effects: Sequence[float], draws: int = 2_000
) -> Expected:
    """What a race is expected to ask for and to find.

    Parameters: the `variance` of a question's difference between a candidate that is no better and the reference; how many
    `questions` there are; the true difference of each candidate (`effects`), fractions. Raises `ValueError` for other than
    `rule.candidates` effects.

    Simulated with normal sums, of which the reference's noise is half of the variance, as in `level_of`. A true difference of e
    is a share |e| of questions won or lost for good, which differ by 1 each: it adds to the variance. Of races of answers of
    HLE's population, where candidates are further from each other than from the reference, the share is right to 5 points where one
    candidate differs, or all but one, and to 6 where several do; `found` to 6 (performance/racing.py).
    """
    m, true = rule.candidates, np.asarray(effects, dtype=float)
    if true.shape != (m,):
        raise ValueError(f"{m} candidates have {m} differences: {true.shape}")
    rng = np.random.default_rng(0)
    shared = variance / 2
    size = np.abs(true)
    own = variance * (1 - size) + size - true**2 - shared
    noise, errors = np.sqrt([shared, *own]), np.sqrt((own + shared) / questions)
    sums, every = np.zeros((draws, m + 1)), np.arange(draws)
    racing, going, found = np.ones((draws, m), bool), np.ones(draws, bool), np.zeros(draws, bool)
    asked = n = 0.0
    for number in range(1, rule.rounds + 1):
        asked += going.sum() + (racing & going[:, None]).sum()
        more, n = questions / rule.rounds, questions * number / rule.rounds
        sums += rng.standard_normal(sums.shape) * noise * np.sqrt(more)
        seen = true + (sums[:, 1:] - sums[:, :1]) / n
        best = np.where(racing, seen, -np.inf).argmax(axis=1)
        others = np.arange(m) != best[:, None]
        far = _z(rule.level(number)) * errors * np.sqrt(rule.rounds / number)
        behind = _z(rule.level_behind(number)) * np.sqrt((own + own[best][:, None]) / n)
        to_best = seen - seen[every, best][:, None]
        stops = (others & (to_best < -behind)) | (seen + far < rule.matters)
        could_win = racing & others & ~stops & (to_best + behind >= rule.matters)
        clear = (np.abs(seen[every, best]) > far[best]) & ~stops[every, best]
        found = np.where(racing[:, 0] & going, seen[:, 0] > far[0], found)
        racing &= ~(stops & going[:, None])
        going &= racing.any(axis=1) & ~(clear & ~could_win.any(axis=1))
    by_all = special.ndtr(true[0] / errors[0] - _z(level_of(m, rule.alpha)))
    share = asked / (draws * rule.rounds * (m + 1))
    return Expected(float(share), float(found.mean()), float(by_all))


def _z(level: float) -> float:
    """Standard errors from 0 beyond which a difference is significant."""
    return -float(special.ndtri(level / 2))
