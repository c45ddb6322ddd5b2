"""The criteria of a gate, on figures of real comparisons."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.gate import Finding, Outcome, better, not_worse, together
from llmc_lib.analysis.summary import summarise
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
