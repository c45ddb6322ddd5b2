"""Paired comparison: against statsmodels, textbooks, formulas worked by hand, and simulation."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from llmc_lib.analysis import PairedComparison, adjust, paired_comparison


def _pair(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Candidate and reference of a table of agreement."""
    candidate = [True] * (both + gained) + [False] * (lost + neither)
    reference = [True] * both + [False] * gained + [True] * lost + [False] * neither
    return candidate, reference


def _compared(both: int, gained: int, lost: int, neither: int) -> PairedComparison:
    return paired_comparison(*_pair(both, gained, lost, neither))


@pytest.mark.parametrize(
    "table", [(10, 5, 3, 2), (0, 1, 0, 0), (50, 20, 4, 26), (3, 0, 9, 0), (7, 6, 6, 7), (90, 0, 0, 9)]
)  # fmt: skip
def test_the_p_value_is_statsmodels(table: tuple[int, int, int, int]) -> None:
    both, gained, lost, neither = table
    expected = mcnemar([[both, gained], [lost, neither]], exact=True).pvalue
    assert _compared(*table).p_value == pytest.approx(expected)


def test_the_p_value_of_a_split_worked_by_hand() -> None:
    # One of ten discordant pairs: 2 · (C(10, 0) + C(10, 1)) / 2^10 = 22 / 1024.
    assert _compared(40, 9, 1, 50).p_value == pytest.approx(22 / 1024)


def test_the_interval_is_bonett_and_prices_worked_by_hand() -> None:
    # n = 98 and so n + 2 = 100: rates (11 + 1) / 100 and (3 + 1) / 100.
    found = _compared(44, 11, 3, 40)
    half = 1.959964 * math.sqrt((0.12 + 0.04 - 0.08**2) / 100)
    assert (found.low, found.high) == pytest.approx((0.08 - half, 0.08 + half), abs=1e-6)
    assert (found.n, found.gained, found.lost) == (98, 11, 3)
    assert found.difference == pytest.approx(8 / 98)


def test_a_perfect_candidate_stays_within_the_scale() -> None:
    found = _compared(0, 3, 0, 0)
    assert found.difference == 1
    assert found.high == 1
    assert found.low > -1


def test_the_interval_covers_the_truth_and_the_test_keeps_its_level() -> None:
    draw = np.random.default_rng(5)
    n, rounds = 200, 1_500
    # both right, gained, lost, neither
    for chances in ([0.3, 0.1, 0.1, 0.5], [0.4, 0.2, 0.1, 0.3], [0.02, 0.05, 0.03, 0.9]):
        tables = draw.multinomial(n, chances, rounds)
        found = [_compared(*map(int, table)) for table in tables]
        truth = chances[1] - chances[2]
        covered = np.mean([one.low <= truth <= one.high for one in found])
        assert 0.92 <= covered <= 0.985
        if not truth:
            assert np.mean([one.p_value < 0.05 for one in found]) <= 0.055


ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS, st.randoms())
def test_the_order_of_questions_does_not_matter(answers: list[tuple[bool, bool]], draw: object) -> None:  # fmt: skip
    shuffled = list(answers)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    found = []
    for rows in (answers, shuffled):
        a, b = zip(*rows, strict=True)
        found.append(paired_comparison(a, b))
    first, second = (dataclasses.asdict(one) for one in found)
    assert first.pop("unpaired") == pytest.approx(second.pop("unpaired"), nan_ok=True)
    assert first == pytest.approx(second, nan_ok=True)


@given(ANSWERS)
def test_swapping_the_models_mirrors_everything(answers: list[tuple[bool, bool]]) -> None:
    a, b = zip(*answers, strict=True)
    there, back = paired_comparison(a, b), paired_comparison(b, a)
    assert back.difference == -there.difference
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert (back.gained, back.lost) == (there.lost, there.gained)
    assert back.p_value == pytest.approx(there.p_value)
    assert -1 <= there.low <= there.high <= 1


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_identical_models_do_not_differ(answers: list[bool]) -> None:
    found = paired_comparison(answers, answers)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], [], "no question"),
        ([True], [True, False], "of one shape"),
        ([[[True]]], [[[True]]], "of one shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(a: list[bool], b: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_comparison(a, b)


@pytest.mark.parametrize("count", [1, 4, 11])
def test_the_adjustment_is_holms(count: int) -> None:
    p_values = [float(p) for p in np.random.default_rng(count).random(count) ** 3]
    expected = [float(p) for p in multipletests(p_values, method="holm")[1]]
    assert adjust(p_values) == pytest.approx(expected)


def test_benjamini_and_hochbergs_adjustment_worked_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03], "bh") == pytest.approx([0.03, 0.04, 0.04])
    with pytest.raises(ValueError, match="'holm' or 'bh'"):
        adjust([0.1], "bonferroni")  # type: ignore[arg-type]


