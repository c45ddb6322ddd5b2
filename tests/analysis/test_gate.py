"""The criteria of a gate, on figures of real comparisons."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.gate import About, Finding, Outcome, better, not_worse, together
from llmc_lib.analysis.recipe import recipe_effect
from llmc_lib.analysis.summary import Trained, summarise
from llmc_lib.reporting.sentences.tell import tell


def _rows(benchmark: str, model: str, right: np.ndarray, wrong: str = "incorrect") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "benchmark": benchmark,
            "model": model,
            "question_id": [str(n) for n in range(len(right))],
            "correct": right,
            "status": np.where(right, "correct", wrong),
            "category": np.where(np.arange(len(right)) % 4 == 0, "Physics", "Math"),
            "truncated": False,
            "failed": False,
        }
    )


AT = np.arange(400)
BASE = AT % 2 == 0


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    """A candidate that gains, is as safe, and declines 40 of 400 harmless instructions more."""
    gained = BASE | (AT % 20 == 1) | (AT % 20 == 3) | (AT % 20 == 5)
    gained &= AT % 20 != 0
    safe = np.ones(400, dtype=bool)
    safe_tuned, safe_base = safe.copy(), safe.copy()
    safe_tuned[:16], safe_base[8:24] = False, False
    answers = pd.concat(
        [
            _rows("main", "base", BASE),
            _rows("main", "tuned", gained),
            _rows("harm", "base", safe_base),
            _rows("harm", "tuned", safe_tuned),
            _rows("benign", "base", safe),
            _rows("benign", "tuned", AT % 10 != 0),
        ]
    )
    kinds = {"main": "questions", "harm": "do_not_answer", "benign": "over_refusal"}
    found: dict[str, Any] = tell(summarise(answers, kinds=kinds))["benchmarks"]
    return found


@pytest.mark.slow
def test_better_is_the_verdict(metrics: dict[str, Any]) -> None:
    found = better("main", metrics["main"], "tuned")
    assert (found.outcome, found.reason) == (
        "pass",
        metrics["main"]["comparisons"][0]["verdict_code"],
    )
    assert found.difference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("better_small", "pass"), ("worse", "fail"), ("worse_small", "fail"), ("equal", "fail"), ("unclear", "unknown")],
)  # fmt: skip
def test_each_verdict_has_its_outcome(metrics: dict[str, Any], code: str, outcome: str) -> None:
    block = copy.deepcopy(metrics["main"])
    block["comparisons"][0]["verdict_code"] = code
    assert better("main", block, "tuned").outcome == outcome


def test_a_verdict_that_missing_answers_can_turn_decides_nothing(metrics: dict[str, Any]) -> None:
    block = copy.deepcopy(metrics["main"])
    block["comparisons"][0]["missing"] = {"changes": True}
    found = better("main", block, "tuned")
    assert (found.outcome, found.reason) == ("unknown", "unanswered")


def test_the_limit_is_that_of_the_one_sided_test(metrics: dict[str, Any]) -> None:
    found = not_worse("harm", metrics["harm"], "tuned", 0.04)
    (comparison,) = metrics["harm"]["comparisons"]
    ends = paired_comparison([True] * 8 + [False] * 8 + [True] * 384, [False] * 8 + [True] * 8 + [True] * 384, alpha=0.1)  # fmt: skip
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.low > comparison["ci95"][0]
    assert found.difference == 0


@pytest.mark.parametrize(
    ("points", "outcome", "reason"), [(4.0, "pass", "within"), (1.0, "unknown", "open")]
)
def test_safety_within_a_margin(
    metrics: dict[str, Any], points: float, outcome: str, reason: str
) -> None:
    found = not_worse("harm", metrics["harm"], "tuned", points / 100)
    assert (found.outcome, found.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("points", "outcome"), [(5.0, "fail"), (10.0, "unknown"), (15.0, "pass")]
)  # fmt: skip
def test_of_refusals_more_are_worse(metrics: dict[str, Any], points: float, outcome: str) -> None:
    found = not_worse("benign", metrics["benign"], "tuned", points / 100)
    assert found.difference == pytest.approx(0.1)
    assert found.outcome == outcome


def test_a_category_has_its_own_limit(metrics: dict[str, Any]) -> None:
    whole = not_worse("main", metrics["main"], "tuned", 0.3)
    found = not_worse("main", metrics["main"], "tuned", 0.3, "Physics")
    assert (found.n, whole.n) == (100, 400)
    assert found.low < whole.low
    assert found.difference == pytest.approx(-0.2)
    with pytest.raises(KeyError):
        not_worse("main", metrics["main"], "tuned", 0.3, "Law")


def test_answers_that_are_not_known_are_taken_to_be_against_it(metrics: dict[str, Any]) -> None:
    block = copy.deepcopy(metrics["harm"])
    assert not_worse("harm", block, "tuned", 0.03).outcome == "pass"
    block["models"]["tuned"]["n_ungraded"] = 300  # of the candidate: it could only be safer
    assert not_worse("harm", block, "tuned", 0.03).outcome == "pass"
    block["models"]["base"]["n_ungraded"] = 20
    found = not_worse("harm", block, "tuned", 0.03)
    assert (found.outcome, found.reason, found.unknown) == ("unknown", "unanswered", 320)
    benign = copy.deepcopy(metrics["benign"])
    benign["models"]["base"]["n_ungraded"] = 400
    assert not_worse("benign", benign, "tuned", 0.15).outcome == "pass"
    benign["models"]["tuned"]["n_ungraded"] = 20
    assert not_worse("benign", benign, "tuned", 0.15).reason == "unanswered"


def test_a_narrow_interval_decides_nothing(metrics: dict[str, Any]) -> None:
    block = copy.deepcopy(metrics["harm"])
    block["comparisons"][0]["interval"]["narrow"] = True
    for margin in (0.001, 0.9):
        assert not_worse("harm", block, "tuned", margin).reason == "narrow"


@pytest.mark.slow
def test_of_several_candidates_the_limit_is_that_of_their_family() -> None:
    rng = np.random.default_rng(3)
    models = {f"m{n}": rng.random(300) < 0.5 for n in range(4)}
    answers = pd.concat([_rows("main", name, right) for name, right in models.items()])
    several = tell(summarise(answers, kinds={"main": "do_not_answer"}))["benchmarks"]["main"]
    one = answers[answers["model"].isin(["m0", "m1"])]
    alone = tell(summarise(one, kinds={"main": "do_not_answer"}))["benchmarks"]["main"]
    found = not_worse("main", several, "m1", 0.1)
    assert found.low < not_worse("main", alone, "m1", 0.1).low
    assert found.level < 0.05


def test_the_gate_fails_with_one_criterion_and_passes_with_all() -> None:
    def of(*outcomes: Outcome) -> str:
        made = [
            Finding(
                "better", "b", None, "accuracy", None, 9, 0.0, 0.0, 0.0, 0.05, 0, one, "unclear"
            )  # type: ignore[arg-type]
            for one in outcomes
        ]
        return together(made)

    assert of("pass", "pass") == "pass"
    assert of("pass", "unknown") == "unknown"
    assert of("pass", "unknown", "fail") == "fail"


# ---- recipes -----------------------------------------------------------------------------------


def _trainings(*rates: float) -> dict[str, np.ndarray]:
    """Trainings that gain, or lose, so much of the 400 questions, of which the base has half, each its own."""
    rng = np.random.default_rng(8)
    drawn = [rng.random(400) < 2 * abs(rate) for rate in rates]
    return {
        f"m{number}": BASE | drawn[number] if rate > 0 else BASE & ~drawn[number]
        for number, rate in enumerate(rates)
    }


def _recipe(
    models: dict[str, np.ndarray], kind: str = "questions", **status: str
) -> dict[str, Any]:
    """The block of a benchmark with a recipe `m` of these models; `status` of what is wrong, by model."""
    answers = pd.concat(
        _rows("main", name, right, status.get(name, "incorrect"))
        for name, right in {"base": BASE, **models}.items()
    )
    trained = Trained({"m": tuple(models)}, frozenset({"m"}))
    block: dict[str, Any] = tell(summarise(answers, kinds={"main": kind}, trained=trained))[
        "benchmarks"
    ]["main"]
    return block


@pytest.mark.slow
def test_of_a_recipe_the_trainings_count_too() -> None:
    """The last checkpoint is better, but trainings differ by so much that the recipe may do nothing."""
    block = _recipe(_trainings(0.0, 0.01, 0.3))
    assert better("main", block, "m2").outcome == "pass"
    found = better("main", block, "m", "recipe")
    assert (found.outcome, found.reason, found.n) == ("unknown", "unclear", 400)
    assert found.low < 0 < found.difference


RECIPE: About = "recipe"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rates", "outcomes"),
    [
        ((0.2, 0.22, 0.18, 0.2), ("pass", "pass")),
        ((-0.2, -0.22, -0.18, -0.2), ("fail", "fail")),
        ((-0.05, 0.0, -0.15, -0.02), ("unknown", "unknown")),
    ],
)
def test_a_recipe_passes_fails_or_cannot_be_told(
    rates: tuple[float, ...], outcomes: tuple[str, str]
) -> None:
    models = _trainings(*rates)
    block = _recipe(models)
    found = (better("main", block, "m", RECIPE), not_worse("main", block, "m", 0.05, about=RECIPE))
    assert tuple(each.outcome for each in found) == outcomes
    expected = recipe_effect(list(models.values()), [BASE])
    assert (found[1].low, found[1].high) == pytest.approx((expected.inner_low, expected.inner_high))
    physics = AT % 4 == 0
    part = not_worse("main", block, "m", 0.05, "Physics", RECIPE)
    expected = recipe_effect([right[physics] for right in models.values()], [BASE[physics]])
    assert part.n == 100
    assert (part.low, part.high) == pytest.approx((expected.inner_low, expected.inner_high))


@pytest.mark.slow
def test_answers_of_a_recipe_that_are_not_known_are_taken_to_be_against_it() -> None:
    models = _trainings(0.1, 0.12, 0.11)
    assert better("main", _recipe(models), "m", RECIPE).outcome == "pass"
    # The base's 200 that are wrong were never answered: all of them could be right.
    block = _recipe(models, base="missing")
    found = better("main", block, "m", RECIPE)
    assert (found.outcome, found.reason, found.unknown) == ("unknown", "unanswered", 200)
    assert not_worse("main", block, "m", 0.05, about=RECIPE).reason == "unanswered"
    (effect,) = block["recipes"]["effects"]
    assert "200 answers, missing or not graded, could change this verdict." in effect["sentence"]
    # Those of all trainings could only make it better, those of one also make trainings differ.
    own = better("main", _recipe(models, **dict.fromkeys(models, "missing")), "m", RECIPE)
    assert (own.outcome, own.unknown) == ("pass", sum(int((~m).sum()) for m in models.values()))
    assert better("main", _recipe(models, m0="missing"), "m", RECIPE).reason == "unanswered"
    safe = _recipe(models, "do_not_answer", base="ungraded")
    assert not_worse("main", safe, "m", 0.05, about=RECIPE).reason == "unanswered"


def test_a_category_of_one_question_decides_nothing_of_a_recipe() -> None:
    models = _trainings(0.1, 0.1)
    answers = pd.concat(
        _rows("main", name, right) for name, right in {"base": BASE, **models}.items()
    )
    answers["category"] = np.where(answers["question_id"] == "0", "Law", "Math")
    trained = Trained({"m": tuple(models)}, frozenset({"m"}))
    block = tell(summarise(answers, kinds={"main": "questions"}, trained=trained))["benchmarks"][
        "main"
    ]
    found = not_worse("main", block, "m", 0.9, "Law", RECIPE)
    assert (found.n, found.outcome, found.reason) == (1, "unknown", "narrow")
    with pytest.raises(KeyError):
        better("main", block, "other", RECIPE)
