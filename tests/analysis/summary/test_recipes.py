"""In the figures of a run, trainings of one recipe are one candidate, and the recipe has figures of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis.recipe import recipe_effect
from llmc_lib.analysis.recipe_design import Costs
from llmc_lib.analysis.sequential import Look
from llmc_lib.analysis.summary import LookAt, Trained, summarise
from llmc_lib.analysis.verdict import Thresholds

N = 300
#: The best training is not the last one.
RATES = {
    "base": 0.4,
    "alone": 0.45,
    "m0": 0.6,
    "m1": 0.5,
    "m2": 0.55,
    "o0": 0.5,
    "o1": 0.48,
    "o2": 0.42,
}
MINE, OTHER = ("m0", "m1", "m2"), ("o0", "o1", "o2")
RIGHT = {
    model: np.random.default_rng(number).random(N) < rate
    for number, (model, rate) in enumerate(RATES.items())
}


def _block(recipes: dict[str, tuple[str, ...]] | None, **more: Any) -> dict[str, Any]:
    rows = pd.DataFrame(
        [
            {"benchmark": "hle", "model": model, "question_id": f"{i:03}", "category": "Math", "status": "x",
             "correct": bool(value), "truncated": False, "failed": False}
            for model, right in RIGHT.items()
            for i, value in enumerate(right)
        ]
    )  # fmt: skip
    trained = (
        None if recipes is None else Trained(recipes, frozenset(recipes), **more.pop("trained", {}))
    )
    found: dict[str, Any] = summarise(rows, Thresholds(), trained=trained, **more)["benchmarks"][
        "hle"
    ]
    return found


@pytest.mark.slow
def test_a_recipe_is_one_candidate_and_its_best_training_is_not_picked() -> None:
    apart, one = _block(None), _block({"m": MINE, "o": OTHER})
    assert {c["interval"]["candidates"] for c in apart["comparisons"]} == {7}
    assert {c["interval"]["candidates"] for c in one["comparisons"]} == {3}
    assert [row["model"] for row in one["selection"]["candidates"]] == ["alone", "m2", "o2"]
    assert one["selection"]["chosen"] == "m2"  # m0 has the most right answers
    assert apart["selection"]["chosen"] == "m0"
    assert one["power"]["candidates"] == 3
    for less, more in zip(one["comparisons"], apart["comparisons"], strict=True):
        assert less["model"] == more["model"]
        assert less["interval"]["level"] > more["interval"]["level"]
        assert less["p_value"] == more["p_value"]
        assert less["p_holm"] <= more["p_holm"]
    assert "recipes" not in apart
    # A recipe alone leaves nothing to choose from.
    assert {row["model"] for row in _block({"a": (*MINE, *OTHER)})["selection"]["candidates"]} == {
        "alone",
        "o2",
    }


@pytest.mark.slow
def test_the_figures_are_those_of_the_effect() -> None:
    found = _block({"m": MINE, "o": OTHER})["recipes"]
    mine, other = found["effects"]
    expected = recipe_effect([RIGHT[m] for m in MINE], [RIGHT["base"]], 0.025)
    assert mine["difference"] == expected.difference
    assert (mine["interval"]["low"], mine["interval"]["high"]) == (expected.low, expected.high)
    assert mine["interval"]["recipes"] == 2
    assert mine["p_adjusted"] == pytest.approx(2 * expected.p_value)
    assert mine["shares"]["questions"] + mine["shares"]["trainings"] == pytest.approx(1)
    assert list(mine["differences"]) == list(MINE)
    assert mine["spread"]["low"] <= mine["spread"]["sd"] <= mine["spread"]["high"]
    assert (other["recipe"], other["two_trainings"]) == ("o", False)
    (pair,) = found["pairs"]
    assert (pair["recipe"], pair["reference"]) == ("o", "m")
    assert pair["difference"] == pytest.approx(other["difference"] - mine["difference"])
    assert _block({"m": MINE})["recipes"]["pairs"] == []


@pytest.mark.slow
def test_what_may_be_added_and_what_it_costs() -> None:
    trained = {"costs": {"m": Costs(60.0, 0.1)}, "more_questions": frozenset({"hle"})}
    found = _block({"m": MINE}, trained=trained)["recipes"]["effects"][0]["next"]
    assert [option["kind"] for option in found["options"]] == ["trainings", "questions"]
    assert found["seconds"] == 3600.0
    found = _block({"m": MINE})["recipes"]["effects"][0]["next"]
    assert [option["kind"] for option in found["options"]] == ["trainings"]
    assert found["seconds"] is None


@pytest.mark.slow
def test_looks_share_the_level() -> None:
    ids = sorted({f"{i:03}" for i in range(N)})
    at = LookAt(Look(0.5, 4, alone=False), ids, 2 * N)
    (effect,) = _block({"m": MINE}, looks_at={"hle": at})["recipes"]["effects"]
    assert effect["interval"]["level"] == pytest.approx(at.look.level(0.05))
    assert effect["interval"]["level"] < 0.05
    assert effect["interval"]["looks"]


@pytest.mark.slow
def test_models_that_are_not_there_make_no_recipe() -> None:
    assert "recipes" not in _block({"m": ("m0", "gone")})
