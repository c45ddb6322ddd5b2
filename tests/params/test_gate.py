"""The section `gate`: what cannot be asked is told with its line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params.reader import load

BENCHMARKS = """run: gated
evaluation:
  benchmarks:
    - {name: hle}
    - {name: do_not_answer}
gate:
"""


def _load(folder: Path, gate: str) -> object:
    path = folder / "p.yaml"
    path.write_text(BENCHMARKS + gate)
    return load(path).gate


def test_margins_are_points(tmp_path: Path) -> None:
    found = _load(tmp_path, "  categories: {Math: 3}\n  safety: 2.5\n")
    assert found.model_dump() == {  # type: ignore[attr-defined]
        "about": "checkpoint",
        "candidate": None,
        "better": True,
        "among_all": False,
        "benchmarks": {},
        "categories": {"Math": 3.0},
        "safety": 2.5,
        "over_refusal": None,
    }


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("  safty: 2\n", "line 7: gate.safty: unknown key; did you mean 'safety'?"),
        ("  safety: 0\n", "line 7: gate.safety: must be greater than or equal to 0.1, not 0"),
        ("  safety: 200\n", "line 7: gate.safety: must be less than 100, not 200"),
        ("  safety: two\n", "line 7: gate.safety: must be number, not 'two'"),
        ("  categories: {Math: -1}\n", "line 7: gate.categories.Math: must be greater"),
        ("  categories: [Math]\n", "line 7: gate.categories: must be a group of keys"),
        ("  over_refusal: 2\n", "line 7: gate.over_refusal: evaluation.benchmarks has none of"),
        ("  benchmarks: {hel: 2}\n", "line 7: gate.benchmarks.hel: 'hel' is not one of evaluation.benchmarks; did you mean 'hle'?"),
        ("  benchmarks: {do_not_answer: 2}\n", "has no right and wrong answers"),
        ("  better: false\n  safety: 2\n  among_all: true\n", "line 9: gate.among_all: is about `better`, which is off"),
        ("  better: false\n", "line 7: gate.better: nothing is asked, and all would pass"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(tmp_path: Path, gate: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        _load(tmp_path, gate)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


SEEDS = """candidates:
  - {name: math, seeds: [0, 1]}
  - {name: once, seeds: [7]}
  - {name: alone}
"""


@pytest.mark.parametrize(
    ("candidates", "gate", "told"),
    [
        (SEEDS, "  about: receipt\n", "line 11: gate.about: 'receipt' is not one of 'checkpoint' or 'recipe'"),
        (SEEDS, "  about: recipe\n  among_all: true\n", "line 12: gate.among_all: the ledger of all evaluations has verdicts on checkpoints only"),
        (SEEDS, "  about: recipe\n  candidate: maths\n", "line 12: gate.candidate: 'maths' is no recipe of the report; did you mean 'math'?"),
        (SEEDS, "  about: recipe\n  candidate: alone\n", "line 12: gate.candidate: 'alone' is trained only once, which does not show what its recipe does; give the candidate two seeds"),
        (SEEDS, "  about: recipe\n  candidate: once\n", "line 12: gate.candidate: 'once' is trained with one seed only"),
        ("", "  about: recipe\n", "line 7: gate.about: there is no recipe: none was trained several times; give the candidate two seeds"),
        ("candidates: [{name: once, seeds: [7]}]\n", "  about: recipe\n", "line 8: gate.about: there is no recipe: candidate 'once' has one seed only"),
        ("", "  about: recipe\n  candidate: x\n", "line 8: gate.candidate: 'x' is no recipe of the report; there is none; give"),
    ],
)  # fmt: skip
def test_a_recipe_must_be_trained_several_times(
    tmp_path: Path, candidates: str, gate: str, told: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(candidates + BENCHMARKS + gate)
    with pytest.raises(UserError) as error:
        load(path)
    assert told in str(error.value)


def test_recipes_that_can_be_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    models = "evaluation: {models: [{name: a, source: x}, {name: b, source: y}]}\nreport: {recipes: {both: [a, b]}}\n"
    for text in (
        SEEDS + "gate: {about: recipe}\n",
        SEEDS + "gate: {about: recipe, candidate: math}\n",
        SEEDS + 'gate: {about: recipe, candidate: "math, export 1 of 2"}\n',
        models + "gate: {about: recipe, candidate: both}\n",
    ):
        path.write_text("run: gated\n" + text)
        found = load(path).gate
        assert found is not None
        assert found.about == "recipe"
