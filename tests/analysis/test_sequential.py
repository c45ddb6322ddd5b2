"""Looks at an unfinished evaluation: published boundaries, exact enumeration, and what inverts what."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from llmc_lib.analysis.comparison import difference_test
from llmc_lib.analysis.sequential import Look, at_look, spending, unplanned_level
from llmc_lib.analysis.simultaneous import Family, family

# Lan & DeMets' spending function of O'Brien and Fleming's type, two-sided 5%, equal distances: boundaries as z, as published
# in the tables of Reboussin, DeMets, Kim & Lan (Control. Clin. Trials 21, 2000) and computed by gsDesign.
PUBLISHED = {
    2: [2.963, 1.969],
    3: [3.710, 2.511, 1.993],
    4: [4.333, 2.963, 2.359, 2.014],
    5: [4.877, 3.357, 2.680, 2.290, 2.031],
}


@pytest.mark.parametrize("looks", PUBLISHED)
def test_spending_has_the_published_boundaries(looks: int) -> None:
    levels = spending([n / looks for n in range(1, looks + 1)])
    assert -special.ndtri(np.array(levels) / 2) == pytest.approx(PUBLISHED[looks], abs=2e-3)


def test_spending_at_one_look_is_alpha_and_at_many_leaves_a_good_part() -> None:
    assert spending([1.0], 0.03) == pytest.approx([0.03], abs=1e-8)
    many = spending([n / 20 for n in range(1, 21)])
    assert many == sorted(many)
    assert 0.03 < many[-1] < 0.04


@pytest.mark.parametrize("shares", [[], [0.5, 0.5], [0.0, 1.0], [0.5, 1.2], [0.6, 0.3]])
def test_spending_refuses_shares_that_do_not_increase_in_the_unit_interval(
    shares: list[float],
) -> None:
    with pytest.raises(ValueError, match="increase"):
        spending(shares)


def test_the_boundary_of_unplanned_looks_is_reached_by_brownian_motion_with_chance_alpha() -> None:
    for alpha in (0.01, 0.05, 0.2):
        c = -special.ndtri(unplanned_level(0.5, alpha) / 2) * math.sqrt(0.5)
        z = -special.ndtri(unplanned_level(1.0, alpha) / 2)
        assert 2 * (special.ndtr(-z) + special.ndtr(z - 2 * c)) == pytest.approx(alpha)
        assert z < c  # the end has more than its part


def _wrong(n: int, discordant: float) -> float:
    """The chance that one of n looks, one after every question, rejects where there is no difference: all cells
    (discordant, gained) carried from question to question."""
    of, gained = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    point = stats.binom.pmf(gained, of, 0.5)
    below = stats.binom.cdf(gained, of, 0.5) - point / 2
    above = stats.binom.sf(gained - 1, of, 0.5) - point / 2
    p_values = np.minimum(1, 2 * np.minimum(below, above))
    chance = np.zeros((n + 1, n + 1))
    chance[0, 0], wrong = 1.0, 0.0
    for asked in range(1, n + 1):
        after = chance * (1 - discordant)
        after[1:] += chance[:-1] * discordant / 2
        after[1:, 1:] += chance[:-1, :-1] * discordant / 2
        reject = p_values < unplanned_level(asked / n)
        wrong += after[reject].sum()
        chance = np.where(reject, 0.0, after)
    return float(wrong)


@pytest.mark.parametrize("n", [10, 20, 50, 120])
@pytest.mark.parametrize("discordant", [0.05, 0.11, 0.3, 0.6, 1.0])
def test_a_look_after_every_question_is_wrong_in_at_most_5_percent_enumerated(
    n: int, discordant: float
) -> None:
    wrong = _wrong(n, discordant)
    assert wrong <= 0.05
    if n * discordant >= 12:
        assert wrong > 0.03  # and it is no method that never finds anything


def test_the_enumeration_has_the_tests_of_the_package() -> None:
    counts = np.array([1] * 9 + [-1] * 2 + [0] * 30)
    point = stats.binom.pmf(2, 11, 0.5)
    assert difference_test(counts, 1).p_value == pytest.approx(
        2 * (stats.binom.cdf(2, 11, 0.5) - point / 2)
    )


LOOKS = [
    Look(),
    Look(0.4, alone=False),
    Look(1.0, alone=False),
    Look(0.5, planned=4, alone=False),
    Look(1.0, planned=4, alone=False),
]


@pytest.mark.parametrize("look", LOOKS)
def test_level_and_p_value_invert_each_other(look: Look) -> None:
    for alpha in (0.004, 0.05, 0.3):
        assert look.p_value(look.level(alpha)) == pytest.approx(alpha, rel=1e-5)
        assert look.p_value(look.level(alpha) * 0.99) < alpha < look.p_value(look.level(alpha) * 1.01)  # fmt: skip
    assert look.p_value(1.0) == 1.0
    assert look.p_value(0.0) < 1e-8


def test_a_look_has_no_more_than_the_whole_level() -> None:
    assert [look.level(0.05) <= 0.05 for look in LOOKS] == [True] * len(LOOKS)
    assert Look().level(0.05) == 0.05
    assert Look(0.01, alone=False).level(0.05) == pytest.approx(1e-9)  # no zero: intervals exist


@pytest.mark.parametrize(
    "wrong", [{"share": 0.5}, {"share": 0.0, "alone": False}, {"share": 0.3, "planned": 4, "alone": False}]
)  # fmt: skip
def test_a_look_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="look"):
        Look(**wrong)  # type: ignore[arg-type]


def _made(candidates: int) -> Callable[[float], Family]:
    drawn = np.random.default_rng(0).choice([-1, 0, 1], size=(400, candidates)).astype(float)
    return lambda alpha: family(drawn, alpha=alpha, draws=20_000)


@pytest.mark.parametrize("waiting", [0, 2])
@pytest.mark.parametrize("look", LOOKS[1:])
def test_a_family_at_a_look_finds_by_its_level_what_it_finds_by_its_p_value(
    look: Look, waiting: int
) -> None:
    part = at_look(_made(3), look, 0.05, waiting)
    assert part.candidates == 3 + waiting
    assert part.level <= part.level_at_end < 0.05
    for factor in (0.9, 1.1):
        assert (part.adjust(part.level * factor) < 0.05) == (factor < 1)


def test_a_finished_evaluation_that_nobody_looked_at_has_all_of_alpha() -> None:
    assert at_look(_made(1), Look(), 0.05).level == 0.05
    assert type(at_look(_made(3), Look(), 0.05)) is Family


def test_candidates_that_wait_keep_their_part() -> None:
    look = Look(1.0, alone=False)
    assert at_look(_made(1), look, 0.05, waiting=3).level == pytest.approx(0.8 * 0.05 / 4)


def test_interval_and_test_of_a_look_agree() -> None:
    level = Look(0.6, alone=False).level(0.05)
    for gained in range(41):
        counts = np.array([1] * gained + [-1] * (40 - gained) + [0] * 60)
        found = difference_test(counts, 1)
        low, high = found.interval(level)
        assert (low > 0 or high < 0) == (found.p_value < level)
