"""The gain of the nearest questions: what it is, when it is flagged, and that ties and clusters stay together."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.gain import gain_by_similarity


def test_a_gain_on_the_nearest_alone_leaves_the_band() -> None:
    rng = np.random.default_rng(1)
    near = np.append(rng.uniform(0, 0.5, 190), np.linspace(0.8, 0.95, 10))
    difference = rng.choice([-1, 0, 0, 0, 1], 200).astype(float)
    difference[190:] = 1
    found = gain_by_similarity(difference, near)
    assert found.found == "larger"
    assert found.p_value < 0.001
    nearest = found.curve.iloc[0]
    assert nearest["n"] == 5
    assert nearest["gain"] == 1
    assert nearest["high"] < 1
    assert (found.curve["n"].diff().dropna() > 0).all()
    assert (found.curve["similarity"].diff().dropna() < 0).all()
    assert gain_by_similarity(-difference, near).found == "smaller"


@pytest.mark.slow
def test_a_gain_that_is_the_same_everywhere_stays_in_it() -> None:
    rng = np.random.default_rng(2)
    flagged = sum(
        gain_by_similarity(
            rng.choice([-1, 0, 0, 1, 1], 80), rng.beta(2, 6, 80).round(2), seed=at
        ).found
        != "none"
        for at in range(60)
    )
    assert flagged <= 8  # of 60 at 5%: more has a chance of 0.4%


def test_equal_similarities_are_not_parted() -> None:
    near = np.array([0.9] * 30 + [0.1] * 30)
    found = gain_by_similarity(np.append(np.ones(30), np.zeros(30)), near)
    assert found.curve["n"].tolist() == [30]
    assert found.found == "larger"
    same = gain_by_similarity(np.append(np.ones(30), np.zeros(30)), np.zeros(60))
    assert (same.found, same.p_value, len(same.curve)) == ("none", 1.0, 0)


@pytest.mark.slow
def test_clusters_are_permuted_whole() -> None:
    """Ten clusters of twenty: as single questions they would be far more than they are."""
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(10), 20)
    near = np.repeat(rng.uniform(0, 1, 10), 20)
    alone, whole = 0, 0
    for at in range(30):
        difference = np.repeat(rng.choice([-1.0, 0.0, 1.0], 10), 20)
        alone += gain_by_similarity(difference, near, seed=at).found != "none"
        whole += gain_by_similarity(difference, near, labels, seed=at).found != "none"
    assert whole <= 4 < 15 < alone


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="both must be"):
        gain_by_similarity([1, 0], [0.5])
    with pytest.raises(ValueError, match="both must be"):
        gain_by_similarity([1, np.nan], [0.5, 0.1])
