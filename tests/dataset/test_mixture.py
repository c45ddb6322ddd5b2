"""Down-sampling to target shares: the largest set that has them, drawn reproducibly."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.dataset.mixture import apportion, down_sample
from llmc_lib.errors import UserError

NAMES = "abcdefgh"


@st.composite
def shares(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(
        st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(lambda found: sum(found) > 0)
    )
    return {name: weight / sum(weights) for name, weight in zip(NAMES, weights, strict=False)}


def _rows(counts: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"id": f"{name}-{number:03d}", "category": name}
            for name, count in counts.items()
            for number in range(count)
        ],
        columns=["id", "category"],
    )


@given(total=st.integers(0, 5000), target=shares())
def test_apportioned_seats_sum_to_the_total_and_lie_within_one(
    total: int, target: dict[str, float]
) -> None:
    counts = apportion(total, target)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - total * target[name]) < 1 for name in target)


def test_seats_go_to_the_largest_remainders() -> None:
    # The textbook case of Hamilton's method (population in thousands, 10 seats).
    assert apportion(10, {"a": 0.54, "b": 0.27, "c": 0.19}) == {"a": 5, "b": 3, "c": 2}
    assert apportion(1, {"b": 0.5, "a": 0.5}) == {"b": 1, "a": 0}


@given(target=shares(), available=st.lists(st.integers(1, 60), min_size=8, max_size=8))
def test_the_mixture_is_the_largest_with_its_shares(
    target: dict[str, float], available: list[int]
) -> None:
    counts = dict(zip(NAMES, available, strict=True))
    mixture = down_sample(_rows(counts), target, None, 0)
    total = len(mixture.rows)
    found = mixture.rows["category"].value_counts().to_dict()
    assert mixture.rows["id"].is_unique
    assert all(abs(found.get(name, 0) - total * share) < 1 for name, share in target.items())
    assert set(found) <= set(target)
    assert mixture.limiting_category is not None
    limit = mixture.limiting_category
    assert (total + 1) * target[limit] > counts[limit]  # one more would need more than there are
    off = [abs(found.get(name, 0) / total - share) for name, share in target.items()]
    assert mixture.total_variation == pytest.approx(sum(off) / 2)


def test_max_rows_limits_the_mixture() -> None:
    mixture = down_sample(_rows({"a": 60, "b": 60}), {"a": 0.75, "b": 0.25}, 40, 0)
    assert mixture.rows["category"].value_counts().to_dict() == {"a": 30, "b": 10}
    assert mixture.limiting_category is None
    assert mixture.total_variation == 0
    mixture = down_sample(_rows({"a": 60, "b": 60}), {"a": 0.75, "b": 0.25}, 81, 0)
    assert (len(mixture.rows), mixture.limiting_category) == (80, "a")


def test_the_draw_depends_on_seed_and_ids_and_not_on_the_order() -> None:
    rows, target = _rows({"a": 50, "b": 30}), {"a": 0.5, "b": 0.5}
    drawn = down_sample(rows, target, 20, 3).rows
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(down_sample(shuffled, target, 20, 3).rows, drawn)
    assert set(down_sample(rows, target, 20, 4).rows["id"]) != set(drawn["id"])
    # Rows of one category do not decide about another's.
    fewer = rows[(rows["category"] == "a") | (rows["id"] < "b-020")]
    again = down_sample(fewer, target, 20, 3).rows
    assert set(again[again["category"] == "a"]["id"]) == set(drawn[drawn["category"] == "a"]["id"])


def test_a_category_without_rows_is_told() -> None:
    with pytest.raises(UserError, match=r"dataset\.shares: 'b' has a share of 25% and no rows; "):
        down_sample(_rows({"a": 5}), {"a": 0.75, "b": 0.25}, None, 0)
    assert len(down_sample(_rows({"a": 5}), {"a": 1.0, "b": 0.0}, None, 0).rows) == 5
