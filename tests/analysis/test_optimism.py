"""What a selection hides: against known answers, the rule of `select`, and scipy's Dunnett-like bounds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis import Outcomes, paired_comparison, selection_noise
from llmc_lib.analysis.bootstrap import Totals, resampled_totals
from llmc_lib.analysis.optimism import _chosen, chosen
from llmc_lib.analysis.selection import select


def _data(seed: int, gains: list[float], n: int = 300, k: int = 4) -> Outcomes:
    rng = np.random.default_rng(seed)
    chance = rng.random(n)[:, None] * 0.6
    correct = {"base": rng.random((n, k)) < chance}
    for at, gain in enumerate(gains):
        correct[f"model-{at}"] = rng.random((n, k)) < chance + gain
    return Outcomes(
        reference="base",
        question_ids=np.arange(n),
        category=np.where(np.arange(n) % 3, "Law", "Math").astype(object),
        cluster=None,
        correct=correct,
        missing={name: np.zeros_like(values) for name, values in correct.items()},
        left_out=dict.fromkeys(correct, 0),
    )


def test_a_plain_winner_is_told_as_one() -> None:
    found = selection_noise(_data(0, [0.0, 0.25, 0.02]), ["Math", "Music"], resamples=500)
    table = found.candidates
    winner = {name: float(table[name][1]) for name in ("best", "chosen", "p_adjusted")}
    assert (found.chosen, found.better_in) == ("model-1", ("Math",))
    assert found.chosen_again == winner["chosen"] == winner["best"] == 1
    assert found.optimism == pytest.approx(0, abs=0.002)
    assert winner["p_adjusted"] < 0.001
    assert table["best"].sum() == pytest.approx(1)
    assert table["chosen"].sum() + found.none_chosen == pytest.approx(1)


def test_equal_candidates_are_told_as_luck() -> None:
    found = selection_noise(_data(1, [0.0] * 7), resamples=500)
    table = found.candidates
    assert found.chosen is not None
    assert found.chosen_again < 0.8
    assert (found.optimism or 0) > 0.005
    assert table["best"].max() < 0.8
    # All are drawn to their mean, and keep the order; to the reference they come nearer to it.
    assert table["sceptical"].abs().max() < table["shrunken"].abs().max()
    assert table["shrunken"].std() < 0.7 * table["difference"].std()
    assert (table["low"] < 0).all()
    assert (table["high"] > 0).all()


@pytest.mark.slow
def test_the_choice_is_that_of_the_rule() -> None:
    for seed in range(12):
        data = _data(seed, [0.01, 0.02, 0.0], n=30, k=2)
        comparisons = []
        for model in data.candidates:
            parts = {}
            for name in ("Law", "Math"):
                part = data.only(name)
                difference = paired_comparison(part.correct[model], part.correct["base"]).difference
                parts[name] = {"difference": difference}
            whole = paired_comparison(data.correct[model], data.correct["base"]).difference
            comparisons.append(
                {"model": model, "difference": whole, "verdict": "", "categories": parts}
            )
        expected = select({"comparisons": comparisons}, ["Math"])
        found = selection_noise(data, ["Math"], resamples=20)
        assert found.chosen == expected["chosen"] == chosen(data, ["Math"])
        assert (found.optimism is None) == (found.chosen is None)


def test_of_equal_ones_the_first_is_chosen_and_none_where_none_is_better() -> None:
    means = np.array([[0.1, 0.1, 0.0], [0.0, -0.1, 0.0], [0.1, 0.2, 0.3]])
    assert _chosen(means, 3).tolist() == [0, 3, 2]
    # Two candidates, overall and in a category: the second alone is better in both.
    assert _chosen(np.array([[0.2, 0.1, -0.1, 0.3]]), 2).tolist() == [1]


def test_the_same_seed_gives_the_same_and_the_order_of_questions_does_not_matter() -> None:
    data = _data(2, [0.0, 0.05])
    first, again = (selection_noise(data, resamples=200, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.candidates, again.candidates)
    order = np.random.default_rng(0).permutation(data.n_questions)
    moved = dataclasses.replace(
        data,
        category=data.category[order],
        correct={name: values[order] for name, values in data.correct.items()},
    )
    other = selection_noise(moved, resamples=200, seed=3).candidates
    columns = ["difference", "low", "high", "shrunken"]
    pd.testing.assert_frame_equal(first.candidates[columns], other[columns])


def test_clusters_are_resampled_whole() -> None:
    data = _data(4, [0.05], n=200, k=1)
    copies = {name: np.repeat(values[:50], 4, axis=0) for name, values in data.correct.items()}
    clustered = dataclasses.replace(data, cluster=np.repeat(np.arange(50), 4), correct=copies)
    alone = dataclasses.replace(clustered, cluster=None)
    width = [
        float((found.candidates["high"] - found.candidates["low"])[0])
        for found in (
            selection_noise(clustered, resamples=50),
            selection_noise(alone, resamples=50),
        )
    ]
    assert width[0] == pytest.approx(
        2 * width[1], rel=0.15
    )  # few clusters: by flipping their signs


@pytest.mark.slow
def test_the_bootstrap_has_the_spread_of_the_mean_however_it_is_drawn() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-1, 2, (20_000, 2)).astype(float)
    few = Totals.of(values, None)
    assert len(few.sums) == 9  # equal questions are one row
    expected = values.std(axis=0) / np.sqrt(len(values))
    plain = Totals(values[:2_000], np.ones(2_000), np.ones(2_000, dtype=int))
    for totals, error in ((few, expected), (plain, values[:2_000].std(axis=0) / np.sqrt(2_000))):
        means = np.concatenate(list(resampled_totals(totals, 3_000, 0)))
        assert means.shape == (3_000, 2)
        assert means.mean(axis=0) == pytest.approx(totals.observed, abs=4 * error[0] / 50)
        assert means.std(axis=0) == pytest.approx(error, rel=0.06)


def test_very_many_questions_are_drawn_from_the_normal_distribution() -> None:
    values = np.random.default_rng(1).random((120_000, 2))
    means = np.concatenate(list(resampled_totals(Totals.of(values, None), 4_000, 0)))
    assert means.std(axis=0) == pytest.approx(values.std(axis=0) / np.sqrt(120_000), rel=0.05)
    assert means.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=1e-4)


def test_a_selection_of_none_and_of_one_question_is_refused() -> None:
    with pytest.raises(ValueError, match="no candidate besides the reference base"):
        selection_noise(_data(0, []))
    with pytest.raises(ValueError, match="at least 2 questions"):
        selection_noise(_data(0, [0.1], n=1))