def test_the_unpaired_result_is_welchs_t_test_and_pairing_buys_the_covariance() -> None:
    rng = np.random.default_rng(2)
    chance = rng.beta(0.5, 1.5, 300)[:, None]
    a, b = rng.random((300, 4)) < chance, rng.random((300, 4)) < chance
    found = paired_comparison(a, b)
    welch = stats.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False)
    interval = welch.confidence_interval()
    assert found.unpaired.p_value == pytest.approx(welch.pvalue)
    assert (found.unpaired.low, found.unpaired.high) == pytest.approx((interval.low, interval.high))
    rates = np.stack([a.mean(axis=1), b.mean(axis=1)])
    covariance = np.cov(rates)
    assert found.correlation == pytest.approx(np.corrcoef(rates)[0, 1])
    assert found.variance_reduction == pytest.approx(2 * covariance[0, 1] / np.trace(covariance))
    paired = stats.ttest_rel(*rates)
    assert found.p_value == pytest.approx(paired.pvalue)
    assert found.standard_error == pytest.approx((rates[0] - rates[1]).std(ddof=1) / math.sqrt(300))


def test_clusters_are_statsmodels_cluster_robust_t_test() -> None:
    rng = np.random.default_rng(4)
    clusters = rng.integers(0, 25, 200)
    shift = rng.normal(0, 0.2, 25)[clusters]
    a, b = rng.random((200, 2)) < (0.5 + shift)[:, None], rng.random((200, 2)) < 0.4
    found = paired_comparison(a, b, clusters=clusters)
    fitted = OLS(a.mean(axis=1) - b.mean(axis=1), np.ones(200)).fit(
        cov_type="cluster",
        cov_kwds={"groups": clusters, "use_correction": False, "df_correction": True},
        use_t=True,
    )
    error = fitted.bse[0] * math.sqrt(25 / 24)
    assert found.test == "clustered_t"
    assert found.standard_error == pytest.approx(error)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.difference) / error, 24))
    assert found.variance > paired_comparison(a, b).variance


def test_clusters_of_one_question_change_nothing_and_one_cluster_says_nothing() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.random((2, 80, 3)) < 0.4
    alone, clustered = paired_comparison(a, b), paired_comparison(a, b, clusters=np.arange(80))
    assert clustered.p_value == pytest.approx(alone.p_value)
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high))
    one = paired_comparison(a, b, clusters=np.zeros(80))
    assert (one.low, one.high, one.p_value) == (-1, 1, 1)
    with pytest.raises(ValueError, match="2 clusters for 80 questions"):
        paired_comparison(a, b, clusters=[0, 1])


def test_questions_that_all_differ_alike_are_no_lack_of_evidence() -> None:
    found = paired_comparison(np.ones((20, 4), bool), np.zeros((20, 4), bool))
    assert (found.difference, found.high) == (1, 1)
    assert found.low == pytest.approx(1 - 2 * (1 - 0.025 ** (1 / 20)))
    assert found.p_value == pytest.approx(2 * 0.5**20)


def test_a_textbook_mcnemar() -> None:
    # Agresti, Categorical Data Analysis (2002), table 10.1: approval of the Prime Minister, 794, 150, 86, 570.
    found = _compared(794, 86, 150, 570)
    assert found.difference == pytest.approx(-0.04)
    assert found.standard_error == pytest.approx(0.0095, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((-0.059, -0.021), abs=1e-3)
    assert found.p_value < 0.0001


def test_the_adjustment_worked_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjust([]) == []
