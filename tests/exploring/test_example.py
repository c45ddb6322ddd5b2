"""The kept example can be explored: its files are read back as what they were, small, and true to its page."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.errors import UserError
from llmc_lib.exploring import example, open_runs
from llmc_lib.exploring.table import tidy
from llmc_lib.publish.example import LARGEST_ANSWERS
from llmc_lib.store import ROOT, open_run

EXAMPLE = ROOT / "reports" / "example"


def test_the_kept_answers_are_those_of_its_page() -> None:
    runs = open_runs(EXAMPLE)
    metrics = json.loads((EXAMPLE / "metrics.json").read_text())
    for name, block in metrics["benchmarks"].items():
        rows = runs.answers[runs.answers["benchmark"] == name]
        assert rows["question"].nunique() == block["n_questions"]
        if block["measure"] == "accuracy":
            for model, facts in block["models"].items():
                assert rows[rows["model"] == model]["correct"].mean() == pytest.approx(facts["accuracy"])  # fmt: skip
    files = [EXAMPLE / name for name in ("answers.parquet", "questions.parquet", "rows.parquet", "training.parquet")]  # fmt: skip
    assert sum(file.stat().st_size for file in files) <= LARGEST_ANSWERS
    (opened,) = runs.opened.values()
    assert list(opened.histories) == ["main"]
    assert len(pd.read_parquet(opened.rows[""])) > 300
    assert (
        opened.state == ROOT / "runs" / "example" / "exploring"
    )  # not in the checkout's own files


def test_no_completion_of_an_unsafe_request_is_kept() -> None:
    answers = pd.read_parquet(EXAMPLE / "answers.parquet")
    unsafe = answers[answers["benchmark"].isin(["do_not_answer", "over_refusal"])]
    assert len(unsafe) == 164
    assert not unsafe[["reasoning", "response", "extracted", "explanation"]].any().any()
    assert answers[answers["benchmark"] == "skills"]["response"].all()


def test_what_is_kept_is_read_back(imported: Path, tmp_path: Path) -> None:
    run = open_run(imported)
    found = example.files(run)
    assert set(found) == {"answers.parquet", "questions.parquet"}
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    (original,) = open_runs(imported).opened.values()
    metrics = {
        "main": "hle",
        "benchmarks": {"hle": {"grader": "judge", "thresholds": {}}},
        "provenance": {"params": {"seed": 3}, "evaluation": original.results.manifest},  # type: ignore[union-attr]
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    back = example.read(tmp_path)
    pd.testing.assert_frame_equal(
        tidy("x", back.results).astype(object), tidy("x", original.results).astype(object), check_dtype=False
    )  # fmt: skip
    assert back.results.questions == original.results.questions  # type: ignore[union-attr]
    key = next(iter(back.results.texts))
    assert back.results.texts[key] == original.results.texts[key]  # type: ignore[union-attr]


@pytest.mark.parametrize("content", [b"", b"not Parquet", b"PAR1" * 9])
def test_a_broken_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.json").write_bytes((EXAMPLE / "metrics.json").read_bytes())
    (tmp_path / "answers.parquet").write_bytes(content)
    with pytest.raises(UserError, match="no example that can be read"):
        open_runs(tmp_path)
