"""A run whose recipe was trained several times: what the page, the ledger and the card say of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params import GateParams
from llmc_lib.publish import publish
from llmc_lib.reporting import load_report
from llmc_lib.reporting import sections as page
from llmc_lib.reporting.gate import ask, keep
from llmc_lib.reporting.looks import of_benchmark
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences.recipe import next_sentence
from llmc_lib.store import Run
from tests.trained_run import write_evaluated, write_trained

MODELS = [f"math-seed{seed}-step-12" for seed in range(4)]


@cache
def _run(folder: Path) -> Run:
    run = write_trained(
        folder,
        candidates=[
            {"name": "math", "seeds": [0, 1, 2, 3], "training": {"export_at": [1.0]}},
            {"name": "alone"},
        ],
        evaluation={"benchmarks": [{"name": "hle", "source": "embedded"}]},
        reports_dir=str(folder / "reports"),
    )
    rates = {"base": 0.4, **dict(zip(MODELS, (0.5, 0.62, 0.54, 0.58), strict=True))}
    early = {name.replace("-12", "-6"): 0.45 for name in MODELS}
    write_evaluated(run, {**rates, **early, "alone-step-6": 0.4, "alone-step-12": 0.41})
    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(_run(tmp_path_factory.mktemp("run")))


def _recipe(report: Report) -> dict[str, Any]:
    effects = report.block["recipes"]["effects"]
    return next(effect for effect in effects if effect["recipe"] == "math")


@pytest.mark.slow
def test_the_section_says_what_the_recipe_does(report: Report) -> None:
    effect = _recipe(report)
    assert effect["models"] == MODELS
    assert effect["about"] == "recipe"
    assert {c["about"] for c in report.block["comparisons"]} == {"checkpoint"}
    said = effect["sentence"]
    assert said.startswith(
        "The recipe math, trained 4 times, answers 56% of the 200 questions correctly on average, base 40%: +16"
    )
    assert "for new trainings and new questions (t-test with" in said
    assert (
        "From one training to the next the rate varies with a standard deviation of"
        in effect["spread_sentence"]
    )
    text = str(page.recipes(report).markup).replace("\N{NO-BREAK SPACE}", " ")
    assert said in text
    assert "the best of them is never picked" in text
    assert "about one checkpoint" in text
    assert 'id="figure-trainings"' in text
    assert 'id="table-recipes"' in text


@pytest.mark.slow
def test_every_verdict_says_that_it_is_about_this_checkpoint(report: Report) -> None:
    assert "for this checkpoint" in page.verdict(report).markup
    caption = page.comparisons_table(report).markup
    assert "Each verdict is about that one checkpoint." in caption
    # Exports at two steps of the recipe, and of the other candidate.
    assert "hold for all 4 candidates at once" in caption
    assert "count as one candidate" in caption
    assert "count as one candidate" in page.selection(report).markup


def test_the_ledger_counts_a_recipe_once(report: Report) -> None:
    (look,) = of_benchmark(report.run, "hle")
    assert [candidate["model"] for candidate in look["candidates"]] == [
        "math-seed3-step-6", "math-seed3-step-12", "alone-step-6", "alone-step-12"
    ]  # fmt: skip


@pytest.mark.slow
def test_the_card_has_the_seed_and_the_recipe(report: Report) -> None:
    folder = publish(report.run, "model", name=MODELS[1]).folder
    card = (folder / "README.md").read_text()
    assert "| Seed | 1; one of 4 trainings of the recipe math |" in card
    assert ", for this checkpoint.**" in card
    assert "**Better, as a recipe.**" in card
    assert "The recipe math, trained 4 times" in card


@pytest.mark.slow
def test_a_run_without_seeds_has_no_such_section(tmp_path: Path) -> None:
    run = write_trained(
        tmp_path,
        evaluation={"benchmarks": [{"name": "hle", "source": "embedded"}]},
        reports_dir=str(tmp_path / "reports"),
    )
    write_evaluated(run, {"step-12": 0.5})
    found = load_report(run)
    assert page.recipes(found).markup == ""
    assert "recipes" not in found.block
    assert "count as one candidate" not in page.comparisons_table(found).markup


def test_the_next_hour_in_words(report: Report) -> None:
    effect = _recipe(report)
    options = [
        {"kind": "trainings", "number": 9, "half": 0.02},
        {"kind": "questions", "number": 1200, "half": 0.031},
    ]
    step = {"seconds": 3600.0, "half": 0.04, "options": options, "best": "trainings", "sure": False}
    said = next_sentence({**effect, "next": step})
    assert "More trainings are the best use of the next hour, going by the interval's half width (now ±4 points): 9 trainings: ±2; 1,200 questions: ±3." in said  # fmt: skip
    assert (
        "This is not certain: with another spread within its interval another choice would be best."
        in said
    )
    longer = next_sentence({**effect, "next": {**step, "seconds": 7200.0, "sure": True}})
    assert "best use of the next 2.0 hours (as long as one more training takes), going by" in longer


def _gated(report: Report, gate: dict[str, Any], **changed: Any) -> Run:
    """The run with a gate, and its finished report with what is `changed` in the main benchmark's block."""
    params = report.run.params.model_copy(update={"gate": GateParams.model_validate(gate)})
    run = Run(params, report.run.params_file)
    metrics = {**report.metrics, "benchmarks": {report.main: {**report.block, **changed}}}
    run.report.mkdir(parents=True, exist_ok=True)
    (run.report / "metrics.json").write_text(json.dumps(metrics))
    return run


