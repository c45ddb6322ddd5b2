"""A difference over questions and prompts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.analysis.crossed import crossed, interaction


def test_the_variance_is_that_of_the_two_way_analysis_of_variance() -> None:
    """Of a balanced table both parts come from the mean squares: MS_q / (nP) and (MS_p - MS_e) / (nP)."""
    rng = np.random.default_rng(1)
    n, several = 50, 3
    values = (
        rng.normal(size=(n, 1)) + rng.normal(size=several) + 0.5 * rng.normal(size=(n, several))
    )
    values /= 20
    found = crossed(values)
    rows, columns, grand = values.mean(axis=1), values.mean(axis=0), values.mean()
    of_question = several * np.square(rows - grand).sum() / (n - 1)
    of_prompt = n * np.square(columns - grand).sum() / (several - 1)
    rest = np.square(values - rows[:, None] - columns + grand).sum() / ((n - 1) * (several - 1))
    assert found.difference == pytest.approx(grand)
    assert found.error**2 == pytest.approx((of_question + of_prompt - rest) / (n * several))
    assert found.spread**2 == pytest.approx((of_prompt - rest) / n)


def test_two_prompts_that_differ_make_a_wide_interval() -> None:
    same = np.tile(np.repeat([0.0, 1.0, -1.0], [80, 15, 5])[:, None], 2)
    apart = same.copy()
    apart[:40, 1] = -1
    alike, differing = crossed(same), crossed(apart)
    assert alike.spread == 0
    assert differing.spread > 0.2
    assert differing.high - differing.low > 5 * (alike.high - alike.low)
    at = float(stats.t.ppf(0.975, 99))
    assert alike.high - alike.low == pytest.approx(2 * at * alike.error)


def test_clusters_of_one_question_change_nothing_and_doubled_questions_do() -> None:
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 0.0, 1.0], size=(60, 1), p=[0.1, 0.7, 0.2])
    values = np.where(rng.random((60, 2)) < 0.9, values, 0.0)
    plain, single = crossed(values), crossed(values, clusters=np.arange(60))
    assert single.error == pytest.approx(plain.error)
    twice, labels = np.repeat(values, 2, axis=0), np.repeat(np.arange(60), 2)
    assert crossed(twice, clusters=labels).error == pytest.approx(plain.error)
    assert crossed(twice).error < plain.error


def test_the_interaction_is_found_where_it_is_there() -> None:
    rng = np.random.default_rng(3)
    first = rng.choice([-1, 0, 1], size=300, p=[0.1, 0.7, 0.2])
    same = interaction(first, rng.permutation(first), 1)
    other = interaction(first, first - (np.arange(300) < 60), 1)
    assert same.p_value > 0.05
    assert other.p_value < 0.001
    assert other.difference == pytest.approx(-0.2)


@pytest.mark.parametrize("shape", [(10,), (10, 1), (1, 2)])
def test_too_little_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least"):
        crossed(np.zeros(shape))
