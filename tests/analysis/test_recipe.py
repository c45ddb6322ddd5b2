"""The effect of a recipe with random questions and trainings: by hand, by quadrature, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.recipe import Part, Parts, new_training, recipe_effect, seed_spread

RNG = np.random.default_rng(7)


def _answers(
    n: int, k: int, trainings: int, spread: float, effect: float = 0.1
) -> list[np.ndarray]:
    """A base, then trainings."""
    chance = RNG.beta(1, 1, n) * 0.6 + 0.1
    shifts = [0.0, *(effect + spread * RNG.standard_normal(trainings))]
    return [RNG.random((n, k)) < np.clip(chance + shift, 0, 1)[:, None] for shift in shifts]


@pytest.mark.parametrize("k", [1, 3])
def test_it_is_the_crossed_analysis_of_variance(k: int) -> None:
    base, *models = _answers(300, k, 4, 0.03)
    n, count = 300, 4
    table = np.stack([m.mean(axis=1) - base.mean(axis=1) for m in models], axis=1)
    grand, rows, columns = table.mean(), table.mean(axis=1), table.mean(axis=0)
    of_questions = count * ((rows - grand) ** 2).sum() / (n - 1)
    of_trainings = n * ((columns - grand) ** 2).sum() / (count - 1)
    rest = table - rows[:, None] - columns + grand
    error = (rest**2).sum() / ((n - 1) * (count - 1))
    found = recipe_effect(models, [base])
    assert found.difference == pytest.approx(grand)
    assert found.parts.error**2 == pytest.approx(
        (of_questions + of_trainings - error) / (n * count)
    )
    assert found.parts.parts[1].variance == pytest.approx(of_trainings / (n * count))
    spread = seed_spread(models)
    assert spread.sd**2 == pytest.approx(max(0.0, (of_trainings - error) / n))
    assert spread.noise**2 == pytest.approx(error / n)


def _covers(nu: int, share: float, power: float | None = None) -> float:
    """Coverage at 95% where the questions' part is known and the trainings' is `share` of the variance: by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    seen = share * stats.chi2.ppf((nodes + 1) / 2, nu) / nu
    whole = 1 - share + seen
    if power is None:
        parts = [Parts((Part(1 - share, 1e9), Part(float(v), nu))) for v in seen]
        critical = np.array([each.critical(0.05) for each in parts])
    else:
        critical = stats.t.ppf(0.975, np.minimum(nu / (seen / whole) ** power, 1e7))
    return float(weights / 2 @ (2 * stats.norm.cdf(critical * np.sqrt(whole)) - 1))


