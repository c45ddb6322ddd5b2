"""Claim: a race of 8 candidates (evaluation.stop) errs in at most 5% over all its rounds, and takes at most half of the tokens
where one candidate is 4 points better, or all but one are 2 points worse, with 4 samples a question.

    .venv/bin/python performance/racing.py [--repetitions 1000] [--rounds 10] [--copies 1]

2,158 questions of a population as HLE's (performance/validity/draws.py; the reference has 15%), 8 candidates of its family that
have learned, or lost, the share of questions that makes their true difference; answers of log-normal lengths, wrong ones twice as
long. 2 points matter. "false" is any candidate whose true difference is 0 or less called better at any round, or one of 0 or more called
worse; "miss" any candidate's interval, at the round at which it was stopped, that leaves out its true difference; "found" and "by all" the best candidate called better,
in the race and by one test of all questions at the level of 8; "lost" the best one stopped; "bias" the mean error of the difference of the best
one, in points, at the end. Tokens are shares of those of the full evaluation of all 9 models. "told" is what `make power` expects of
"tokens" and "found" (analysis.race.expected, given the variance of this population). One core.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).parents[1]))

from llmc_lib.analysis.comparison import DifferenceTest, difference_test
from llmc_lib.analysis.race import Rule, expected, judge
from llmc_lib.analysis.simultaneous import level_of
from performance.validity.draws import hle_chances, sample, sibling

N, MEAN, M = 2158, 0.15, 8
SCENARIOS = {
    "all equal": (0.0,) * 8,
    "one +1": (0.01, *(0.0,) * 7),
    "one +2": (0.02, *(0.0,) * 7),
    "one +4": (0.04, *(0.0,) * 7),
    "0, 0, 0, 0, 0, +1, +2, +4": (0.04, 0.02, 0.01, *(0.0,) * 5),
    "one 0, others -2": (0.0, *(-0.02,) * 7),
    "one +2, others -2": (0.02, *(-0.02,) * 7),
}
COLUMNS = ("tokens", "false", "miss", "found", "by all", "lost", "bias")
#: Of a question's difference between two equal models of the population, by the samples.
VARIANCE = {1: 0.127, 4: 0.0606}


def models(rng: np.random.Generator, effects: tuple[float, ...], n: int = N) -> np.ndarray:
    """(9, n): the chances of a right answer, of the reference and of candidates with these true differences."""
    base = hle_chances(rng, (n,), MEAN)
    found = [base]
    for effect in effects:
        chances = sibling(rng, base, MEAN)
        changed = rng.random(n) < (effect / (1 - MEAN) if effect > 0 else -effect / MEAN)
        found.append(np.where(changed, float(effect > 0), chances))
    return np.stack(found)


def race(
    rng: np.random.Generator, effects: tuple[float, ...], samples: int, rule: Rule, copies: int = 1
) -> tuple[float, ...]:
    """One race: the `COLUMNS`. With several `copies` each question is there so often, in one order drawn, and they are clusters."""
    labels = rng.permutation(np.repeat(np.arange(N // copies), copies)) if copies > 1 else None
    chances = models(rng, effects, N // copies)
    answers = sample(rng, chances if labels is None else chances[:, labels], samples)
    lengths = rng.lognormal(9.0, 0.8, answers.shape) * np.where(answers, 0.5, 1.0)
    tokens, right = lengths.sum(axis=2), answers.sum(axis=2).astype(np.int64)
    names = {str(at): at for at in range(len(effects) + 1)}
    asked, ended = dict.fromkeys(names, 0), {}
    racing = list(names)
    false = lost = False
    for number in range(1, rule.rounds + 1):
        n, level = round(N * number / rule.rounds), rule.level(number)
        of = None if labels is None else labels[:n]
        for name in racing:
            asked[name] = n
        for name in racing[1:]:
            test = difference_test(right[names[name], :n] - right[0, :n], samples, of)
            effect = effects[names[name] - 1]
            wrong = effect <= 0 if test.difference > 0 else effect >= 0
            false |= test.p_value < level and wrong
            ended[name] = test, level
        there = {name: right[names[name], :n] for name in racing}
        found = judge(there, "0", samples, number, rule, of)
        lost |= "1" in found.stopped
        racing = [name for name in racing if name not in found.stopped]
        if found.settled:
            break
    spent = sum(tokens[names[name], :n].sum() for name, n in asked.items()) / tokens.sum()
    missed = any(
        misses(test, level, effects[names[name] - 1]) for name, (test, level) in ended.items()
    )
    best, level = ended["1"]
    whole = difference_test(right[1] - right[0], samples, labels)
    by_all = whole.p_value < level_of(len(effects), 0.05) and whole.difference > 0
    found_best = best.p_value < level and best.difference > 0
    return spent, false, missed, found_best, by_all, lost, 100 * (best.difference - effects[0])


def misses(test: DifferenceTest, level: float, effect: float) -> bool:
    """Does the interval leave out the true difference? Far from its ends by their distance in standard errors."""
    off = abs(test.difference - effect) / (-special.ndtri(level / 2) * max(test.error, 1e-9))
    if 0.8 < off < 1.3:
        low, high = test.interval(level)
        return not low <= effect <= high
    return bool(off > 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--copies", type=int, default=1, help="of each question, as clusters")
    options = parser.parse_args()
    rule, start = Rule(M, options.rounds, 0.02), time.process_time()
    print(
        f"{'true differences, points':28}{'samples':>8}"
        + "".join(f"{c:>9}" for c in (*COLUMNS, "told", "told"))
    )
    for samples in (1, 4):
        for name, effects in SCENARIOS.items():
            rng = np.random.default_rng(0)
            found = [
                race(rng, effects, samples, rule, options.copies)
                for _ in range(options.repetitions)
            ]
            shown = [f"{value:>9.1%}" for value in np.mean(found, axis=0)[:-1]]
            bias = f"{np.mean(found, axis=0)[-1]:>+9.2f}"
            told = expected(rule, VARIANCE[samples], N, effects)
            shown += [bias, f"{told.share:>9.1%}", f"{told.found:>9.1%}"]
            print(f"{name:28}{samples:>8}" + "".join(shown), flush=True)
    print(
        f"{options.repetitions:,} races each, {time.process_time() - start:.0f} s of processor time"
    )


if __name__ == "__main__":
    main()
