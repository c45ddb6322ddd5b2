"""Pass rates of a reference model: graded as the evaluation grades, with intervals, sampled once."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import fisher_exact

from llmc_lib.dataset.problems import Problem, outcome
from llmc_lib.dataset.steps.pass_rate import PassRate, outside_band, pass_rates
from llmc_lib.evaluation.grading import grade
from llmc_lib.models.prompts import question_prompt, split_reasoning
from llmc_lib.models.resolve import base_model
from llmc_lib.params import DifficultyParams, Params
from llmc_lib.records import Prediction, Question
from llmc_lib.store import Run, sha256_text, write_jsonl
from tests.conftest import ROOT

DATA = ROOT.parent / "shared" / "data"
SUM = Problem("sum", "What is 2 + 2?", "4", "exactMatch")
CHOICE = Problem("choice", "Which?\n\nAnswer Choices:\nA. Gold\nB. Iron", "B", "multipleChoice")


def open_run(tmp_path: Path, section: str = "difficulty", **settings: Any) -> Run:
    """A run on a folder that is no model: an engine that starts on it fails."""
    folder = tmp_path / "stub"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    values = {
        "run": "x",
        "runs_dir": str(tmp_path / "runs"),
        "model": {"source": str(folder)},
        "dataset": {section: {"enabled": True, **settings}},
    }
    return Run(Params.model_validate(values), tmp_path / "my.yaml")


def prediction(problem: Problem, sample: int, text: str, **changed: Any) -> Prediction:
    """An answer as the engine writes it, of as many tokens as it has words."""
    values = {"finish_reason": "stop", "completion_tokens": len(text.split()), **changed}
    prompt = question_prompt(problem.question, problem.answer_type)
    reasoning, response = split_reasoning(text)
    return Prediction(
        question_id=problem.id,
        sample=sample,
        reasoning=reasoning,
        response=response,
        prompt_tokens=9,
        seconds=0.1,
        prompt_sha256=sha256_text(prompt),
        **values,
    )


def write(run: Run, section: str, predictions: list[Prediction]) -> Path:
    path = run.dataset / section / f"{base_model(run).fingerprint}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path, [asdict(p) for p in predictions])
    return path


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that fails at once: whoever starts one is told."""
    monkeypatch.setattr(sys, "executable", "false")


@pytest.mark.parametrize("finish_reason", ["stop", "length", "failed"])
@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (SUM, "<think>Two and two.</think>\nAnswer: 4"),
        (SUM, "Answer: 4.0"),
        (SUM, "Answer: 5"),
        (SUM, "<think>It is 4. Answer: 4"),
        (SUM, "I do not know."),
        (SUM, ""),
        (Problem("half", "Half?", r"\frac{1}{2}", "exactMatch"), "It is \\boxed{0.5}"),
        (CHOICE, "Answer: B"),
        (CHOICE, "Answer: Iron"),
        (CHOICE, "Answer: A"),
        (CHOICE, "Answer: A or B"),
        (CHOICE, "Hard to say."),
    ],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_an_answer_is_judged_as_the_evaluation_grades_it(
    problem: Problem, text: str, finish_reason: str
) -> None:
    answer = prediction(problem, 0, text, finish_reason=finish_reason)
    question = Question(
        problem.id, "hle", problem.question, problem.answer, problem.answer_type, "Math", ""
    )
    graded = grade(question, answer)
    expected = {"correct": "right", "incorrect": "wrong", "ungraded": "unanswered"}[graded.status]
    if graded.rule in ("truncated", "failed"):
        expected = graded.rule
    assert outcome(problem, answer) == expected


@pytest.mark.usefixtures("no_engine")
def test_the_rate_counts_every_sample_and_has_wilsons_interval(tmp_path: Path) -> None:
    run = open_run(tmp_path, samples=10)
    texts = ["Answer: 4"] * 6 + ["Answer: 5", "no idea"]
    answers = [prediction(SUM, s, text) for s, text in enumerate(texts)]
    answers += [prediction(SUM, s, "Answer: 4", finish_reason="length") for s in (8, 9)]
    random.Random(0).shuffle(answers)
    path = write(run, "difficulty", answers)
    before = path.read_bytes()
    rate = pass_rates(run, [SUM])["sum"]
    assert (rate.correct, rate.samples, rate.rate, rate.failed) == (6, 10, 0.6, 0)
    # Brown, Cai & DasGupta's formula, worked by hand for 6 of 10 at z = 1.96.
    assert (rate.low, rate.high) == pytest.approx((0.3127, 0.8318), abs=1e-4)
    assert path.read_bytes() == before
    assert pass_rates(open_run(tmp_path, samples=4), [SUM])["sum"].correct == 4


