"""A report writes into the ledgers what was compared and found, before there is a page."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from llmc_lib.params import GateParams
from llmc_lib.reporting import gate, load_report, sections
from llmc_lib.reporting import looks as recorded
from llmc_lib.reporting.report import Report
from llmc_lib.store import Run, ledger, looks
from tests.reporting.several import several


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(several(tmp_path_factory.mktemp("looks"), main="sums", claims=None))


@pytest.mark.slow
def test_a_finished_report_is_a_look_at_each_benchmark(report: Report) -> None:
    rows = {row["benchmark"]: row for row in ledger.read(report.run.looks)}
    assert set(rows) == set(report.metrics["benchmarks"])
    row = rows["sums"]
    assert row["what"] == "finished"
    assert row["main"] is True
    assert rows["hle"]["main"] is False
    assert (row["n_questions"], row["n_samples"], row["kind"]) == (120, 1, "questions")
    assert row["reference"] == {"model": "base", "identity": "embedded"}
    (candidate,) = row["candidates"]
    for name in ("model", "verdict_code", "difference", "p_value"):
        assert candidate[name] == report.headline[name]
    assert [row["run"] for row in looks.of_all(report.run.runs).rows] == ["several"] * len(rows)


def test_the_page_says_that_no_rule_was_sealed(report: Report) -> None:
    assert report.metrics["provenance"]["seal"] == {"code": "none"}
    assert "No rule was sealed before this run" in sections.provenance(report).markup


def test_a_gate_can_go_by_all_evaluations_under_the_base(report: Report, tmp_path: Path) -> None:
    """A candidate with p = 0.01 is better as the second evaluation (level 0.025), and not as the third (0.0083)."""
    (row,) = (row for row in ledger.read(report.run.looks) if row["benchmark"] == "sums")
    (own,) = row["candidates"]
    changed = {
        "gate": GateParams(among_all=True),
        "runs_dir": str(tmp_path),
        "reports_dir": str(tmp_path),
    }
    run = Run(report.run.params.model_copy(update=changed), report.run.params_file)
    report.keep(run.report / "metrics.json")
    assert gate.ask(run).outcome == "unknown"  # no ledger has it
    looks.record(run, row | {"candidates": [own | {"p_adjusted": 0.01}]})
    for number, outcome in enumerate(("pass", "unknown")):
        other = own | {"p_adjusted": 0.9, "verdict_code": "unclear", "answers": f"{number}"}
        earlier = row | {"run": "other", "time": "2020-01-01T00:00:00+00:00"}
        ledger.append(tmp_path / "other" / "looks.jsonl", earlier | {"candidates": [other]})
        found = gate.ask(run)
        assert found.outcome == outcome
    assert found.findings[0].reason == "counted"
    assert "not clear among all evaluations against this base" in found.told
    shutil.rmtree(tmp_path / "other")
    assert gate.ask(run).outcome == "pass"
    with open(tmp_path / looks.NAME, "a") as file:  # of what was removed from it nothing is known
        file.write("{}\n")
    found = gate.ask(run)
    assert found.outcome == "unknown"
    assert "the ledger of all runs is not as it was written" in found.told


def test_looking_again_at_the_same_answers_is_no_new_look(report: Report) -> None:
    run, results, metrics = report.run, report.results, report.metrics
    before = run.looks.read_bytes()
    # In whatever order, and after the finished one as a partial one, too.
    again = replace(results, answers=results.answers.iloc[::-1])
    recorded.record(run, again, metrics, "partial")
    assert run.looks.read_bytes() == before
    answers = results.answers.copy()
    at = answers.index[(answers["benchmark"] == "sums") & (answers["status"] == "incorrect")][0]
    answers.loc[at, "status"] = "correct"
    recorded.record(run, replace(results, answers=answers), metrics, "finished")
    names = [row["benchmark"] for row in ledger.read(run.looks)]
    assert (names.count("sums"), names.count("hle")) == (2, 1)