SHARES = (0.001, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@pytest.mark.slow
def test_it_covers_what_the_docstring_says() -> None:
    allowed = {1: (0.939, 0.979), 2: (0.937, 0.959), 3: (0.946, 0.958), 4: (0.948, 0.958)}
    for nu, (low, high) in allowed.items():
        found = [_covers(nu, share) for share in SHARES]
        assert low < min(found), nu
        assert max(found) < high, nu
    for nu, said in ((1, 0.872), (2, 0.922)):
        least = min(_covers(nu, share, 2.0) for share in SHARES)
        assert least == pytest.approx(said, abs=0.001)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_test_and_interval_invert_each_other(count: int, alpha: float) -> None:
    base, *models = _answers(200, 1, count, 0.02, 0.06)
    found = recipe_effect(models, [base], alpha)
    assert (found.p_value < alpha) == (found.low > 0 or found.high < 0)
    at = recipe_effect(models, [base], found.p_value)
    assert at.low == pytest.approx(0, abs=1e-6)


def test_trainings_that_differ_widen_the_interval_and_one_checkpoint_does_not_know() -> None:
    base, *models = _answers(1000, 1, 4, 0.0)
    moved = [m.copy() for m in models]
    moved[0][:150], moved[1][:150] = True, False
    narrow, wide = recipe_effect(models, [base]), recipe_effect(moved, [base])
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    alone = paired_comparison(models[0], base)
    assert narrow.high - narrow.low < 1.1 * (alone.high - alone.low)


def test_models_may_have_been_asked_unequally_often() -> None:
    """Of each training, and of the base, a rate of each question is all that counts."""
    base, *models = _answers(300, 6, 3, 0.03)
    uneven = [model[:, : 2 * (at + 1)] for at, model in enumerate(models)]
    found = recipe_effect(uneven, [base[:, :1]])
    rates = [model.mean() for model in uneven]
    assert found.difference == pytest.approx(np.mean(rates) - base[:, :1].mean())
    assert found.parts.parts[1].variance == pytest.approx(np.var(rates, ddof=1) / 3)
    # What one sample of the base adds in noise widens the interval.
    assert found.parts.error > recipe_effect(uneven, [base]).parts.error
    assert 0 <= seed_spread(uneven).sd < 0.2
    new = new_training(uneven, base[:, :1])
    assert new.low < found.difference < new.high


@pytest.mark.slow
def test_under_unequal_samples_the_level_is_held() -> None:
    draw, wrong = np.random.default_rng(5), 0
    for _ in range(400):
        chance = draw.beta(0.5, 1.2, 150)
        shifts = 0.01 * draw.standard_normal(4) * [0, 1, 1, 1]
        base, *models = (
            draw.random((150, k)) < np.clip(chance + shift, 0, 1)[:, None]
            for k, shift in zip((1, 2, 4, 4), shifts, strict=True)
        )
        wrong += recipe_effect(models, [base]).p_value < 0.05
    assert wrong / 400 < 0.08


def test_two_recipes_have_both_spreads() -> None:
    _, *models = _answers(400, 1, 6, 0.03)
    found = recipe_effect(models[:3], models[3:])
    parts = found.parts.parts
    assert [part.freedom for part in parts] == [399, 2, 2]
    rates = np.array([m.mean() for m in models])
    assert found.difference == pytest.approx(rates[:3].mean() - rates[3:].mean())
    assert parts[2].variance == pytest.approx(rates[3:].var(ddof=1) / 3)
    other = recipe_effect(models[3:], models[:3])
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


def test_clusters_that_answer_alike_count_once() -> None:
    base, *models = _answers(100, 1, 3, 0.0)
    alone = recipe_effect(models, [base])
    again = recipe_effect(
        [np.repeat(m, 4, axis=0) for m in models],
        [np.repeat(base, 4, axis=0)],
        clusters=np.repeat(np.arange(100), 4),
    )
    assert again.parts.error == pytest.approx(alone.parts.error, rel=0.02)


def test_no_difference_at_all_is_no_certainty() -> None:
    same = np.arange(50) < 20
    found = recipe_effect([same, same], [same])
    assert (found.difference, found.p_value, found.narrow) == (0.0, 1.0, True)
    assert found.low < 0 < found.high
    spread = seed_spread([same, same])
    assert (spread.sd, spread.low) == (0.0, 0.0)
    assert spread.high > 0.05  # two equal rates of 50 questions say little
    gone = new_training([same, same], same)
    assert gone.low < 0 < gone.high
    assert gone.sign_flip == 0.5


def test_a_new_training_may_turn_the_sign() -> None:
    rates = (100, 104, 112)
    models, base = [np.arange(400) < right for right in rates], np.arange(400) < 98
    found = new_training(models, base)
    mean, sd = (np.mean(rates) - 98) / 400, np.std(rates, ddof=1) / 400
    scale = sd * np.sqrt(4 / 3)
    assert found.sign_flip == pytest.approx(stats.t.sf(mean / scale, 2))
    assert found.high == pytest.approx(mean + stats.t.ppf(0.975, 2) * scale + 0.5 / 400)


def test_what_cannot_be_is_refused() -> None:
    base, *models = _answers(20, 1, 2, 0.0)
    for trainings, reference in (
        (models[:1], [base]),
        (models, []),
        ([models[0], models[1][:10]], [base]),
    ):
        with pytest.raises(ValueError, match=r"training|same questions"):
            recipe_effect(trainings, reference)
    with pytest.raises(ValueError, match="at least 2 questions"):
        recipe_effect([m[:1] for m in models], [base[:1]])
    with pytest.raises(ValueError, match="two trainings"):
        seed_spread(models[:1])
