"""Clusters of questions reach every figure, and intervals hold where most questions are never solved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis import (
    accuracy_by_finish,
    accuracy_by_length,
    calibration,
    limit_curve,
    limit_differences,
    pass_at_k,
    rate_interval,
    summarise,
)
from llmc_lib.analysis.clustered import clustered_rate, degrees_of_freedom
from llmc_lib.analysis.pass_at_k import majority_at_k

CLUSTERS = np.repeat(np.arange(60), 5)


def _right(seed: int = 0) -> np.ndarray:
    """300 questions, 4 samples: those of a cluster are alike."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.random((300, 4)) < np.repeat(rng.beta(0.5, 1, 60), 5)[:, None])


def test_one_try_has_the_interval_of_the_rate() -> None:
    right = _right()
    expected = rate_interval(right, clusters=CLUSTERS)
    tokens = np.full(right.shape, 10.0)
    one = pass_at_k(right, 1, clusters=CLUSTERS)
    vote = majority_at_k(right.astype(int).tolist(), right, 1, clusters=CLUSTERS)
    cut = limit_curve({"m": right}, {"m": tokens}, [10], clusters=CLUSTERS).iloc[0]
    bins = accuracy_by_length({"m": right}, {"m": tokens}, clusters=CLUSTERS).iloc[0]
    ended = {"m": np.full(right.shape, "stop", object)}
    finish = accuracy_by_finish({"m": right}, ended, clusters=CLUSTERS).iloc[0]
    for found in (one, vote, cut, bins, finish):
        assert (found.low, found.high) == pytest.approx(expected)
    alone = pass_at_k(right, 1)
    assert one.high - one.low > 1.5 * (alone.high - alone.low)
    differences = limit_differences(
        {"a": right, "b": _right(1)}, {"a": tokens, "b": tokens}, clusters=CLUSTERS
    )
    apart = limit_differences({"a": right, "b": _right(1)}, {"a": tokens, "b": tokens})
    width = [float((found["high"] - found["low"]).iloc[0]) for found in (differences, apart)]
    assert width[0] > 1.5 * width[1]


def test_one_try_covers_with_clusters() -> None:
    # 60 clusters of 5, 4 samples: it was 77%.
    rng = np.random.default_rng(3)
    rates = np.repeat(rng.beta(0.5, 1, (60, 400)), 5, axis=0)
    right = rng.binomial(4, rates) / 4
    _, low, high = clustered_rate(right, clusters=CLUSTERS)
    assert 0.92 <= np.mean((low <= 1 / 3) & (high >= 1 / 3)) <= 0.98


def test_calibration_takes_clusters_and_stays_on_the_scale() -> None:
    right = _right()
    confidence = np.clip(np.random.default_rng(1).normal(0.7, 0.2, right.shape), 0, 1)
    alone, found = calibration(confidence, right), calibration(confidence, right, clusters=CLUSTERS)
    for name in ("rms", "ece"):
        a, b = getattr(alone, name), getattr(found, name)
        assert b.value == pytest.approx(a.value)
        assert b.high - b.low > a.high - a.low
    assert found.brier_high > alone.brier_high
    assert found.overconfidence_high > alone.overconfidence_high
    assert (found.curve["high"] - found.curve["low"]).mean() > (
        alone.curve["high"] - alone.curve["low"]
    ).mean()
    few = calibration(np.array([0.99, 1.0, 0.98, 1.0]), np.array([False, True, False, False]))
    assert 0 <= few.rms.low <= few.rms.high <= 1
    assert 0 <= few.ece.low <= few.ece.high <= 1
    single = calibration(confidence, right, clusters=np.zeros(300))
    assert (single.rms.low, single.rms.high, single.overconfidence_low) == (0, 1, -1)


@pytest.mark.parametrize(("mean", "least"), [(0.05, 0.93), (0.02, 0.915)])
def test_the_rate_of_questions_that_are_mostly_never_solved_is_covered(
    mean: float, least: float
) -> None:
    # 100 questions of 16 samples: it was 92.3% at 5% and 85.9% at 2%.
    rng = np.random.default_rng(5)
    right = rng.binomial(16, rng.beta(mean * 0.5, (1 - mean) * 0.5, (100, 1_500)))
    _, low, high = clustered_rate(right, 16)
    assert np.mean((low <= mean) & (mean <= high)) >= least


def test_the_degrees_of_freedom_are_those_of_the_questions_that_carry_the_variance() -> None:
    normal = np.square(np.random.default_rng(0).standard_normal((20_000, 1)))
    assert degrees_of_freedom(normal, np.array([20_000])) == pytest.approx(19_999, rel=0.05)
    few = np.zeros((100, 1))
    few[:5] = 1  # 2 E[v]² / Var[v] of five alike: 2 · 25 / (5 - 25 / 100)
    assert degrees_of_freedom(few, np.array([100])) == pytest.approx(50 / 4.75)
    assert degrees_of_freedom(np.zeros((9, 1)), np.array([9])) == 8


@pytest.mark.slow
def test_a_report_takes_the_clusters_of_its_answers() -> None:
    rng = np.random.default_rng(2)
    frames = []
    for model in ("base", "tuned"):
        right = _right(int(rng.integers(99)))
        frames.append(
            pd.DataFrame(
                {
                    "benchmark": "own",
                    "model": model,
                    "question_id": np.repeat(np.arange(300), 4).astype(str),
                    "sample": np.tile(np.arange(4), 300),
                    "correct": right.ravel(),
                    "category": "All",
                    "status": np.where(right.ravel(), "correct", "incorrect"),
                    "truncated": False,
                    "failed": False,
                    "completion_tokens": 10,
                    "cluster": np.repeat(CLUSTERS, 4).astype(str),
                }
            )
        )
    answers = pd.concat(frames)
    kinds = {"own": "questions"}
    clustered = summarise(answers, kinds=kinds)["benchmarks"]["own"]
    alone = summarise(answers.assign(cluster=None), kinds=kinds)["benchmarks"]["own"]
    for of in (
        lambda b: b["models"]["base"]["ci95"],
        lambda b: [b["models"]["base"]["pass_at_k"][0][end] for end in ("low", "high")],
        lambda b: [b["limits"][-1][end] for end in ("low", "high")],
        lambda b: b["comparisons"][0]["ci95"],
    ):
        low, high = of(clustered)
        other_low, other_high = of(alone)
        assert high - low > 1.4 * (other_high - other_low)
    assert clustered["models"]["base"]["pass_at_k"][0]["low"] == pytest.approx(
        clustered["models"]["base"]["ci95"][0]
    )
