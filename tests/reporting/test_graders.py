"""Which grader, and which version, beside a score; and the scores by each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.analysis.summary.by_grader import by_grader
from llmc_lib.evaluation import grading
from llmc_lib.evaluation.results import load_results
from llmc_lib.evaluation.stored import grades_file, judged_file
from llmc_lib.params import Params
from llmc_lib.records import Grade
from llmc_lib.reporting.graders import graded_by, graders, graders_table
from llmc_lib.store import Run, read_jsonl, write_jsonl
from tests.reporting.several import several


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of sums a judge, who calls all of the tuned model's answers right, has graded all as well."""
    made = several(tmp_path_factory.mktemp("graders"), main="sums")
    for model in ("base", "tuned"):
        rows = read_jsonl(grades_file(made, "sums", model))
        judged = [
            asdict(Grade(row["question_id"], 0, "correct" if model == "tuned" else row["status"], "", "judge"))
            for row in rows if row["rule"] != "truncated"
        ]  # fmt: skip
        write_jsonl(judged_file(made, "sums", model), judged)
    values = made.params.model_dump()
    judge = {"model": {"source": "owner/judge", "revision": "0123456789abcdef"}}
    values["evaluation"] |= {"judge": judge}
    return Run(Params.model_validate(values), made.params_file)


@pytest.mark.slow
def test_rules_and_judge_are_named_with_their_versions(run: Run) -> None:
    results = load_results(run)
    decides, other = graders(run, results, "sums")
    assert (decides["grader"], decides["name"], decides["decides"]) == ("judge", "owner/judge", True)  # fmt: skip
    assert decides["version"].startswith("0123456789, answer ")
    assert (other["grader"], other["version"], other["decides"]) == ("rules", str(grading.VERSION), False)  # fmt: skip
    (alone,) = graders(run, results, "hle")
    assert graded_by({"graders": [alone]}) == f"graded by rules, version {grading.VERSION}"
    assert graded_by({"graders": [decides]}).startswith("graded by the judge owner/judge (0123456789, answer ")  # fmt: skip
    assert graded_by({}) == ""


def test_each_grader_has_its_scores(run: Run) -> None:
    results = load_results(run)
    rows = results.answers[results.answers["benchmark"] == "sums"]
    found = by_grader(rows, "questions")
    tuned = {grader: block["models"]["tuned"] for grader, block in found.items()}
    right = int((rows[rows["model"] == "tuned"]["by_rules"] == "correct").sum())
    assert tuned["rules"]["accuracy"] == right / 120
    ended = int((rows[rows["model"] == "tuned"]["rule"] != "truncated").sum())
    assert tuned["judge"]["accuracy"] == ended / 120
    assert tuned["judge"]["n_decided"] == ended
    (compared,) = found["judge"]["comparisons"]
    assert compared["difference"] > found["rules"]["comparisons"][0]["difference"]
    assert json.loads(json.dumps(found)) == found
    block = {"n_questions": 120, "kind": "questions", "graders": graders(run, results, "sums"), "by_grader": found}  # fmt: skip
    data = graders_table("sums", block).data
    assert isinstance(data, pd.DataFrame)
    assert list(data["grader"]) == ["judge", "judge", "rules", "rules"]


def test_one_grader_alone_has_no_second_score(run: Run, tmp_path: Path) -> None:
    results = load_results(run)
    rows = results.answers[results.answers["benchmark"] == "hle"]
    assert by_grader(rows, "hle") == {}