def test_the_gate_may_be_about_the_recipe(report: Report) -> None:
    gate: dict[str, Any] = {"about": "recipe", "benchmarks": {"hle": 1}}
    run = _gated(report, gate)
    answer = ask(run)
    effect = _recipe(report)
    assert (answer.about, answer.candidate, answer.models) == ("recipe", "math", tuple(MODELS))
    assert (answer.outcome, answer.candidates) == ("pass", 2)  # with the trainings' first exports
    assert answer.told.splitlines()[0].startswith("Criterion")
    assert "Pass: math, the recipe (4 trainings), against base." in answer.told
    assert "Limits hold for all 2 recipes at once." in answer.told
    better, whole = answer.findings
    assert (better.low, better.high) == (effect["interval"]["low"], effect["interval"]["high"])
    assert [whole.low, whole.high] == effect["interval"]["equivalence"]
    kept = json.loads(keep(run, answer).read_text())
    assert (kept["about"], kept["models"], kept["gate"]["about"]) == ("recipe", MODELS, "recipe")
    asked: dict[str, Any] = {"about": "recipe", "candidate": "math", "better": False}
    asked["categories"] = {"Math": 5}
    (of_category,) = ask(_gated(report, asked)).findings
    assert (of_category.category, of_category.n) == ("Math", effect["categories"]["Math"]["n"])
    early = ask(_gated(report, {"about": "recipe", "candidate": "math, export 1 of 2"}))
    assert early.models == tuple(name.replace("-12", "-6") for name in MODELS)
    assert ask(_gated(report, {})).about == "checkpoint"


def test_the_gate_goes_by_the_rule_and_says_what_is_no_recipe(report: Report) -> None:
    selection = report.block["selection"]
    chosen = {"selection": {**selection, "rule": {"chosen": MODELS[-1]}}}
    assert ask(_gated(report, {"about": "recipe"}, **chosen)).candidate == "math"
    other = {"selection": {**selection, "rule": {"chosen": "alone-step-12"}}}
    with pytest.raises(
        UserError, match=r"report\.select chooses alone-step-12, which is not one of"
    ):
        ask(_gated(report, {"about": "recipe"}, **other))
    none = {"selection": {**selection, "rule": {"chosen": None}}}
    assert ask(_gated(report, {"about": "recipe"}, **none)).outcome == "fail"
    with pytest.raises(UserError, match=r"gate\.about: the report has no recipe of which two"):
        ask(_gated(report, {"about": "recipe"}, recipes=None))
