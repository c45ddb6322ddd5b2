"""A clear difference of a model from itself blocks the verdict; prompts are compared beside it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis import gate
from llmc_lib.analysis.sequential import Look
from llmc_lib.analysis.summary import LookAt, summarise
from llmc_lib.analysis.verdict import Thresholds

N = 200


def _rows(right: dict[str, np.ndarray], benchmark: str = "hle") -> pd.DataFrame:
    """One sample of each question; `right`: model → (N,) bool."""
    return pd.DataFrame(
        [
            {
                "benchmark": benchmark,
                "model": model,
                "question_id": f"q{number:03}",
                "sample": 0,
                "category": "Math" if number % 2 else "Physics",
                "status": "correct" if is_right else "incorrect",
                "correct": bool(is_right),
                "truncated": False,
                "failed": False,
            }
            for model, values in right.items()
            for number, is_right in enumerate(values)
        ]
    )


BASE = np.arange(N) < 80
TUNED = BASE | (np.arange(N) >= 165)  # 35 gained: clear


def _turned(turn: int, lose: int = 0) -> dict[str, pd.DataFrame]:
    """The base a second time: so many answers turned either way, and so many more lost."""
    again = BASE.copy()
    again[: turn + lose] = False
    again[100 : 100 + turn] = True
    return {"repeat-base": _rows({"base": again})}


def _summary(again: dict[str, pd.DataFrame] | None = None, **more: Any) -> dict[str, Any]:
    answers = _rows({"base": BASE, "tuned": TUNED})
    found = summarise(answers, Thresholds(), again=again, **more)
    json.dumps(found, allow_nan=False)
    block: dict[str, Any] = found["benchmarks"]["hle"]
    return block


@pytest.mark.slow
def test_a_model_that_is_like_itself_blocks_nothing_and_tells_the_next_run() -> None:
    plain, block = _summary(), _summary(_turned(4))
    assert plain["repeats"] == []
    (repeat,) = block["repeats"]
    assert (repeat["gained"], repeat["lost"], repeat["clear"]) == (4, 4, False)
    assert repeat["turned"] == pytest.approx(9 / N)
    (before,), (after,) = plain["comparisons"], block["comparisons"]
    assert after["verdict"] == before["verdict"] == "better"
    assert after["rerun"]["basis"] == "repeat"
    assert before["rerun"]["basis"] == "bound"
    assert after["rerun"]["error"] < before["rerun"]["error"]
    assert block["models"]["base"]["rerun"]["basis"] == "repeat"


def test_a_planted_shift_blocks_the_verdict_and_all_that_goes_by_it() -> None:
    block = _summary(_turned(3, lose=14))
    (repeat,) = block["repeats"]
    assert repeat["clear"]
    assert repeat["interval"]["high"] < 0
    (comparison,) = block["comparisons"]
    assert comparison["verdict"] == "harness"
    assert not comparison["significant"]
    assert not any(part["significant"] for part in comparison["categories"].values())
    assert comparison["missing"] is None
    assert comparison["difference"] == pytest.approx(35 / N)  # the numbers stay
    told = {**block, "comparisons": [{**comparison, "verdict_code": comparison["verdict"]}]}
    for finding in (gate.better("hle", told, "tuned"), gate.not_worse("hle", told, "tuned", 0.05)):
        assert (finding.outcome, finding.reason) == ("unknown", "harness")


@pytest.mark.slow
def test_each_of_several_repeats_is_tested_at_its_share() -> None:
    """A difference with p = 0.03 is an alarm alone, and none beside another repeat."""
    shifted = _turned(3, lose=8)
    alone = _summary(shifted)
    assert 0.025 < alone["repeats"][0]["p_value"] < 0.05
    assert alone["repeats"][0]["clear"]
    both = _summary({**shifted, "same": _turned(3)["repeat-base"]})
    assert [each["clear"] for each in both["repeats"]] == [False, False]
    interval = both["repeats"][0]["interval"]
    assert interval["level"] == pytest.approx(0.025)
    assert interval["low"] < 0 < interval["high"]
    assert both["comparisons"][0]["verdict"] == "better"


@pytest.mark.slow
def test_at_a_look_the_alarm_has_the_level_of_the_look() -> None:
    shifted, ids = _turned(3, lose=7), [f"q{n:03}" for n in range(N)]
    at = LookAt(Look(0.5, 2, alone=False), ids, 2 * N)
    block = _summary(shifted, looks_at={"hle": at})
    assert not block["repeats"][0]["clear"]
    assert block["repeats"][0]["interval"]["level"] == pytest.approx(at.look.level(0.05))
    assert (
        _summary(_turned(3, lose=25), looks_at={"hle": at})["comparisons"][0]["verdict"]
        == "harness"
    )


@pytest.mark.slow
def test_a_blocked_benchmark_names_no_sign_in_the_tradeoff() -> None:
    answers = pd.concat(
        [
            _rows({"base": BASE, "tuned": TUNED}),
            _rows({"base": BASE, "tuned": TUNED}, "do_not_answer"),
        ]
    )
    plain = summarise(answers)["tradeoffs"]["tuned"]
    blocked = summarise(answers, again=_turned(3, lose=14))["tradeoffs"]["tuned"]
    assert (plain["accuracy"], plain["safety"]) == ("gain", "gain")
    assert (blocked["accuracy"], blocked["safety"]) == ("unclear", "gain")


@pytest.mark.slow
def test_another_prompt_is_a_case_beside_and_one_that_turns_the_gain_is_told() -> None:
    same = _rows({"base": np.roll(BASE, 7), "tuned": np.roll(TUNED, 7)})
    turned = _rows({"base": TUNED, "tuned": BASE})
    plain = _summary()
    assert plain["comparisons"][0]["prompts"] is None
    block = _summary(prompts={"official": same, "corrected": turned}, prompt="brief")
    under = block["comparisons"][0]["prompts"]
    assert [case["prompt"] for case in under["cases"]] == ["brief", "official", "corrected"]
    assert [case["verdict"] for case in under["cases"]] == ["better", "better", "worse"]
    assert [each["clear"] for each in under["interactions"]] == [False, True]
    assert under["depends"]
    assert under["over"]["low"] < 0 < under["over"]["high"]
    assert block["comparisons"][0]["verdict"] == "better"  # that of the first prompt


def test_answers_to_other_questions_are_refused() -> None:
    other = _rows({"base": BASE}).iloc[:-1]
    with pytest.raises(ValueError, match="same questions"):
        _summary({"repeat-base": other})