@pytest.mark.usefixtures("no_engine")
def test_a_prompt_that_was_too_long_is_told_and_not_asked_again(tmp_path: Path) -> None:
    run = open_run(tmp_path, samples=2, min_pass_rate=0.1)
    write(run, "difficulty", [prediction(SUM, s, "", finish_reason="failed") for s in (0, 1)])
    rate = pass_rates(run, [SUM])["sum"]
    assert (rate.correct, rate.samples, rate.failed) == (0, 2, 2)
    reason = outside_band(rate, run.params.dataset.difficulty)
    assert reason == (
        "pass rate 0/2 (0% to 66%, 2 not asked as the prompt is too long) is below 0.1"
    )


@pytest.mark.usefixtures("no_engine")
def test_the_problems_measured_are_drawn_by_seed_and_id(tmp_path: Path) -> None:
    problems = [Problem(f"p{n}", f"What is {n} + 1?", str(n + 1), "exactMatch") for n in range(40)]
    problems.append(Problem("open", "Prove it.", "", "exactMatch"))
    run = open_run(tmp_path, samples=1, problems=10)
    write(run, "difficulty", [prediction(p, 0, f"Answer: {p.answer}") for p in problems])
    drawn = pass_rates(run, problems)
    assert len(drawn) == 10
    assert "open" not in drawn
    assert all(rate.correct == 1 for rate in drawn.values())
    assert list(drawn) == [p.id for p in problems if p.id in drawn]
    assert set(pass_rates(run, problems[::-1])) == set(drawn)
    other = Run(run.params.model_copy(update={"seed": 1}), run.params_file)
    assert set(pass_rates_of_copy(other, run, problems)) != set(drawn)


def pass_rates_of_copy(other: Run, run: Run, problems: list[Problem]) -> dict[str, PassRate]:
    """With another seed the answers are set aside; here they stand for those that it would give."""
    write(run, "difficulty", [prediction(p, 0, f"Answer: {p.answer}") for p in problems])
    next((run.dataset / "difficulty").glob("*.settings.json")).unlink()
    return pass_rates(other, problems)


@pytest.mark.parametrize(
    ("correct", "reason"),
    [
        (0, "pass rate 0/8 (0% to 32%) is below 0.125"),
        (1, None),
        (6, None),
        (7, "pass rate 7/8 (53% to 98%) is above 0.75"),
    ],
)
def test_the_band_holds_its_ends(correct: int, reason: str | None) -> None:
    params = DifficultyParams(min_pass_rate=0.125, max_pass_rate=0.75)
    ends = {0: (0.0, 0.324), 1: (0.02, 0.47), 6: (0.41, 0.93), 7: (0.529, 0.978)}[correct]
    assert outside_band(PassRate(correct, 8, *ends), params) == reason


def test_what_is_not_measured_is_outside_the_band() -> None:
    assert outside_band(None, DifficultyParams()) == "pass rate not measured"


# ---- on the embedded model and real data -----------------------------------------------------


def _sums(n: int) -> list[Problem]:
    pairs = random.Random(0).sample([(a, b) for a in range(2, 8) for b in range(2, 8)], n)
    return [Problem(f"{a}+{b}", f"What is {a} + {b}?", str(a + b), "exactMatch") for a, b in pairs]


def _olymmath(n: int) -> list[Problem]:
    lines = [
        line
        for name in ("EASY", "HARD")
        for line in (DATA / "olymmath" / f"OlymMATH-EN-{name}.jsonl").read_text().splitlines()
    ]
    # The shortest: an olympiad problem is no easier for being short, and reading them is most of the work.
    rows = sorted(map(json.loads, lines), key=lambda row: (len(row["problem"]), row["unique_id"]))[
        :n
    ]
    return [Problem(r["unique_id"], r["problem"], r["answer"], "exactMatch") for r in rows]


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="no real data beside the checkout")
@pytest.mark.usefixtures("warm_python")
def test_the_screen_separates_what_the_model_can_do_from_olympiad_problems(
    tmp_path: Path, runs_dir: Path
) -> None:
    # MATH would not do in place of the sums: this model solves about 1% of its samples there.
    n = 10
    sums, olympiad = _sums(n), _olymmath(n)
    settings = {
        "enabled": True,
        "samples": 2,
        "max_tokens": 16,
        "temperature": 0.3,
        "top_p": 1.0,
        "min_pass_rate": 0.5,
        "engine": {"vllm": {"kv_cache_memory_bytes": 2**28}},
    }
    values = {"run": "screen", "runs_dir": str(runs_dir), "dataset": {"difficulty": settings}}
    run = Run(Params.model_validate(values), tmp_path / "my.yaml")
    rates = pass_rates(run, sums + olympiad)
    assert all(rate.samples == 2 and rate.failed == 0 for rate in rates.values())
    # Samples of one problem share a rate: problems are counted, within the band or not.
    params = run.params.dataset.difficulty
    kept = [
        sum(outside_band(rates[p.id], params) is None for p in group) for group in (sums, olympiad)
    ]
    table = [[kept[0], n - kept[0]], [kept[1], n - kept[1]]]
    assert fisher_exact(table, alternative="greater").pvalue < 0.01, table
