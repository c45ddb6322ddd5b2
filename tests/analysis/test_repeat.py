"""A model that answered twice: how many answers turned, and what that makes of the next run."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.repeat import harness_part, turned, within_rerun
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.variance import VarianceParts, difference_variance_parts


def test_with_one_sample_it_is_the_share_of_answers_that_turned_and_one_more() -> None:
    first = np.arange(100) < 40
    again = first.copy()
    again[[0, 1, 50]] = ~again[[0, 1, 50]]
    assert turned(first, again) == pytest.approx(4 / 100)
    assert harness_part(first, again) == pytest.approx(2 / 100)
    assert turned(first, first) == pytest.approx(1 / 100)  # none of so few turned


def test_sampling_is_taken_out_where_several_samples_tell_it() -> None:
    """Chances of 0.5 everywhere: two runs of one harness differ by sampling alone."""
    rng = np.random.default_rng(0)
    first, again = rng.random((2, 4_000, 4)) < 0.5
    assert turned(first, again) == pytest.approx(2 * 0.25 / 4, rel=0.1)
    assert harness_part(first, again) < 0.006
    moved = np.where(rng.random((4_000, 1)) < 0.5, 0.8, 0.2)  # the chance is another one: ±0.3
    other = rng.random((4_000, 4)) < moved
    same = rng.random((4_000, 4)) < np.where(rng.random((4_000, 1)) < 0.5, 0.8, 0.2)
    assert harness_part(same, other) == pytest.approx(0.09, abs=0.006)


def test_a_difference_has_the_harness_of_both_models_and_no_more_than_all_of_its_variance() -> None:
    one = VarianceParts(0.1, None)
    assert within_rerun(one, 0.02, 1) == pytest.approx(0.04)
    assert within_rerun(one, 0.02, 1, models=1) == pytest.approx(0.02)
    assert within_rerun(one, 0.2, 1) == pytest.approx(0.1)  # discordance bounds it
    several = VarianceParts(0.3, 0.2)
    assert within_rerun(several, 0.01, 4) == pytest.approx(0.2 + 2 * 4 * 0.01)


def test_a_model_that_hardly_turns_narrows_what_the_next_run_may_show() -> None:
    n = 400
    base = np.arange(n) % 3 == 0
    tuned = np.roll(base, 40) | (np.arange(n) < 30)
    again = base.copy()
    again[:6] = ~again[:6]
    parts = difference_variance_parts(tuned, base)
    found = rerun(
        tuned, base, within=within_rerun(parts, harness_part(base, again), 1), given="repeat"
    )
    bound = rerun(tuned, base)
    assert (found.basis, bound.basis) == ("repeat", "bound")
    assert found.within == pytest.approx(7 / n)
    assert found.high - found.low < 0.6 * (bound.high - bound.low)


@pytest.mark.parametrize(
    ("first", "again"), [([], []), ([True], [True, False]), ([0.5], [1.0]), ([np.nan], [1.0])]
)
def test_what_are_no_two_runs_is_refused(first: list[float], again: list[float]) -> None:
    with pytest.raises(ValueError, match=r"shape|true|missing|right or wrong"):
        turned(first, again)
