"""Paired comparison: against statsmodels, textbooks, formulas worked by hand, and simulation."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from llmc_lib.analysis import PairedComparison, adjust, paired_comparison, permutation_test
from llmc_lib.analysis.comparison import difference_test


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
def test_the_p_value_is_statsmodels_less_the_chance_of_the_split_seen(
    table: tuple[int, int, int, int],
) -> None:
    both, gained, lost, neither = table
    exact = mcnemar([[both, gained], [lost, neither]], exact=True).pvalue
    expected = exact - stats.binom.pmf(gained, gained + lost, 0.5) if gained != lost else 1
    assert _compared(*table).p_value == pytest.approx(expected)


def test_the_p_value_of_a_split_worked_by_hand() -> None:
    # One of ten discordant pairs: 2 · (C(10, 0) + C(10, 1) / 2) / 2^10 = 12 / 1024.
    assert _compared(40, 9, 1, 50).p_value == pytest.approx(12 / 1024)


def test_fagerland_lydersen_and_laakes_example() -> None:
    # BMC Med. Res. Methodol. 13:91 (2013), airway hyper-responsiveness, n12 = 1 and n21 = 7: exact 0.0703, mid-p 0.0391.
    found = _compared(1, 7, 1, 12)
    assert found.p_value == pytest.approx(0.0391, abs=5e-5)
    assert found.low > 0


@pytest.mark.parametrize(
    ("n", "gained", "lost", "alpha"), [(98, 11, 3, 0.05), (40, 0, 9, 0.1), (500, 45, 44, 0.01)]
)
def test_the_interval_is_that_of_draws_of_its_two_parts(
    n: int, gained: int, lost: int, alpha: float
) -> None:
    draw = np.random.default_rng(0)
    size = 400_000
    discordant = draw.beta(gained + lost + 0.75, n - gained - lost + 0.25, size)
    lower = draw.beta(max(gained, 1e-9), lost + 1, size)
    upper = draw.beta(gained + 1, max(lost, 1e-9), size)
    share = np.where(draw.random(size) < 0.5, lower, upper)
    expected = np.quantile(discordant * (2 * share - 1), [alpha / 2, 1 - alpha / 2])
    found = paired_comparison(*_pair(0, gained, lost, n - gained - lost), alpha)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-3)
    inner = paired_comparison(*_pair(0, gained, lost, n - gained - lost), 2 * alpha)
    assert (found.inner_low, found.inner_high) == (inner.low, inner.high)


def _distribution(n: int, chances: tuple[float, float]) -> dict[tuple[int, int], float]:
    """(gained, lost) → its chance, of all that have one above 1e-6."""
    gained, lost = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    keep = gained + lost <= n
    cells = np.stack([gained[keep], lost[keep], n - gained[keep] - lost[keep]], axis=1)
    chance = stats.multinomial.pmf(cells, n, [*chances, 1 - sum(chances)])
    return {
        (int(g), int(k)): float(p) for (g, k, _), p in zip(cells, chance, strict=True) if p > 1e-6
    }


@functools.cache
def _cell(n: int, gained: int, lost: int, alpha: float = 0.05) -> tuple[float, float, float]:
    """Low, high, p-value."""
    counts = np.repeat([1, -1, 0], [gained, lost, n - gained - lost])
    found = difference_test(counts, 1)
    return *found.interval(alpha), found.p_value


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 5, 9, 20])
def test_test_and_interval_agree_in_every_cell(n: int) -> None:
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            for alpha in (0.05, 0.01):
                low, high, p_value = _cell(n, gained, lost, alpha)
                assert (low > 0 or high < 0) == (p_value < alpha), (gained, lost, alpha)
                assert -1 <= low <= high <= 1


@pytest.mark.slow
@pytest.mark.parametrize("discordance", [0.1, 0.4])
def test_the_mid_p_test_keeps_its_level_and_finds_more_than_the_exact_one(
    discordance: float,
) -> None:
    n, half = 40, discordance / 2
    equal = _distribution(n, (half, half))
    level = sum(p for (g, k), p in equal.items() if _cell(n, g, k)[2] < 0.05)
    assert level <= 0.0505
    better = _distribution(n, (discordance * 0.8, discordance * 0.2))
    finds = sum(p for (g, k), p in better.items() if _cell(n, g, k)[2] < 0.05)
    exact = sum(
        p for (g, k), p in better.items() if g + k and stats.binomtest(g, g + k).pvalue < 0.05
    )
    assert finds > exact + (0.03 if discordance > 0.1 else 0)


@pytest.mark.parametrize("side", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("expected", [4, 12])
def test_the_interval_covers_by_enumeration(expected: int, side: float) -> None:
    """The mean over rates around the stated one: of counts, single rates jump up and down."""
    n, covered = 40, []
    for discordance in np.linspace(0.8, 1.2, 5) * expected / n:
        truth = side * discordance
        cells = _distribution(n, ((discordance + truth) / 2, (discordance - truth) / 2))
        covered.append(0.0)
        for (gained, lost), chance in cells.items():
            low, high, _ = _cell(n, gained, lost)
            covered[-1] += chance * (low - 1e-9 <= truth <= high + 1e-9)
    assert 0.94 <= np.mean(covered) <= 0.985
    assert min(covered) >= 0.925


def test_a_perfect_candidate_stays_within_the_scale() -> None:
    found = _compared(0, 3, 0, 0)
    assert found.difference == 1
    assert found.high == pytest.approx(1, abs=1e-5)
    assert found.low > -1


ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@pytest.mark.slow
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


@pytest.mark.slow
@given(ANSWERS)
def test_swapping_the_models_mirrors_everything(answers: list[tuple[bool, bool]]) -> None:
    a, b = zip(*answers, strict=True)
    there, back = paired_comparison(a, b), paired_comparison(b, a)
    assert back.difference == -there.difference
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert (back.gained, back.lost) == (there.lost, there.gained)
    assert back.p_value == pytest.approx(there.p_value)
    assert -1 <= there.low <= there.high <= 1


@pytest.mark.slow
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_identical_models_do_not_differ(answers: list[bool]) -> None:
    found = paired_comparison(answers, answers)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], [], "no question"),
        ([True], [True, False], "the same questions"),
        ([[[True]]], [[[True]]], "the same questions"),
    ],
)
def test_what_cannot_be_compared_is_refused(a: list[bool], b: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_comparison(a, b)


@pytest.mark.slow
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
    assert found.test == "paired_t"
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
    clusters = rng.integers(0, 150, 600)
    shift = rng.normal(0, 0.2, 150)[clusters]
    a, b = rng.random((600, 2)) < (0.5 + shift)[:, None], rng.random((600, 2)) < 0.4
    found = paired_comparison(a, b, clusters=clusters)
    fitted = OLS(a.mean(axis=1) - b.mean(axis=1), np.ones(600)).fit(
        cov_type="cluster",
        cov_kwds={"groups": clusters, "use_correction": False, "df_correction": True},
        use_t=True,
    )
    groups = len(set(clusters.tolist()))
    error = fitted.bse[0] * math.sqrt(groups / (groups - 1))
    assert found.test == "clustered_t"
    assert found.standard_error == pytest.approx(error)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.difference) / error, groups - 1))
    assert found.variance > paired_comparison(a, b).variance


def test_few_clusters_are_flipped_as_wholes() -> None:
    rng = np.random.default_rng(4)
    clusters = np.repeat(np.arange(12), 10)
    a, b = rng.random((2, 120, 2)) < 0.4
    found = paired_comparison(a, b, clusters=clusters)
    assert found.test == "sign_flip"
    assert found.p_value == pytest.approx(permutation_test(a, b, clusters))


def test_a_few_large_differences_among_many_small_ones_are_few() -> None:
    b = np.zeros((200, 16), bool)
    b[:100, 0] = True
    a = b.copy()
    a[:50, 0], a[100:150, 0] = False, True
    assert paired_comparison(a, b).test == "paired_t"
    a[-3:] = True
    found = paired_comparison(a, b)
    assert (found.test, found.gained, found.lost) == ("sign_flip", 53, 50)


def test_what_few_questions_cannot_show_is_marked() -> None:
    # A candidate that has learned 2% of all questions: none of these 50 is among them.
    rng = np.random.default_rng(1)
    chance = np.where(rng.random(50) < 0.15, rng.beta(0.5, 1, 50), 0)[:, None]
    a, b = rng.random((2, 50, 16)) < chance
    found = paired_comparison(a, b)
    assert found.narrow
    assert found.high < 0.05
    many = np.random.default_rng(2).random((2, 400, 4)) < 0.3
    assert not paired_comparison(*many).narrow
    assert not paired_comparison(*many[:, :50, 0]).narrow  # one sample allows for it


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
    assert found.difference == 1
    assert found.high == pytest.approx(1)
    assert 0.6 < found.low < 0.7
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
