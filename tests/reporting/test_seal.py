"""Seals: whether a verdict followed a rule that was set before the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.params import Params
from llmc_lib.reporting.seal import seal, sealed
from llmc_lib.reporting.sentences import seal as words
from llmc_lib.store import Run, ledger, looks


def _run(folder: Path, **values: Any) -> Run:
    params = Params.model_validate({"run": "kept", "runs_dir": str(folder), **values})
    return Run(params, folder / "kept.yaml")


def _look(run: Run, data: str = "1", what: str = "partial") -> None:
    looks.record(run, {"what": what, "data": data}, once="data")


def test_sealed_before_any_look_and_unchanged(tmp_path: Path) -> None:
    run = _run(tmp_path, report={"select": ["Math"]}, gate={"safety": 2.0})
    row = seal(run)
    assert row["rule"]["select"] == ["Math"]
    assert row["rule"]["gate"]["safety"] == 2.0
    assert (row["answers"], row["looked"]) == (0, 0)
    _look(run)
    _look(run, "2", "finished")
    found = sealed(run)
    assert found == {
        "code": "followed", "time": row["time"], "params": row["params"], "answers": 0, "looked": 0, "changed": [],
    }  # fmt: skip
    assert "has changed since: the verdict follows that rule." in words.seal_sentence(found)
    assert "had been looked at elsewhere is not known" in words.seal_sentence(found, imported=True)


def test_what_decides_and_has_changed_is_named(tmp_path: Path) -> None:
    seal(_run(tmp_path, gate={"safety": 2.0}))
    later = _run(
        tmp_path,
        seed=3,
        report={"significance": 0.1, "cases": 3, "title": "T"},
        gate={"safety": 5.0},
    )
    _look(later)
    found = sealed(later)
    assert found["code"] == "changed"
    assert [change["key"] for change in found["changed"]] == [
        "seed",
        "report.significance",
        "gate.safety",
    ]
    sentence = words.seal_sentence(found)
    assert (
        "have changed since (seed: 0 → 3; report.significance: 0.05 → 0.1; gate.safety: 2 → 5)."
        in sentence
    )


def test_what_is_only_shown_may_change(tmp_path: Path) -> None:
    seal(_run(tmp_path))
    shown = _run(
        tmp_path, report={"cases": 3, "title": "T", "claims": None}, plan={"gpu": "H100-80GB"}
    )
    assert sealed(shown)["code"] == "followed"


def test_after_a_look_it_is_late(tmp_path: Path) -> None:
    run = _run(tmp_path)
    _look(run)
    _look(run, "2")
    seal(run)
    found = sealed(run)
    assert (found["code"], found["looked"]) == ("late", 2)
    assert "after 2 looks at its answers" in words.seal_sentence(found)


def test_the_last_seal_before_the_first_look_counts(tmp_path: Path) -> None:
    first, second = _run(tmp_path), _run(tmp_path, seed=1)
    seal(first)
    seal(second)
    seal(second)  # as it is already
    seal(first)
    _look(first)
    seal(second)
    assert [row["what"] for row in ledger.read(first.looks)] == ["seal"] * 3 + ["partial", "seal"]
    assert sealed(first)["code"] == "followed"
    assert sealed(second)["code"] == "changed"


def test_not_sealed(tmp_path: Path) -> None:
    run = _run(tmp_path)
    assert sealed(run) == {"code": "none"}
    _look(run)
    assert sealed(run) == {"code": "none"}
    assert "No rule was sealed" in words.seal_sentence(sealed(run))


def test_answers_that_were_there_are_counted(tmp_path: Path) -> None:
    run = _run(tmp_path)
    name = run.params.evaluation.benchmarks[0].name
    folder = run.predictions / name
    folder.mkdir(parents=True)
    (folder / "base.jsonl").write_text("{}\n{}\n")
    (folder / "base.grades.jsonl").write_text("{}\n")
    (folder / "questions.jsonl").write_text("{}\n")
    assert seal(run)["answers"] == 2
    assert "2 answers had been sampled by then." in words.seal_sentence(sealed(run))


def _swapped(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[1] + lines[0])


def _forged(path: Path) -> None:
    """Both rows written anew in the other order, with digests that fit; a further look takes them to all runs."""
    look, sealing = (json.loads(line) for line in path.read_text().splitlines())
    path.unlink()
    for row in (sealing, look):
        ledger.append(path, {k: v for k, v in row.items() if k not in ("previous", "digest")})


@pytest.mark.parametrize("change", [_swapped, _forged])
def test_a_seal_that_was_moved_before_a_look_does_not_count(tmp_path: Path, change: Any) -> None:
    run = _run(tmp_path)
    _look(run)
    seal(run)
    change(run.looks)
    _look(run, "2")
    found = sealed(run)
    assert found["code"] == "broken"
    assert "cannot be verified" in words.seal_sentence(found)


def test_the_command_says_that_it_is_late(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "p.yaml"
    params.write_text(yaml.safe_dump({"run": "kept", "runs_dir": str(tmp_path / "runs")}))
    ledger.append(tmp_path / "runs" / "kept" / "looks.jsonl", {"what": "partial"})
    assert main(["seal", str(params)]) == 0
    assert "after 1 look at its answers: the rule was not set beforehand" in capsys.readouterr().out


def test_the_command_seals_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = tmp_path / "p.yaml"
    params.write_text(yaml.safe_dump({"run": "kept", "runs_dir": str(tmp_path / "runs")}))
    assert main(["seal", str(params)]) == 0
    assert main(["seal", str(params)]) == 0
    assert len(ledger.read(tmp_path / "runs" / "kept" / "looks.jsonl")) == 1
    out = capsys.readouterr().out
    assert out.count("Sealed before the first recorded look at the answers") == 2
    assert "the verdict follows" not in out  # there is none yet
    assert str(tmp_path / "runs" / "kept" / "looks.jsonl") in out
    (tmp_path / "runs" / "kept" / "looks.jsonl").write_text("{}\n")
    assert main(["seal", str(params)]) == 2
    assert (
        "line 1 was changed after it was written: a seal would count for nothing; put back"
        in capsys.readouterr().err
    )
    params.write_text("run: kept\nrprt: 1\n")
    assert main(["seal", str(params)]) == 2
