"""Prompts of another form than the training's do not end: when it is found, and how rarely by chance."""

from __future__ import annotations

import numpy as np
import pytest

from llmc_lib.analysis.endings import Cut, Ending, endings


def _cut(n: int, share: float) -> np.ndarray:
    return np.arange(n) < round(n * share)


def _found(other: tuple[float, float], trained: float, n: int = 40) -> list[Ending]:
    return endings(
        [
            Cut(
                "tuned",
                "instructions",
                "hle",
                _cut(n, other[0]),
                _cut(n, other[1]),
                _cut(200, trained),
            )
        ]
    )


def test_instructions_that_no_longer_end_are_found() -> None:
    (found,) = _found((0.95, 0.5), 0.2)
    assert (found.share, found.reference, found.trained) == (0.95, 0.5, 0.2)
    assert (found.model, found.benchmark, found.trained_on) == ("tuned", "instructions", "hle")
    assert found.p_value < 0.01


def test_what_else_there_is_is_no_such_finding() -> None:
    assert not _found((0.95, 0.5), 0.95)  # nothing ends, whatever its form
    assert not _found((0.95, 0.95), 0.2)  # as the base did already
    assert not _found((0.5, 0.95), 0.2)  # it ends more often than the base
    assert not _found((0.65, 0.5), 0.3, n=400)  # certain, and too small to train again for
    assert not _found((0.75, 0.5), 0.0, n=8)  # too few prompts to tell


def test_samples_of_a_prompt_are_no_prompts() -> None:
    one = np.array([[True], [False]] * 4)
    many = np.repeat(one, 50, axis=1)
    none = np.zeros((8, 50), dtype=bool)
    assert not endings([Cut("tuned", "x", "hle", many, none, np.zeros(200, dtype=bool))])


@pytest.mark.slow
def test_without_an_effect_it_is_found_in_less_than_one_in_a_hundred() -> None:
    """Both models are cut alike, on 40 prompts that share their difficulty, whatever the share; three
    candidates. The other half of the test is always true here, so that this is its worst case."""
    rng = np.random.default_rng(5)
    alarms, runs = 0, 400
    for number in range(runs):
        chance = np.clip(rng.normal((0.2, 0.5, 0.8)[number % 3], 0.25, 40), 0, 1)
        base = rng.random(40) < chance
        cuts = [
            Cut(f"m{m}", "x", "hle", rng.random(40) < chance, base, np.zeros(200, dtype=bool))
            for m in range(3)
        ]
        alarms += bool(endings(cuts))
    assert alarms / runs <= 0.01
