"""The mixture: the largest set with the target shares, drawn reproducibly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmc_lib.dataset.prepare import draw_key
from llmc_lib.dataset.steps import mixture as module
from llmc_lib.dataset.steps.mixture import Mixture, apportion, held_out
from llmc_lib.errors import UserError
from llmc_lib.params import DatasetParams

NAMES = "abcdefgh"


@st.composite
def shares(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(
        st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(lambda found: sum(found) > 0)
    )
    return {name: weight / sum(weights) for name, weight in zip(NAMES, weights, strict=False)}


def _rows(counts: dict[str, int], seed: int = 0) -> pd.DataFrame:
    """Rows of two sources and three subjects, with the hashes that the builder gives them."""
    rows = [
        {"category": name, "source": f"source-{number % 2}", "subject": f"subject-{number % 3}",
         "id": f"{name}-{number:03d}"}
        for name, count in counts.items()
        for number in range(count)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["category", "source", "subject", "id"])
    keys = [draw_key(seed, id_) for id_ in frame["id"]]
    hashes = np.array(keys, np.uint64).reshape(-1, 2)
    return frame.assign(draw=hashes[:, 0], order=hashes[:, 1])


def _params(**settings: Any) -> DatasetParams:
    return DatasetParams(**{"validation": 0.0, **settings})


def mix(rows: pd.DataFrame, target: dict[str, float], params: DatasetParams) -> Mixture:
    """The mixture where it is the only one."""
    held = held_out(rows, params.validation)
    return module.mix(rows.assign(held=held), target, params)


def _counts(rows: pd.DataFrame, mixture: Mixture) -> dict[str, int]:
    labels = [*mixture.train, *mixture.validation]
    return {str(k): int(v) for k, v in rows.loc[labels, "category"].value_counts().items()}


@pytest.mark.slow
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


@pytest.mark.slow
@settings(max_examples=25)
@given(target=shares(), available=st.lists(st.integers(1, 60), min_size=8, max_size=8))
@example(target={"a": 1.0}, available=[9, 1, 1, 1, 1, 1, 1, 1])
def test_the_mixture_is_the_largest_with_its_shares(
    target: dict[str, float], available: list[int]
) -> None:
    rows = _rows(dict(zip(NAMES, available, strict=True)))
    mixture = mix(rows, target, _params(validation=0.1))
    total = len(mixture.train) + len(mixture.validation)
    found = _counts(rows, mixture)
    assert len({*mixture.train, *mixture.validation}) == total
    assert all(abs(found.get(name, 0) - total * share) < 1 for name, share in target.items())
    assert {name: n for name, n in mixture.counts.items() if n} == found
    limit = mixture.limiting_category
    assert limit is not None
    # One more would need more than there are.
    assert (total + 1) * target[limit] > available[NAMES.index(limit)]
    off = [abs(found.get(name, 0) / total - share) for name, share in target.items()]
    assert mixture.total_variation == pytest.approx(sum(off) / 2)
    wanted = [n for name, n in zip(NAMES, available, strict=True) if target.get(name, 0) > 0]
    assert mixture.cost == sum(wanted) - total
    # A category that is used up gives all rows that can be held out: its part of those of all categories, which are a whole
    # number, to within a row.
    assert abs(len(mixture.validation) - total * 0.1) <= sum(n > 0 for n in found.values()) + 0.5


def test_max_rows_limits_the_mixture() -> None:
    rows, target = _rows({"a": 60, "b": 60}), {"a": 0.75, "b": 0.25}
    mixture = mix(rows, target, _params(max_rows=40))
    assert _counts(rows, mixture) == {"a": 30, "b": 10}
    assert (mixture.limiting_category, mixture.total_variation) == (None, 0)
    mixture = mix(rows, target, _params(max_rows=81))
    assert (len(mixture.train), mixture.limiting_category, mixture.cost) == (80, "a", 40)


def test_the_draw_depends_on_seed_and_ids_and_not_on_the_order() -> None:
    rows, target, params = _rows({"a": 50, "b": 30}), {"a": 0.5, "b": 0.5}, _params(max_rows=20)
    drawn = rows.loc[mix(rows, target, params).train, "id"].tolist()
    shuffled = rows.sample(frac=1, random_state=1)
    assert shuffled.loc[mix(shuffled, target, params).train, "id"].tolist() == drawn
    other = _rows({"a": 50, "b": 30}, seed=4)
    assert {*other.loc[mix(other, target, params).train, "id"].tolist()} != {*drawn}
    # Rows of one category do not decide about another's.
    fewer = rows[(rows["category"] == "a") | (rows["id"] < "b-020")]
    again = fewer.loc[mix(fewer, target, params).train, "id"]
    assert {i for i in again if i[0] == "a"} == {i for i in drawn if i[0] == "a"}


def test_sources_and_subjects_keep_their_proportions() -> None:
    rows = _rows({"a": 600})
    rows.loc[rows["subject"] == "subject-0", "source"] = "source-2"
    mixture = mix(rows, {"a": 1.0}, _params(max_rows=60))
    strata = ["source", "subject"]
    there = rows.groupby(strata).size() / 10
    drawn = rows.loc[mixture.train].groupby(strata).size()
    assert (there - drawn).abs().max() < 1
    assert len(drawn) == len(there) == 5


def test_the_held_out_rows_are_nobodys_and_of_all_categories() -> None:
    rows = _rows({"a": 100, "b": 300})
    mixture = mix(rows, {"a": 0.25, "b": 0.75}, _params(validation=0.2))
    held = rows.loc[mixture.validation, "category"].value_counts().to_dict()
    assert held == {"a": 20, "b": 60}
    assert set(mixture.validation).isdisjoint(mixture.train)
    changes = rows.loc[mixture.train, "category"].to_numpy()
    assert (changes[1:] != changes[:-1]).sum() > 60  # shuffled


def test_a_category_without_rows_is_told_with_all_others() -> None:
    target = {"a": 0.5, "b": 0.25, "c": 0.25}
    with pytest.raises(UserError, match=r"no row is left for 'b' \(25%\), 'c' \(25%\); add"):
        mix(_rows({"a": 5}), target, _params())
    assert len(mix(_rows({"a": 5}), {"a": 1.0, "b": 0.0}, _params()).train) == 5
    with pytest.raises(UserError, match="no row is left in any category"):
        mix(_rows({}), {"a": 1.0}, _params(allow_shortfall=True))


def test_an_allowed_shortfall_takes_what_there_is() -> None:
    rows, target = _rows({"a": 40, "b": 3}), {"a": 0.5, "b": 0.25, "c": 0.25}
    mixture = mix(rows, target, _params(allow_shortfall=True, max_rows=30))
    assert mixture.counts == {"a": 20, "b": 3}
    assert mixture.limiting_category == "b"
    assert mixture.total_variation == pytest.approx((20 / 23 - 0.5 + 0.25 - 3 / 23 + 0.25) / 2)
    # Without a size to reach, the categories that have rows keep their proportion.
    assert mix(rows, target, _params(allow_shortfall=True)).counts == {"a": 6, "b": 3}


def test_rows_are_repeated_only_where_that_is_asked_for() -> None:
    rows, target = _rows({"a": 90, "b": 10}), {"a": 0.5, "b": 0.5}
    assert mix(rows, target, _params(max_rows=60)).counts == {"a": 10, "b": 10}
    mixture = mix(rows, target, _params(max_rows=60, repeat=True, validation=0.1))
    assert mixture.counts == {"a": 30, "b": 30}
    counts = pd.Series(mixture.train).value_counts()
    categories = rows.loc[counts.index, "category"].to_numpy()
    assert set(counts[categories == "a"]) == {1}
    assert set(counts[categories == "b"]) == {3, 4}  # each of the nine not held out, in turn
    assert set(mixture.validation).isdisjoint(mixture.train)
    assert len(set(mixture.validation)) == len(mixture.validation) == 4


@pytest.mark.slow
@given(more=st.integers(0, 30))
def test_more_rows_add_to_the_earlier_ones(more: int) -> None:
    rows = _rows({"a": 60})
    one = rows[rows["source"] == "source-0"].assign(subject="x")  # a single stratum
    few = mix(one, {"a": 1.0}, _params(max_rows=20 if more > 10 else 10)).train
    many = mix(one, {"a": 1.0}, _params(max_rows=min(30, 20 + more))).train
    assert set(few) <= set(many)


# ---- several mixtures of the same rows -----------------------------------------------------------


@st.composite
def settings_of_a_mixture(
    draw: st.DrawFn,
) -> tuple[list[str], dict[str, float] | None, DatasetParams]:
    """Sources, target shares (None: those of the rows), and the other settings."""
    sources = draw(st.lists(st.sampled_from(["source-0", "source-1"]), min_size=1, unique=True))
    max_rows = draw(st.none() | st.integers(1, 150))
    params = {
        "max_rows": max_rows,
        "repeat": max_rows is not None and draw(st.booleans()),
        "allow_shortfall": True,
    }
    return sources, draw(st.none() | shares()), _params(**params)


@pytest.mark.slow
@settings(max_examples=30)
@given(
    available=st.lists(st.integers(0, 40), min_size=8, max_size=8).filter(
        lambda found: sum(found) > 0
    ),
    share=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9]),
    wanted=st.lists(settings_of_a_mixture(), min_size=2, max_size=3),
)
def test_what_one_mixture_is_validated_on_no_other_trains_on(
    available: list[int],
    share: float,
    wanted: list[tuple[list[str], dict[str, float] | None, DatasetParams]],
) -> None:
    rows = _rows(dict(zip(NAMES, available, strict=True)))
    rows["held"] = held_out(rows, share)
    trained: set[int] = set()
    validated: set[int] = set()
    for sources, target, params in wanted:
        pool = rows[rows["source"].isin(sources)]
        parts = pool["category"].value_counts(normalize=True)
        sizes = {str(name): float(part) for name, part in parts.items()}
        if not any((target or sizes).get(name) and name in sizes for name in NAMES):
            continue
        params = params.model_copy(update={"validation": share})
        mixture = module.mix(pool, target or sizes, params)
        assert len(mixture.train) + len(mixture.validation) == sum(mixture.counts.values())
        # There is always something to train on, of every category that has rows.
        here = {*pool.loc[mixture.train, "category"]}
        assert here == {name for name, n in mixture.counts.items() if n}
        assert len({*mixture.validation}) == len(mixture.validation)
        trained |= {*mixture.train}
        validated |= {*mixture.validation}
    assert trained.isdisjoint(validated)
    assert validated <= {*rows.index[rows["held"]]}
    assert trained <= {*rows.index[~rows["held"]]}


@pytest.mark.slow
@settings(max_examples=30)
@given(
    available=st.lists(st.integers(0, 60), min_size=8, max_size=8),
    share=st.sampled_from([0.0, 0.05, 0.125, 0.5, 0.9]),
)
def test_the_rows_that_can_be_held_out_are_a_share_of_each_source_and_category(
    available: list[int], share: float
) -> None:
    rows = _rows(dict(zip(NAMES, available, strict=True)))
    held = held_out(rows, share)
    strata = ["category", "source"]
    there = rows.groupby(strata).size()
    found = held.groupby([rows[name] for name in strata]).sum()
    # A row for the apportionment to the categories, and one for that to their sources.
    assert (abs(found - share * there) < 2).all()
    assert (found < there).all()
    assert held.sum() <= round(len(rows) * share)


def test_a_mixture_of_part_of_the_rows_has_its_share_held_out() -> None:
    rows = _rows({"a": 200, "b": 600})
    rows["held"] = held_out(rows, 0.1)
    for sources, max_rows in (
        (["source-0"], None),
        (["source-1"], 50),
        (["source-0", "source-1"], 90),
    ):
        pool = rows[rows["source"].isin(sources)]
        mixture = module.mix(pool, {"a": 0.5, "b": 0.5}, _params(validation=0.1, max_rows=max_rows))
        total = max_rows or 200
        assert len(mixture.train) + len(mixture.validation) == total
        assert len(mixture.validation) == total / 10
        held = pool.loc[mixture.validation, "category"].value_counts()
        assert abs(held["a"] - held["b"]) <= 1


def test_the_rows_that_can_be_held_out_do_not_depend_on_their_order() -> None:
    rows = _rows({"a": 50, "b": 33})
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(held_out(shuffled, 0.1).sort_index(), held_out(rows, 0.1))


def test_messages_name_the_mixture_that_is_meant() -> None:
    rows = _rows({"a": 5}).assign(held=False)
    message = r"^candidates: m: mixture\.shares: no row .*, or set candidates: m: mixture\.allow_shortfall"
    with pytest.raises(UserError, match=message):
        module.mix(rows, {"b": 1.0}, _params(), "candidates: m: mixture")
