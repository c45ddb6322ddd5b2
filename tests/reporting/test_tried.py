"""All evaluations under a base, from ledgers, and what `make site` says of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.params import Params
from llmc_lib.reporting.site import write_site
from llmc_lib.reporting.tried import tried
from llmc_lib.store import Run, looks


def _look(folder: Path, number: int, p: float, **changed: Any) -> None:
    """Evaluation `number`, in a run of its own, of a candidate that is seen as better where p < 0.05."""
    name = changed.pop("run", f"run-{number:02}")
    run = Run(Params.model_validate({"run": name, "runs_dir": str(folder)}), folder / "p.yaml")
    candidate = {
        "model": "tuned",
        "identity": f"weights {number}",
        "difference": 0.03,
        "p_value": p,
        "p_adjusted": p,
        "verdict_code": "better" if p < 0.05 else "unclear",
        "answers": f"answers {number}",
    }
    row = {
        "what": "finished",
        "time": f"2026-11-{1 + number:02}T00:00:00+00:00",
        "benchmark": "hle",
        "kind": "hle",
        "embedded": False,
        "n_questions": 2500,
        "reference": {"model": "base", "identity": "owner/name@abc1234"},
        "significance": 0.05,
        "candidates": [candidate | changed.pop("candidate", {})],
        "data": f"data {number} {changed}",
    }
    looks.record(run, row | changed, once="data")


def test_twenty_runs_are_counted_and_held_against_smaller_levels(tmp_path: Path) -> None:
    for number in range(20):
        _look(tmp_path, number, 0.03 if number == 12 else 0.4)
    found = tried([tmp_path])
    assert found.problems == []
    (family,) = found.families
    assert (family.evaluations, family.reference, family.benchmark) == (20, "base", "hle")
    of_12 = found.of(tmp_path, "run-12", "tuned", "hle")
    assert of_12 is not None
    trial = of_12[1]
    assert (trial.place, trial.candidate.verdict_code, trial.code) == (13, "better", "unclear")
    assert trial.level == pytest.approx(0.05 / (13 * 12))
    assert trial.p_holm == pytest.approx(0.6)
    assert found.of(tmp_path, "run-12", "tuned", "other") is None


def test_a_clear_gain_is_still_one_and_a_verdict_is_not_taken_back(tmp_path: Path) -> None:
    for number in range(6):
        _look(tmp_path, number, 1e-6 if number == 3 else 0.03 if number == 0 else 0.4)
    codes = [trial.code for trial in tried([tmp_path]).families[0].trials]
    assert codes == ["better", "unclear", "unclear", "better", "unclear", "unclear"]


def test_a_level_is_handed_on_for_the_direction_that_was_found(tmp_path: Path) -> None:
    worse = {"difference": -0.03, "verdict_code": "worse"}
    for number, changed in enumerate([worse, {}, worse]):
        _look(tmp_path, number, 1e-6 if number == 0 else 0.03, candidate=changed)
    trials = tried([tmp_path]).families[0].trials
    assert [trial.level for trial in trials] == pytest.approx([0.05, 0.025, 0.05 / 6])
    assert [trial.code for trial in trials] == ["worse", "unclear", "unclear"]


def test_a_run_at_another_significance_changes_no_verdict_of_before(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.03)
    _look(tmp_path, 1, 0.4, significance=0.01)
    trials = tried([tmp_path]).families[0].trials
    assert [trial.code for trial in trials] == ["better", "unclear"]
    assert trials[1].level == pytest.approx(0.05)  # handed on


def test_a_removed_run_is_counted_and_told(tmp_path: Path) -> None:
    for number in range(3):
        _look(tmp_path, number, 0.4)
    shutil.rmtree(tmp_path / "run-01")
    found = tried([tmp_path])
    assert found.families[0].evaluations == 3
    assert found.problems == [
        f"{tmp_path / 'run-01'}: the run was removed; 1 row of it in the ledger of all runs"
    ]


def test_answers_that_are_graded_again_are_no_new_evaluation(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4)
    _look(tmp_path, 0, 0.3, data="graded again", time="2026-11-02T00:00:00+00:00")
    _look(tmp_path, 0, 0.2, data="elsewhere", run="copy", time="2026-11-03T00:00:00+00:00")
    found = tried([tmp_path])
    (family,) = found.families
    assert family.evaluations == 1
    assert family.trials[0].candidate.p_adjusted == 0.2
    assert (
        found.of(tmp_path, "run-00", "tuned", "hle")
        == found.of(tmp_path, "copy", "tuned", "hle")
        is not None
    )
    _look(tmp_path, 0, 0.2, data="sampled again", candidate={"answers": "others"})
    assert tried([tmp_path]).families[0].evaluations == 2


def test_a_look_so_far_counts_where_the_run_was_never_finished(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4, what="partial", data="first")
    _look(tmp_path, 0, 0.01, what="partial", data="second", candidate={"answers": "more"})
    assert [t.candidate.p_adjusted for t in tried([tmp_path]).families[0].trials] == [0.01]
    _look(tmp_path, 0, 0.2, data="third", time="2026-11-04T00:00:00+00:00")
    assert [t.candidate.p_adjusted for t in tried([tmp_path]).families[0].trials] == [0.2]


def test_another_base_or_benchmark_is_another_family(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4)
    _look(tmp_path, 1, 0.4, reference={"model": "base", "identity": "owner/other@abc1234"})
    _look(tmp_path, 2, 0.4, embedded=True)
    _look(tmp_path, 3, 0.4, kind="questions", benchmark="ours")
    _look(tmp_path, 4, 0.4, kind="questions", benchmark="theirs")
    _look(tmp_path, 5, 0.4, benchmark="hle_again")  # the same questions by another name
    assert sorted(family.evaluations for family in tried([tmp_path]).families) == [1, 1, 1, 1, 2]


def test_rows_of_other_kinds_are_no_looks(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4)
    others: tuple[dict[str, Any], ...] = (
        {"what": "seal"},
        {"what": "finished", "candidates": 7},
        {"reference": None},
    )
    for number, row in enumerate(others):
        run = Run(Params.model_validate({"run": "x", "runs_dir": str(tmp_path)}), tmp_path / "p")
        looks.record(run, {**row, "data": str(number)})
    _look(tmp_path, 1, 0.4, candidate={"difference": "<script>"})
    _look(tmp_path, 2, 0.4, significance=7)
    assert tried([tmp_path]).families[0].evaluations == 1


def test_looks_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4)
    for data in ("1", "2"):
        _look(tmp_path, 1, 0.4, reference=None, data=data)
    _look(tmp_path, 2, 0.4, what="seal")
    found = tried([tmp_path])
    assert found.families[0].evaluations == 1
    assert found.problems == [
        f"{tmp_path / 'run-01'}: 2 looks of its ledger, of another version or changed, cannot be read and count for nothing; make "
        "report of the run adds one that can"
    ]


def test_a_removed_ledger_is_no_removed_run(tmp_path: Path) -> None:
    _look(tmp_path, 0, 0.4)
    (tmp_path / "run-00" / "looks.jsonl").unlink()
    (problem,) = tried([tmp_path]).problems
    assert problem.endswith("looks.jsonl: lacks 1 row that the ledger of all runs has of it")


def test_runs_of_one_name_in_two_folders_are_two_and_counted_in_the_order_of_time(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    _look(one, 3, 0.4, run="tried")  # finished
    _look(other, 1, 0.01, run="tried", what="partial")
    found = tried([one, other])
    assert [trial.look.home for trial in found.families[0].trials] == [other, one]
    places = []
    for folder in (one, other):
        at = found.of(folder, "tried", "tuned", "hle")
        assert at is not None
        places.append((at[1].place, at[1].code))
    assert places == [(2, "unclear"), (1, "better")]
    assert found.of(tmp_path, "tried", "tuned", "hle") is None


def test_the_list_of_reports_says_it_beside_the_runs_own_verdict(tmp_path: Path) -> None:
    runs, reports = tmp_path / "runs", tmp_path / "reports"
    for number in range(4):
        _look(runs, number, 0.03 if number == 2 else 0.4, run=f"run-{number}")
    shutil.rmtree(runs / "run-1")
    interval = {"low": 0.01, "high": 0.05, "printed": ["+1", "+5"]}
    headline = {
        "model": "tuned", "reference": "base", "difference": 0.03, "interval": interval,
        "n": 2500, "verdict": "better", "verdict_code": "better",
    }  # fmt: skip
    block = {
        "kind": "hle", "measure": "accuracy", "n_questions": 2500, "n_samples": 1,
        "models": {"base": {}, "tuned": {}}, "comparisons": [headline],
    }  # fmt: skip
    metrics = {
        "schema_version": 2,
        "main": "hle",
        "benchmarks": {"hle": block},
        "provenance": {"params": {"runs_dir": str(runs)}},
    }
    (reports / "run-2").mkdir(parents=True)
    (reports / "run-2" / "metrics.json").write_text(json.dumps(metrics))
    page = write_site(reports).read_text()
    assert '<span class="word">Better</span>' in page
    assert (
        "Number 3 of 4 evaluations against this base: not clear (p = 0.03, needs p &lt; 0.0083)"
        in page
    )
    assert "hle, against base: 4 evaluations, 4 candidates" in page
    assert "the run was removed; 1 row of it in the ledger of all runs" in page
    shutil.rmtree(runs)
    assert 'id="tried"' not in write_site(reports).read_text()
