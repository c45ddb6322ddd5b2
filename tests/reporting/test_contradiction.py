"""Imported verdicts that contradict the rules wholesale are told at the top of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import evaluation
from llmc_lib.params import Params
from llmc_lib.reporting import load_report
from llmc_lib.reporting import sections as page
from llmc_lib.reporting.report import Report
from llmc_lib.store import ROOT, Run


def _report(folder: Path, said: dict[str, str]) -> Report:
    """The report of two models whose verdicts are changed as `said` says."""
    for model in ("base", "tuned"):
        file = ROOT / "params" / "compare" / f"judged_hle_{model}.json"
        rows: dict[str, Any] = json.loads(file.read_text())
        for row in rows.values():
            judged = row["judge_response"]
            judged["correct"] = said.get(judged["correct"], judged["correct"])
        (folder / f"judged_hle_{model}.json").write_text(json.dumps(rows))
    values = {
        "run": "contradiction",
        "runs_dir": str(folder / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "hle"}],
            "imports": [
                {"model": model, "path": str(folder / f"judged_hle_{model}.json")}
                for model in ("base", "tuned")
            ],
        },
        "report": {"claims": 1},
    }
    run = Run(Params.model_validate(values), folder / "contradiction.yaml")
    return load_report(run, evaluation.import_all(run))


@pytest.mark.slow
def test_a_wholesale_contradiction_is_told_before_the_verdict(tmp_path: Path) -> None:
    report = _report(tmp_path, {"yes": "no"})
    found = report.metrics["benchmarks"]["hle"]["contradiction"]
    assert found["second"] == 0
    assert found["first"] >= 0.1 * found["decided"]
    markup = page.verdict(report).markup
    warning = markup.index("Check the grading first.")
    assert warning < markup.index('class="verdict')
    assert f"0 are correct by the verdicts and {found['first']:,} by the rules" in markup


@pytest.mark.slow
def test_verdicts_that_agree_bring_no_warning(tmp_path: Path) -> None:
    report = _report(tmp_path, {})
    assert report.metrics["benchmarks"]["hle"]["contradiction"] is None
    assert "Check the grading" not in page.verdict(report).markup
