"""The answers of an evaluation, counted by hand: models, questions, samples, and what a judge is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.evaluation import asked as asked_of
from llmc_lib.params import Params
from llmc_lib.plan.evaluation import EvaluationPlan, evaluation_plan
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.store import Run
from tests.plan.test_memory import DENSE

GPU = Machine("GPU", True, 80 * GIB, None, 1000.0, here=False)
HUB = {"source": "cais/hle", "revision": "0" * 40}


def _run(folder: Path, evaluation: dict[str, Any], **values: Any) -> Run:
    params = Params.model_validate(
        {"run": "x", "runs_dir": str(folder), "evaluation": evaluation, **values}
    )
    return Run(params, folder / "x.yaml")


def _plan(folder: Path, **evaluation: Any) -> tuple[EvaluationPlan, list[str]]:
    values = {"training": {"export_at": [1.0]}, "plan": {"tokens_per_s": 1000.0}}
    return evaluation_plan(_run(folder, evaluation, **values), DENSE, GPU)


def _file(folder: Path, number: int) -> dict[str, Any]:
    path = folder / "mine.jsonl"
    rows = [{"q": f"What is {n} + 1?", "a": str(n + 1)} for n in range(number)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return {
        "name": "mine", "kind": "questions", "source": str(path), "fields": {"question": "q", "answer": "a"},
    }  # fmt: skip


def test_repeats_and_further_prompts_are_counted_where_they_are_asked(tmp_path: Path) -> None:
    """A repeat asks one model everything again, a further prompt both models where it has other words."""
    given = {
        "benchmarks": [{"name": "hle", "questions": 30}, {"name": "do_not_answer", "questions": 20}]
    }
    plain, _ = _plan(tmp_path, **given)
    again, _ = _plan(tmp_path, **given, repeat=[{}, {"engine": {"max_num_seqs": 1}}])
    prompts, _ = _plan(tmp_path, **given, prompts=["brief", "official"])
    assert plain.answers == 2 * 50
    assert again.answers == 2 * 50 + 2 * 50
    assert prompts.variants == {"hle": 2 * 30, "do_not_answer": 0}
    assert prompts.tokens == (2 * 50 + 60) * 256


def test_answers_are_models_times_questions_times_samples(tmp_path: Path) -> None:
    plan, notes = _plan(
        tmp_path,
        benchmarks=[{**_file(tmp_path, 40), "questions": 30}],
        samples=4,
        temperature=0.6,
        models=[
            {"name": "other", "source": str(tmp_path)},
            {"name": "third", "source": str(tmp_path)},
        ],
        max_tokens=100,
    )
    assert notes == []
    assert (plan.checkpoints, plan.further, plan.models) == (1, 2, 4)
    assert (plan.questions, plan.samples) == ({"mine": 30}, 4)
    assert plan.answers == 4 * 30 * 4
    assert plan.tokens == plan.answers * 100
    assert plan.hours == pytest.approx(plan.tokens / 1000 / 3600)
    assert plan.judged == 0


def test_as_many_questions_as_the_evaluation_asks(tmp_path: Path) -> None:
    wanted = [{"name": "hle", "questions": 3}, {"name": "do_not_answer"}, _file(tmp_path, 7)]
    run = _run(tmp_path, {"benchmarks": wanted})
    plan, _ = evaluation_plan(run, DENSE, GPU)
    asked = {
        b.name: question_bank.asked(b, run.params.seed) for b in run.params.evaluation.benchmarks
    }
    assert plan.questions == {
        name: len(asked_of.requests(run, name, items)) for name, items in asked.items()
    }


def test_each_benchmark_has_its_own_limit_and_each_model_its_own_number_of_samples(
    tmp_path: Path,
) -> None:
    wanted = [
        {"name": "hle", "questions": 10, "settings": {"max_tokens": 500}},
        {"name": "do_not_answer", "questions": 5, "settings": "official"},
    ]
    given = {"benchmarks": wanted, "temperature": 0.6, "samples": 3, "samples_of": {"base": 1}}
    plan, _ = evaluation_plan(_run(tmp_path, given), DENSE, GPU)
    models = plan.models
    assert plan.asked == {
        "hle": 10 * (1 + 3 * (models - 1)),
        "do_not_answer": 5 * (1 + 3 * (models - 1)),
    }
    assert plan.tokens == 500 * plan.asked["hle"] + 512 * plan.asked["do_not_answer"]


@pytest.mark.parametrize(
    ("benchmark", "count", "note"),
    [
        ({"name": "hle", **HUB}, 2158, "hle: assumed to have its 2,158 published questions"),
        ({"name": "hle", **HUB, "questions": 100}, 100, None),
        ({"name": "hle", **HUB, "questions": 5000}, 2158, "hle: assumed to have its 2,158 published questions"),
        ({**HUB, "name": "mine", "kind": "questions", "fields": {"question": "q", "answer": "a"}},
         1000, "mine: assumed to have 1,000 questions"),
        ({**HUB, "name": "mine", "kind": "questions", "fields": {"question": "q", "answer": "a"},
          "questions": 4000}, 4000, "mine: assumed to have 4,000 questions"),
    ],
)  # fmt: skip
def test_what_is_not_here_yet_is_counted_as_published_or_as_asked(
    tmp_path: Path, benchmark: dict[str, Any], count: int, note: str | None
) -> None:
    plan, notes = _plan(tmp_path, benchmarks=[benchmark])
    assert list(plan.questions.values()) == [count]
    assert notes == ([note] if note else [])


def test_more_questions_than_a_file_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"benchmarks\.mine\.questions: 8 are asked for, and .* has 7"
    ):
        _plan(tmp_path, benchmarks=[{**_file(tmp_path, 7), "questions": 8}])


def test_a_judge_is_asked_once_for_an_answer_and_for_safety_also_for_the_reasoning(
    tmp_path: Path,
) -> None:
    plan, _ = _plan(
        tmp_path,
        benchmarks=[
            {**_file(tmp_path, 9), "questions": 5},
            {"name": "do_not_answer", "questions": 3},
            {"name": "over_refusal", "questions": 2},
        ],
        samples=2,
        temperature=0.6,
        judge={"served_as": "judge", "engine": {"kind": "openai", "endpoints": ["http://127.0.0.1:1/v1"]}},
    )  # fmt: skip
    assert plan.judged == 2 * 2 * (5 + 2 * 3)


def test_of_a_race_the_expected_share_of_the_tokens_is_told(tmp_path: Path) -> None:
    given = {"benchmarks": [{"name": "hle", "questions": 100}, {"name": "over_refusal"}]}
    models = [{"name": name, "source": str(tmp_path)} for name in "abc"]
    plain, notes = _plan(tmp_path, **given, models=models)
    plan, raced = _plan(tmp_path, **given, models=models, stop={})
    assert plan == plain
    [note] = set(raced) - set(notes)
    # The base, three models and a checkpoint, 256 tokens an answer.
    assert "of hle 128,000 tokens" in note
    shares = [int(share) for share in re.findall(r"(\d+)%", note)]
    assert len(shares) == 2
    assert all(30 < share < 100 for share in shares)


def test_of_an_unknown_speed_there_are_no_hours(tmp_path: Path) -> None:
    unknown = Machine("GPU", True, 80 * GIB, None, None, here=False)
    plan, _ = evaluation_plan(_run(tmp_path, {}), DENSE, unknown)
    assert plan.tokens_per_s is None
    assert plan.hours is None
    assert plan.tokens > 0
