"""What a model can do after reinforcement: pass@1 and pass@k paired, and counts before and after."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis import paired_comparison
from llmc_lib.analysis.reinforced import mean_change, paired_block


def _solved(rates: np.ndarray, samples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    right: np.ndarray = random.random((len(rates), samples)) < rates[:, None]
    return right


BASE = np.repeat([0.0, 0.6, 0.9], [100, 100, 100])


@pytest.mark.parametrize(
    ("after", "reach"),
    [
        (np.repeat([0.0, 0.95, 0.95], [100, 100, 100]), "sharper"),
        (np.repeat([0.4, 0.7, 0.95], [100, 100, 100]), "more"),
        (np.repeat([0.0, 1.0, 0.0, 1.0], [100, 80, 20, 100]), "narrower"),
        (np.repeat([0.0, 0.0, 0.9], [100, 100, 100]), "fewer"),
        (BASE, "open"),
    ],
)
def test_what_pass_at_1_and_pass_at_k_say_together(after: np.ndarray, reach: str) -> None:
    block = paired_block(_solved(after, 8, 1), _solved(BASE, 8, 0), 0.05)
    assert block["reach"] == reach
    assert block["k"] == 8


def test_the_differences_are_those_of_the_paired_comparison() -> None:
    after, before = _solved(BASE + 0.05, 4, 1), _solved(BASE, 4, 0)
    block = paired_block(after, before, 0.05)
    one = paired_comparison(after, before)
    ever = paired_comparison(after.any(axis=1), before.any(axis=1))
    assert (block["pass_at_1"]["difference"], block["pass_at_1"]["low"]) == (
        one.difference,
        one.low,
    )
    assert (block["pass_at_k"]["gained"], block["pass_at_k"]["p_value"]) == (
        ever.gained,
        ever.p_value,
    )
    assert block["pass_at_k"]["before"] == pytest.approx(before.any(axis=1).mean())


def test_one_sample_has_no_pass_at_k() -> None:
    block = paired_block(_solved(BASE, 1, 1), _solved(BASE, 1, 0), 0.05)
    assert (block["pass_at_k"], block["reach"]) == (None, None)


def test_means_of_counts_before_and_after() -> None:
    before = np.array([[2, 1], [0, 0], [3, 3], [0, 2]])
    after = np.array([[1, 1], [0, 0], [0, 3], [0, 2]])
    found = mean_change(after, before, 0.05)
    assert (found.before, found.after) == (11 / 8, 7 / 8)
    assert found.difference == pytest.approx(-0.5)
    assert found.low < -0.5 < found.high
    assert found.p_value == pytest.approx(0.5)  # two questions differ, by flips of their signs


def test_many_questions_are_tested_as_by_a_paired_t_test() -> None:
    random = np.random.default_rng(0)
    before, after = random.poisson(1.5, (300, 4)), random.poisson(1.0, (300, 4))
    found = mean_change(after, before, 0.05)
    d = after.mean(axis=1) - before.mean(axis=1)
    error = d.std(ddof=1) / np.sqrt(300)
    assert found.high - found.low == pytest.approx(2 * 1.968 * error, rel=0.001)


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        mean_change(np.zeros((3, 2), int), np.zeros((3, 1), int), 0.05)
    with pytest.raises(ValueError, match="negative"):
        mean_change(np.full((3, 2), -1), np.zeros((3, 2), int), 0.05)
