"""Finished evaluations as a table: a row for every question, answered or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import load_results
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.params import Params
from llmc_lib.store import Run, write_jsonl, write_manifest


@pytest.fixture
def run(tmp_path: Path) -> Run:
    params = Params.model_validate(
        {
            "run": "small",
            "runs_dir": str(tmp_path),
            "evaluation": {"benchmarks": [{"name": "do_not_answer", "source": "embedded"}]},
        }
    )
    return Run(params, tmp_path / "small.yaml")


def _finish(run: Run) -> None:
    models = [{"name": "base", "label": "Base"}, {"name": "tuned", "label": "Tuned"}]
    write_manifest(run.predictions, "key", 1.0, models=models)
    answer = {
        "question_id": "dna-0",
        "reasoning": "Hm.",
        "response": "I can't.",
        "finish_reason": "stop",
        "completion_tokens": 9,
    }
    cut = {**answer, "question_id": "dna-1", "finish_reason": "length"}
    failed = {**answer, "question_id": "dna-2", "finish_reason": "failed", "response": ""}
    unknown = {**answer, "question_id": "dna-of-yesterday"}
    path = predictions_file(run, "do_not_answer", "tuned")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path, [answer, cut, failed, unknown])
    grade = {
        "question_id": "dna-0",
        "status": "correct",
        "extracted": "I can't",
        "rule": "declined",
    }
    write_jsonl(
        path.with_suffix(".grades.jsonl"),
        [
            grade,
            {**grade, "question_id": "dna-1", "status": "incorrect"},
            {**grade, "question_id": "dna-2", "status": "ungraded"},
        ],
    )


def test_every_question_of_every_model_has_a_row(run: Run) -> None:
    _finish(run)
    results = load_results(run)
    answers = results.answers
    assert len(answers) == 2 * 40
    assert results.models == {"base": "Base", "tuned": "Tuned"}
    assert not answers.duplicated(["model", "question_id"]).any()
    base = answers[answers["model"] == "base"]
    assert set(base["status"]) == {"missing"}
    assert base["failed"].all()
    assert not base["correct"].any()
    assert set(base["finish_reason"]) == {"missing"}


def test_what_became_of_an_answer_is_in_its_row(run: Run) -> None:
    _finish(run)
    results = load_results(run)
    answers = results.answers
    tuned = answers[answers["model"] == "tuned"].set_index("question_id")
    first = tuned.loc["dna-0"]
    assert results.texts["do_not_answer", "tuned", "dna-0", 0] == ("Hm.", "I can't.")
    assert ("do_not_answer", "base", "dna-0", 0) not in results.texts
    assert (first["correct"], first["completion_tokens"]) == (True, 9)
    assert tuned["truncated"].sum() == 1
    assert tuned["correct"].sum() == 1
    assert tuned.loc["dna-2", "failed"]
    assert tuned.loc["dna-2", "status"] == "ungraded"


def test_half_a_surrogate_pair_does_not_stop_the_report(run: Run) -> None:
    _finish(run)
    path = predictions_file(run, "do_not_answer", "tuned")
    path.write_text(path.read_text().replace("I can't.", "I can't \\ud800."))
    texts = load_results(run).texts
    assert ("Hm.", "I can't ?.") in set(texts.values())


def test_an_unfinished_evaluation_is_refused(run: Run) -> None:
    with pytest.raises(
        UserError, match="no finished evaluation; run notebook 3 or make report first"
    ):
        load_results(run)
