"""Labels of a part of the answers: how many of which, and what they say of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import audit
from llmc_lib.analysis.audit_design import allocate, assumed_wrong, select


def test_labels_go_where_errors_are_likely_and_many() -> None:
    sizes, assumed = [1000, 1000, 100, 0], [0.03, 0.2, 0.4, 0.4]
    found = allocate(sizes, assumed, 100)
    assert found.sum() == 100
    assert found[1] > found[0] > 10
    assert found[2] > 3
    assert found[3] == 0
    # A second wave adds to the first and follows its labels: the first stratum's grades are often wrong.
    more = allocate(sizes, assumed, 100, found, [found[0] // 2, 0, 0, 0])
    assert (more >= found).all()
    assert more.sum() == 200
    assert more[0] - found[0] > more[1] - found[1]
    assert (allocate(sizes, assumed, 10_000) == sizes).all()


def test_the_allocation_is_neymans() -> None:
    sizes, assumed = np.array([4000, 2000]), np.array([0.1, 0.4])
    spread = sizes * np.sqrt(assumed * (1 - assumed))
    assert np.allclose(allocate(sizes, assumed, 600) / 600, spread / spread.sum(), atol=0.003)


def test_few_labels_leave_small_strata_out() -> None:
    assert list(allocate([5000, 3, 3], [0.05, 0.4, 0.4], 4)) == [4, 0, 0]


def test_the_same_questions_are_drawn_of_all_models_and_more_never_fewer() -> None:
    rng = np.random.default_rng(0)
    luck = np.tile(rng.random(300), 2)
    strata = np.repeat([0, 1], 300)
    few, many = (select(strata, luck, counts) for counts in ([20, 30], [40, 30]))
    assert few.sum() == 50
    assert (few <= many).all()
    first, second = few.reshape(2, -1)
    assert (first <= second).all()  # 20 of the 30


@pytest.mark.parametrize("status", ["correct", "incorrect", "ungraded"])
def test_disputed_and_discordant_grades_are_doubted_more(status: str) -> None:
    plain = assumed_wrong(status, discordant=False, disputed=False)
    assert plain < assumed_wrong(status, discordant=True, disputed=False) < 0.5
    assert assumed_wrong(status, discordant=False, disputed=True) == 0.4


def _found(right: np.ndarray, labelled: np.ndarray, correct: np.ndarray) -> audit.Labelled:
    """Two strata, by the grade; of each the first `labelled` answers."""
    strata = correct.astype(int)
    drawn = np.zeros(len(right), bool)
    for stratum, n in enumerate(labelled):
        drawn[np.flatnonzero(strata == stratum)[:n]] = True
    return audit.Labelled.of(
        [int((strata == 0).sum()), int((strata == 1).sum())],
        [False, True],
        [0.05, 0.03],
        np.flatnonzero(drawn),
        strata[drawn],
        right[drawn],
    )


def test_all_labelled_is_the_truth_and_none_is_nearly_nothing() -> None:
    rng = np.random.default_rng(1)
    right, correct = rng.random(200) < 0.4, rng.random(200) < 0.5
    sizes = np.array([(~correct).sum(), correct.sum()])
    whole = audit.rate(_found(right, sizes, correct), 200)
    assert whole == pytest.approx((right.mean(),) * 3)
    none = audit.rate(_found(right, np.array([0, 0]), correct), 200)
    assert none.high - none.low > 0.5
    # What is in no stratum counts as wrong.
    assert audit.rate(_found(right, sizes, correct), 400).value == pytest.approx(right.mean() / 2)


def test_a_correction_by_hand() -> None:
    """100 of 200 graded correct, 20 labelled, 4 of them wrong; 50 others labelled, 5 of them right."""
    correct = np.repeat([True, False], 100)
    right = np.zeros(200, bool)
    right[4:20] = True
    right[100:105] = True
    found = audit.rate(_found(right, np.array([50, 20]), correct), 200)
    assert found.value == pytest.approx(0.5 * 0.8 + 0.5 * 0.1)
    assert found.low < 0.40
    assert found.high > 0.50
    wrong = 1 - audit.rate(_found(right, np.array([50, 20]), correct), 100, of=[False, True]).value
    assert wrong == pytest.approx(0.2)


def test_errors_that_models_share_cancel_in_their_difference() -> None:
    rng = np.random.default_rng(2)
    correct = np.repeat([True, False], 200)
    errors = rng.random(400) < 0.15
    right = correct ^ errors
    one, two = (_found(right, np.array([60, 60]), correct) for _ in range(2))
    assert audit.correlation(one, two) > 0.9
    apart = audit.difference(one, two, 400)
    alone = audit.rate(one, 400)
    assert apart.value == 0
    assert apart.high - apart.low < 0.7 * (alone.high - alone.low)


def test_an_interval_is_widened_by_an_independent_one() -> None:
    found = audit.Estimate(0.3, 0.26, 0.34).widened(0.35, 0.32, 0.38)
    assert (found.value - found.low, found.high - found.value) == pytest.approx((0.05, 0.05))


def test_more_labels_than_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="more labels than answers"):
        audit.Labelled.of([1], [True], [0.1], [1, 2], [0, 0], [True, True])
