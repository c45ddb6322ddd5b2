"""A race: who is stopped, why, and when all is settled."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from llmc_lib.analysis.race import Rule, expected, judge
from llmc_lib.analysis.sequential import spending
from performance.racing import SCENARIOS, VARIANCE, N, race

BASE = np.repeat([1, 0, 0, 0], 100)


def _with(gained: int, lost: int) -> np.ndarray:
    """The base's answers with so many more right, and so many of its right ones wrong."""
    found = BASE.copy()
    found[100 : 100 + gained], found[:lost] = 1, 0
    return found


def _judge(
    number: int = 3, matters: float = 0.05, /, **models: np.ndarray
) -> tuple[dict[str, str], bool]:
    rule = Rule(len(models), 5, matters)
    found = judge({"base": BASE, **models}, "base", 1, number, rule)
    return dict(found.stopped), found.settled


def test_one_that_is_clearly_better_than_the_others_ends_the_race() -> None:
    stopped, settled = _judge(a=_with(60, 2), b=_with(3, 3), c=_with(4, 4))
    assert stopped == {"b": "behind", "c": "behind"}
    assert settled


def test_without_a_clear_difference_it_goes_on_and_the_last_round_ends_it() -> None:
    models = {"a": _with(12, 9), "b": _with(11, 10)}
    assert _judge(3, 0.02, **models) == ({}, False)
    assert _judge(5, 0.02, **models) == ({}, True)


def test_who_cannot_be_better_by_what_matters_is_stopped_and_nobody_left_settles_all() -> None:
    models = {"a": _with(2, 14), "b": _with(3, 15)}
    assert _judge(**models) == ({"a": "small", "b": "small"}, True)


def test_two_clear_winners_that_hardly_differ_are_settled_one_that_may_win_is_not() -> None:
    assert _judge(a=_with(60, 2), b=_with(59, 2)) == ({}, True)
    other = BASE.copy()
    other[150:206] = 1  # as many, on other questions
    assert _judge(3, 0.02, a=_with(60, 2), b=other) == ({}, False)


def test_each_question_twenty_times_decides_as_one_of_them() -> None:
    models = {"base": BASE, "a": _with(14, 5), "b": _with(10, 4)}
    rule = Rule(2, 5, 0.03)
    copies = {name: np.repeat(right, 20) for name, right in models.items()}
    labels = np.repeat(np.arange(len(BASE)), 20)
    once = judge(models, "base", 1, 3, rule)
    assert once.stopped == {}
    assert judge(copies, "base", 1, 3, rule, labels) == once
    assert judge(copies, "base", 1, 3, rule).stopped


def test_levels_are_spent_early_and_sum_to_alpha_for_one_candidate() -> None:
    rule = Rule(1, 5, 0.05)
    levels = [rule.level(number) for number in range(1, 6)]
    assert levels == pytest.approx(spending([0.2, 0.4, 0.6, 0.8, 1.0], 0.05, power=2), rel=1e-6)
    assert levels[0] == pytest.approx(0.05 * 0.2**2, rel=1e-4)
    assert levels[0] > spending([0.2, 0.4])[0]
    # Monte Carlo of Brownian motion.
    steps = np.random.default_rng(0).standard_normal((200_000, 5)) * np.sqrt(0.2)
    scores = np.abs(np.cumsum(steps, axis=1)) / np.sqrt(np.arange(0.2, 1.01, 0.2))
    wrong = (scores > -special.ndtri(np.array(levels) / 2)).any(axis=1).mean()
    assert wrong == pytest.approx(0.05, abs=0.002)


@pytest.mark.slow
def test_a_race_of_the_benchmark_saves_where_one_is_far_better() -> None:
    rng = np.random.default_rng(5)
    found = np.mean([race(rng, (0.06, *(0.0,) * 7), 4, Rule(8, 10, 0.02)) for _ in range(6)], axis=0)  # fmt: skip
    tokens, false, _, best, *_ = found
    assert N == 2158
    assert tokens < 0.5
    assert (false, best) == (0, 1)


@pytest.mark.parametrize(
    ("samples", "effects", "share", "found"),
    [  # of 600 races of answers (performance/racing.py)
        (1, "all equal", 0.89, 0.002), (1, "one +2", 0.82, 0.378), (1, "one +4", 0.51, 0.963),
        (4, "all equal", 0.72, 0.002), (4, "one +2", 0.63, 0.708), (4, "one +4", 0.37, 1.0),
        (4, "one 0, others -2", 0.40, 0.002), (4, "one +2, others -2", 0.40, 0.712),
    ],
)  # fmt: skip
def test_what_is_expected_is_what_simulated_races_take_and_find(
    samples: int, effects: str, share: float, found: float
) -> None:
    told = expected(Rule(8, 10, 0.02), VARIANCE[samples], N, SCENARIOS[effects])
    assert told.share == pytest.approx(share, abs=0.03)
    assert told.found == pytest.approx(found, abs=0.05)
    assert told.found <= told.found_by_all


def test_what_a_race_can_ask_for_at_least_and_at_most() -> None:
    effects = (0.04, *(0.0,) * 7)
    assert expected(Rule(8, 10, 0.02), 0.06, 10**7, effects).share == pytest.approx(0.1)
    assert expected(Rule(8, 10, 0.02), 0.06, 20, effects).share == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="8 candidates have 8 differences"):
        expected(Rule(8, 10, 0.02), 0.06, 20, (0.0,))
