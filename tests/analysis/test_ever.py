"""The levels of evaluations that follow each other."""

from __future__ import annotations

import pytest

from llmc_lib.analysis.ever import spent


def test_from_the_second_on_the_levels_sum_to_alpha() -> None:
    levels = spent([[0.9]] * 2000, 0.04)
    assert levels[0] == 0.04
    assert levels[1:4] == pytest.approx([0.02, 0.04 / 6, 0.04 / 12])
    assert sum(levels[1:]) == pytest.approx(0.04, rel=1e-3)


def test_no_later_evaluation_changes_an_earlier_level() -> None:
    values = [[0.2], [0.001], [0.0001, 0.5], [0.9], [0.01]]
    for k in range(1, len(values)):
        assert spent(values[:k]) == spent(values)[:k]


def test_a_level_is_handed_on_where_all_candidates_differ() -> None:
    assert spent([[0.9], [0.001], [0.9]])[2] == pytest.approx(0.05 / 6 + 0.025)
    assert spent([[0.9], [0.001, 0.9], [0.9]])[2] == pytest.approx(0.05 / 6)
    assert spent([[0.9], [], [0.9]])[2] == pytest.approx(0.05 / 6)


def test_no_level_is_above_alpha() -> None:
    assert max(spent([[0.0]] * 50)) == 0.05
