"""A candidate with seeds is one training a seed, and the models of these are known to be of one recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.params.reader import load


def _params(*candidates: object, **more: object) -> Params:
    return Params.model_validate({"run": "x", "candidates": list(candidates), **more})


def test_a_seed_is_a_training_of_its_own() -> None:
    params = _params({"name": "a"}, {"name": "math", "seeds": [0, 7], "training": {"epochs": 2.0}})
    single, first, second = params.recipes
    assert (single.of, single.seed, single.mixture, single.number) == ("", None, None, 0)
    assert [(r.name, r.seed, r.of, r.number) for r in (first, second)] == [
        ("math-seed0", 0, "math", 1), ("math-seed7", 7, "math", 1)
    ]  # fmt: skip
    assert {r.training.epochs for r in (first, second)} == {2.0}
    assert second.model_name(3) == "math-seed7-step-3"
    # The rows of each are drawn by its seed, from what the run has, into a folder of its own.
    assert (first.mixture, first.rows, first.draw_seed) == (params.dataset, "math-seed0", 0)


def test_the_order_alone_needs_no_rows_of_its_own() -> None:
    mixture = {"sources": ["textbook"], "mixture": False}
    plain, own = (
        {"name": "a", "seeds": [1, 2], "vary": "order"},
        {"name": "b", "seeds": [1, 2], "vary": "order", "mixture": mixture},
    )
    a, _, first, second = _params(plain, own).recipes
    assert (a.mixture, a.draw_seed, a.seed) == (None, None, 1)
    assert first.mixture == second.mixture
    assert (first.rows, second.rows, second.draw_seed) == ("b", "b", None)


def test_which_models_are_one_recipe() -> None:
    params = _params({"name": "a"}, {"name": "m", "seeds": [3, 0, 10]})
    models = [
        "base",
        "a-step-9",
        "m-seed3-step-9",
        "m-seed3-step-10",
        "m-seed0-step-9",
        "m-seed0-step-10",
    ]
    early = ("m-seed3-step-9", "m-seed0-step-9")
    last = ("m-seed3-step-10", "m-seed0-step-10")
    assert params.repeated(models) == {"m, export 1 of 2": early, "m": last}
    # One of which an export is not there yet does not count.
    assert params.repeated([*models, "m-seed10-step-9"])["m"] == last
    assert params.repeated(models[:4]) == {}  # one training is none repeated
    assert _params({"name": "a"}).repeated(models) == {}


def test_imported_and_further_models_are_grouped_by_name() -> None:
    imports = [{"model": name, "benchmark": "hle", "path": "x"} for name in "rabc"]
    values = {
        "run": "x",
        "evaluation": {"imports": imports, "benchmarks": [{"name": "hle", "source": "x"}]},
        "report": {"recipes": {"mine": ["a", "c"]}},
    }
    assert Params.model_validate(values).repeated(["r", "a", "b", "c"]) == {"mine": ("a", "c")}


WRONG = {
    "candidates: [{name: a, seeds: [1, 1]}]": "candidates.0.seeds: 1 is listed twice",
    "candidates: [{name: a, seeds: [-1]}]": "candidates.0.seeds.0: ",
    "candidates: [{name: a, vary: order}]": "candidates.0.vary: is what seeds change; give `seeds` too",
    "candidates: [{name: a, seeds: [1]}, {name: a-seed1}]": "candidates: 'a-seed1' is listed twice",
    "candidates: [{name: a, seeds: [1, 2]}]\nevaluation: {stop: {rounds: 4}}": (
        "candidates.0.seeds: the trainings of a recipe are averaged, and a race (evaluation.stop)"
    ),
    "report: {recipes: {a: [b, c]}}": "report.recipes.a: 'b' is not one of the further or imported models",
    "evaluation: {models: [{name: b, source: x}, {name: c, source: x}]}\nreport: {recipes: {a: [b, d]}}": (
        "report.recipes.a: 'd' is not one of the further or imported models"
    ),
    "evaluation: {models: [{name: b, source: x}, {name: c, source: x}]}\n"
    "report: {recipes: {a: [b, c], d: [c, b]}}": "report.recipes.d: 'c' is listed twice, in 'a' and here",
    "evaluation: {models: [{name: b, source: x}, {name: c, source: x}]}\nreport: {recipes: {b: [b, c]}}": (
        "report.recipes.b: 'b' is the name of a model or candidate"
    ),
    "evaluation: {models: [{name: a-seed1-step-3, source: x}]}\ncandidates: [{name: a, seeds: [1]}]": (
        "evaluation.models.0.name: 'a-seed1-step-3' is the name of a checkpoint of the training"
    ),
    f"candidates: [{{name: a, seeds: {list(range(100))}}}, {{name: b, seeds: {list(range(100))}}}]": (
        "candidates: are 202 trainings"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_hold_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: x\n{text}\n")
    with pytest.raises(UserError) as caught:
        load(path)
    (line,) = str(caught.value).splitlines()
    assert WRONG[text] in line
