"""`make gate`: its exit status, its table and gate.json, and what keeps it from telling."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.reporting.entries import SCHEMA_VERSION
from llmc_lib.reporting.gate import ask
from llmc_lib.store import ROOT, Run, sha256_file


@pytest.fixture
def gated(compare_run: Run, tmp_path: Path) -> Any:
    """Ask a gate about a copy of the finished comparison; returns the status, and what gate.json says."""
    values = yaml.safe_load(compare_run.params_file.read_text())
    values |= {"runs_dir": str(tmp_path / "runs"), "reports_dir": str(tmp_path / "reports")}
    shutil.copytree(compare_run.folder, tmp_path / "runs" / "compare")
    shutil.copytree(compare_run.report, tmp_path / "reports" / "compare")

    def ask(gate: dict[str, Any] | None, **changed: Any) -> tuple[int, dict[str, Any]]:
        params = tmp_path / "gated.yaml"
        params.write_text(yaml.safe_dump(values | changed | ({"gate": gate} if gate else {})))
        status = main(["gate", str(params)])
        kept = tmp_path / "reports" / "compare" / "gate.json"
        return status, json.loads(kept.read_text()) if kept.is_file() else {}

    return ask


@pytest.mark.slow  # a whole report
def test_it_passes_where_all_holds(
    gated: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = {"better": False, "benchmarks": {"hle": 3}, "categories": {"Math": 10}}
    status, kept = gated(gate)
    assert status == 0
    assert (kept["outcome"], kept["status"], kept["why"]) == ("pass", 0, "")
    assert (kept["candidate"], kept["reference"], kept["run"]) == ("tuned", "base", "compare")
    assert [c["asked"] for c in kept["criteria"]] == [
        "hle: worse by less than 3 points",
        "hle, Math: worse by less than 10 points",
    ]
    assert all(c["low"] > -c["margin"] and c["outcome"] == "pass" for c in kept["criteria"])
    assert kept["gate"]["categories"] == {"Math": 10.0}
    assert kept["metrics_sha256"] == sha256_file(tmp_path / "reports/compare/metrics.json")
    out = capsys.readouterr().out
    assert "Pass: tuned, this checkpoint, against base." in out
    assert "a larger loss is ruled out" in out


@pytest.mark.slow  # a whole report
def test_it_cannot_tell_where_one_is_open(gated: Any) -> None:
    status, kept = gated({"better": False, "benchmarks": {"hle": 3}, "categories": {"Physics": 1}})
    assert (status, kept["outcome"]) == (2, "unknown")
    assert [c["outcome"] for c in kept["criteria"]] == ["pass", "unknown"]


@pytest.mark.slow  # a whole report
def test_a_category_that_is_not_there_is_told_with_those_that_are(gated: Any) -> None:
    status, kept = gated({"categories": {"Maths": 3}})
    assert status == 2
    assert "gate.categories.Maths: no category of hle; it has " in kept["why"]
    assert "Math" in kept["why"]
    assert kept["criteria"] == []


@pytest.mark.slow  # a whole report
def test_a_candidate_that_is_not_there_is_told_with_those_that_are(gated: Any) -> None:
    status, kept = gated({"candidate": "best"})
    assert status == 2
    assert "gate.candidate: 'best' is not a candidate of the report; there is tuned" in kept["why"]


@pytest.mark.slow  # a whole report
def test_without_criteria_nothing_is_answered(
    gated: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gated({"better": False, "benchmarks": {"hle": 3}})[0] == 0
    assert gated(None) == (2, {})  # and the answer of before is gone
    assert "gate: required: what is asked, such as" in capsys.readouterr().err


@pytest.mark.slow  # a whole report
def test_a_gate_that_breaks_down_has_not_told_fail(
    gated: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("llmc_lib.reporting.gate.ask", broken)
    assert gated({"better": True}) == (2, {})
    assert "RuntimeError: a bug of ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [[], {"main": "hle"}, {"main": "hle", "benchmarks": {"hle": {}}}, {"main": "hle", "benchmarks": []},
     {"main": "hle", "benchmarks": {"hle": {"comparisons": [{"model": "a"}]}}}],
)  # fmt: skip
def test_damaged_figures_are_one_message(tmp_path: Path, content: Any) -> None:
    params = {"run": "x", "reports_dir": str(tmp_path), "gate": {"better": True}}
    if isinstance(content, dict):
        content = {"schema_version": SCHEMA_VERSION, **content}
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"metrics\.json: is .*make report writes it again"):
        ask(Run(Params.model_validate(params), tmp_path / "x.yaml"))


@pytest.mark.slow  # a whole report
def test_a_stale_report_decides_nothing_and_an_earlier_answer_is_gone(
    gated: Any, compare_run: Run, tmp_path: Path
) -> None:
    gate = {"better": False, "benchmarks": {"hle": 3}}
    assert gated(gate)[0] == 0
    evaluation = yaml.safe_load(compare_run.params_file.read_text())["evaluation"]
    evaluation["imports"][1]["label"] = "another"
    status, kept = gated(gate, evaluation=evaluation)
    assert (status, kept["outcome"], kept["criteria"]) == (2, "unknown", [])
    assert "is not as the params file asks for now" in kept["why"]
    metrics = tmp_path / "reports" / "compare" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"better"', '"worse"'))
    status, kept = gated(gate)
    assert status == 2
    assert "not of the present results" in kept["why"]


@pytest.mark.slow  # a whole report
def test_a_report_so_far_decides_nothing(gated: Any, tmp_path: Path) -> None:
    report = tmp_path / "reports" / "compare"
    (report / "index.html").rename(report / "partial.html")
    status, kept = gated({"better": True})
    assert status == 2
    assert "no finished report; the report so far of an unfinished evaluation" in kept["why"]
    shutil.rmtree(report)
    assert gated({"better": True}) == (2, {})


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_make_hands_the_status_on(tmp_path: Path, status: int, expected: int) -> None:
    """Of a recipe that fails make ends with 2 by itself."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexit {status}\n")
    python.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "gate", f"BIN={tmp_path}", "READY=help"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == expected, done.stderr
