"""The levels of evaluations that follow each other."""

from __future__ import annotations

import pytest

from llmc_lib.analysis.ever import online_levels


def test_from_the_second_on_the_levels_sum_to_alpha() -> None:
    levels = online_levels([[0.9]] * 2000, 0.04)
    assert levels[0] == 0.04
    assert levels[1:4] == pytest.approx([0.02, 0.04 / 6, 0.04 / 12])
    assert sum(levels[1:]) == pytest.approx(0.04, rel=1e-3)


def test_no_later_evaluation_changes_an_earlier_level() -> None:
    values = [[0.2], [0.001], [0.0001, 0.5], [0.9], [0.01]]
    for k in range(1, len(values)):
        assert online_levels(values[:k]) == online_levels(values)[:k]


def test_a_level_is_handed_on_where_all_candidates_differ() -> None:
    assert online_levels([[0.9], [0.001], [0.9]])[2] == pytest.approx(0.05 / 6 + 0.025)
    assert online_levels([[0.9], [0.001, 0.9], [0.9]])[2] == pytest.approx(0.05 / 6)
    assert online_levels([[0.9], [], [0.9]])[2] == pytest.approx(0.05 / 6)


def test_no_level_is_above_alpha() -> None:
    assert max(online_levels([[0.0]] * 50)) == 0.05


def test_dependent_null_candidates_are_called_better_with_chance_alpha_at_most_enumerated() -> None:
    """The second of three null candidates is better where the first is worse: 26 of 480 equally likely cells matter."""
    alpha, cell = 0.05, 0.05 / 24
    extreme = {
        0: range(12),
        1: range(12, 24),
        2: range(24, 26),
    }  # where it is better, most extreme first

    def p_value(number: int, at: int) -> float:
        """Twice the share of the cells at which it is as far above 0."""
        found = extreme[number]
        return 2 * cell * (found.index(at) + 1) if at in found else 1.0

    wrong = {"one": 0.0, "both": 0.0}
    for at in range(26):
        p_values = [[p_value(number, at)] for number in range(3)]
        # The first is clearly worse in the cells in which the second is better.
        worse = 2 * cell * (at - 11) if at in extreme[1] else 1.0
        for way, first in (("one", p_values[0]), ("both", [min(*p_values[0], worse)])):
            levels = online_levels([first, *p_values[1:]], alpha)
            better = (p[0] <= level for p, level in zip(p_values, levels, strict=True))
            wrong[way] += cell * any(better)
    assert wrong["one"] <= alpha < wrong["both"]
