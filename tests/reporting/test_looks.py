"""A report writes into the ledgers what was compared and found, before there is a page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmc_lib.reporting import load_report
from llmc_lib.reporting import looks as recorded
from llmc_lib.reporting.report import Report
from llmc_lib.store import ledger, looks
from tests.reporting.several import several


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(several(tmp_path_factory.mktemp("looks"), main="sums", claims=None))


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
